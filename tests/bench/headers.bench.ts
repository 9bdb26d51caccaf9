/**
 * Headers alone: two worker threads read files and their headers, the rows go into an encrypted store 200 to a
 * transaction; nothing is hashed, encrypted or archived. What the index costs beside the bytes.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openTestStore } from '../../main/database/testStore.ts';
import type { Services } from '../../main/domainServices.ts';
import { indexInstances } from '../../main/domains/imaging/import/indexInstances.ts';
import { openPatientService } from '../../main/domains/patients/patientService.ts';
import { openWorklistService } from '../../main/domains/worklist/worklistService.ts';
import { ctCopies } from './ctCopies.ts';
import type { ReadHeaders } from './headerIndex.worker.ts';
import { median, tell, timed, waitForQuiet } from './measure.ts';

const repetitions = 5;
const threads = 2;
const batch = 200;

const copies = ctCopies();
for (const file of copies.files) readFileSync(file);
const workers = Array.from({ length: threads }, () => new Worker(new URL('./headerIndex.worker.ts', import.meta.url)));
const rates: number[] = [];
try {
  // The first round is for the threads to start and to compile.
  for (let repetition = 0; repetition <= repetitions; repetition += 1) {
    await waitForQuiet();
    const seconds = await indexAll();
    if (repetition > 0) rates.push(copies.files.length / seconds);
  }
} finally {
  await Promise.all(workers.map((worker) => worker.terminate()));
}
tell({
  name: 'index rate of headers alone',
  value: median(rates),
  unit: 'files/s',
  aim: { atLeast: 2000 },
  more: { files: copies.files.length, source: copies.source, threads, repetitions, each: rates.map(Math.round) },
});

async function indexAll(): Promise<number> {
  const test = await openTestStore();
  try {
    const services = {} as { -readonly [Name in keyof Services]: Services[Name] };
    services.patients = openPatientService(test.store, () => services);
    services.worklist = openWorklistService(test.store, () => services);
    const write = ({ objects }: ReadHeaders) =>
      test.store.gate.write(test.author, 'bench.index', (tx) => {
        const arrived = objects.map((object) => ({
          ...object,
          objectName: createHash('sha256').update(object.header.sopUid).digest('hex'),
        }));
        const outcomes = indexInstances(tx, test.author, arrived, { source: 'import', receivedAt: tx.nowMs }, services);
        if (outcomes.some((outcome) => outcome !== 'imported')) throw new Error('not all were new');
      });
    return await timed(async () => {
      let next = 0;
      const ask = (worker: Worker): Promise<ReadHeaders> | null => {
        const files = copies.files.slice(next, next + batch);
        next += batch;
        if (files.length === 0) return null;
        worker.postMessage(files);
        return new Promise((resolve) => worker.once('message', resolve));
      };
      await Promise.all(
        workers.map(async (worker) => {
          for (let reading = ask(worker); reading !== null; ) {
            const read = await reading;
            // The thread goes on while this one writes.
            reading = ask(worker);
            write(read);
          }
        }),
      );
    });
  } finally {
    await test.close();
  }
}
