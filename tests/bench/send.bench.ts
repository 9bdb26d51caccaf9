/**
 * The CT study (200 files, 110 MB) by C-STORE to DCMTK's storescp, which keeps nothing, against DCMTK's storescu sending
 * the same files to the same one. Ours decrypts each object and writes what became of it; both go by turns.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { have, programOf, startStorescp } from '../../scripts/services.ts';
import { openSendingStation, type SendingStation } from '../integration/peers/sendingStation.ts';
import { ctCopies } from './ctCopies.ts';
import { median, say, type Taken, taken, tell, waitForQuiet } from './measure.ts';

if (!have('dcmtk')) throw new Error('this bench needs DCMTK');
const repetitions = Number(process.env['SALUS_BENCH_REPETITIONS'] ?? 5);
const pduBytes = '131072';
const copies = ctCopies();
const folder = path.join(copies.folder, '0');
const files = copies.files.filter((file) => path.dirname(file) === folder);
const bytes = files.reduce((sum, file) => sum + readFileSync(file).length, 0);
const megabytes = bytes / 1e6;

const server = await startStorescp({ arguments: ['--ignore', '-pdu', pduBytes] });
const station = await openSendingStation({ times: {} });
const runs: Record<'salus' | 'storescu', Taken[]> = { salus: [], storescu: [] };
try {
  const job = await station.station.t.importPaths(folder);
  if (job.state !== 'done') throw new Error(`the import ended ${job.state}`);
  const [study] = station.station.t.test.store.reader.all<{ study_uid: string }>('SELECT study_uid FROM study');
  const nodeId = station.addDimse(server);
  // For the thread to start and the programs to be in the page cache: a workstation has been running for hours.
  for (let turn = 0; turn < 3; turn += 1) {
    await send(station, nodeId, study?.study_uid ?? '');
    await storescu();
  }
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    await waitForQuiet();
    runs.salus.push(await taken(() => send(station, nodeId, study?.study_uid ?? '')));
    await waitForQuiet();
    runs.storescu.push(await taken(storescu));
    say(JSON.stringify({ salus: runs.salus.at(-1), storescu: runs.storescu.at(-1) }));
  }
} finally {
  await station.close();
  await server.stop();
}

const rate = (all: readonly Taken[]) => megabytes / median(all.map(({ seconds }) => seconds));
const each = (all: readonly Taken[]) => all.map(({ seconds }) => Math.round(megabytes / seconds));
tell({
  name: 'send against storescu',
  value: rate(runs.salus),
  unit: 'MB/s',
  peer: 'storescu',
  peerValue: rate(runs.storescu),
  aim: { atLeast: 0.7, of: 'ratio' },
  more: {
    ...{ files: files.length, megabytes: Math.round(megabytes), source: copies.source, repetitions },
    each: each(runs.salus),
    peerEach: each(runs.storescu),
  },
});

async function send({ send: queue, deliveries }: SendingStation, nodeId: string, studyUid: string): Promise<void> {
  queue(nodeId, studyUid);
  for (;;) {
    const newest = deliveries.list({ offset: 0, limit: 1, nodeId: null, studyUid: null, states: [] }).rows[0];
    if (!newest) throw new Error('nothing was queued');
    const { state, sent, instances } = newest;
    if (state === 'sent') {
      if (sent !== files.length || instances !== sent) throw new Error(`sent ${sent} of ${instances}`);
      return;
    }
    if (state !== 'queued' && state !== 'sending') throw new Error(`the delivery is ${state}`);
    await sleep(5);
  }
}

function storescu(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      programOf('storescu'),
      ['-pdu', pduBytes, '-aec', server.aeTitle, '+sd', server.host, String(server.port), folder],
      { env: { ...process.env, TCP_NODELAY: '1' }, stdio: 'ignore' },
    );
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`storescu ended with ${code}`))));
  });
}
