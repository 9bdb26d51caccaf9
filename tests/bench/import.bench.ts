/**
 * The CT study ten times over (2,000 files, 1.1 GB) into the encrypted store, against Orthanc taking the same files
 * over HTTP with 4 clients, and against a copy with an fsync per file. Each repetition runs all of them in turn.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { have, startOrthanc } from '../../scripts/services.ts';
import { startBenchHost } from './benchHost.ts';
import { copyDurably } from './copyFiles.ts';
import { ctCopies } from './ctCopies.ts';
import { median, say, type Taken, taken, tell, waitForQuiet } from './measure.ts';
import { uploadToOrthanc } from './orthancUpload.ts';

const repetitions = Number(process.env['SALUS_BENCH_REPETITIONS'] ?? 3);
const copies = ctCopies();
const megabytes = copies.bytes / 1e6;
const runs: Record<'salus' | 'again' | 'orthanc' | 'copy' | 'copyBy4', Taken[]> = {
  salus: [],
  again: [],
  orthanc: [],
  copy: [],
  copyBy4: [],
};
say(`${copies.source} ×10: ${copies.files.length} files, ${Math.round(megabytes)} MB`);
// Everybody reads from the page cache: what is measured is the taking in.
for (const file of copies.files) readFileSync(file);

for (let repetition = 0; repetition < repetitions; repetition += 1) {
  await settle();
  const host = await startBenchHost();
  try {
    runs.salus.push(await taken(() => importAll(host, 'imported')));
    runs.again.push(await taken(() => importAll(host, 'duplicates')));
  } finally {
    await host.stop();
  }
  if (have('orthanc')) {
    await settle();
    const orthanc = await startOrthanc();
    try {
      runs.orthanc.push(await taken(() => uploadToOrthanc(orthanc, copies.files, 4)));
    } finally {
      await orthanc.stop();
    }
  }
  for (const [name, hands] of [
    ['copy', 1],
    ['copyBy4', 4],
  ] as const) {
    await settle();
    const folder = path.join(os.tmpdir(), `salus-bench-copy-${process.pid}`);
    runs[name].push(await taken(() => copyDurably(copies.files, folder, hands)));
    rmSync(folder, { recursive: true });
  }
  say(JSON.stringify(Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, all.at(-1)]))));
}

const rate = (all: readonly Taken[]) => megabytes / median(all.map(({ seconds }) => seconds));
const each = (all: readonly Taken[]) => all.map(({ seconds }) => Math.round(megabytes / seconds));
const cpuSeconds = (all: readonly Taken[]) => Number(median(all.map((one) => one.cpuSeconds)).toFixed(2));
const facts = { files: copies.files.length, megabytes: Math.round(megabytes), source: copies.source, repetitions };
const against = (peer: string, peers: readonly Taken[], least: number) =>
  tell({
    name: `import against ${peer}`,
    value: rate(runs.salus),
    unit: 'MB/s',
    peer,
    peerValue: rate(peers),
    aim: { atLeast: least, of: 'ratio' },
    more: {
      ...facts,
      each: each(runs.salus),
      peerEach: each(peers),
      cpuSeconds: cpuSeconds(runs.salus),
      peerCpuSeconds: cpuSeconds(peers),
    },
  });
if (runs.orthanc.length > 0) against('Orthanc over HTTP, 4 clients', runs.orthanc, 2);
else say('import against Orthanc: skipped (needs Orthanc)');
against('copy with fsync per file', runs.copy, 0.6);
against('copy with fsync per file, 4 at once', runs.copyBy4, 0.6);
tell({
  name: 'second import of the same files',
  value: rate(runs.again),
  unit: 'MB/s',
  peer: 'first import',
  peerValue: rate(runs.salus),
  more: { ...facts, filesPerSecond: Math.round((copies.files.length * rate(runs.again)) / megabytes) },
});

async function importAll(
  host: Awaited<ReturnType<typeof startBenchHost>>,
  outcome: 'imported' | 'duplicates',
): Promise<void> {
  const job = await host.importPaths([copies.folder]);
  if (job.counts[outcome] !== copies.files.length) throw new Error(`not all ${outcome}: ${JSON.stringify(job.counts)}`);
}

/** What the last one left to be written is not the next one's burden. */
async function settle(): Promise<void> {
  spawnSync('sync');
  await waitForQuiet();
}
