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
import { median, say, tell, timed, waitForQuiet } from './measure.ts';
import { uploadToOrthanc } from './orthancUpload.ts';

const repetitions = Number(process.env['SALUS_BENCH_REPETITIONS'] ?? 3);
const copies = ctCopies();
const megabytes = copies.bytes / 1e6;
const seconds: Record<'salus' | 'again' | 'orthanc' | 'copy' | 'copyBy4', number[]> = {
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
    seconds.salus.push(await timed(() => importAll(host, 'imported')));
    seconds.again.push(await timed(() => importAll(host, 'duplicates')));
  } finally {
    await host.stop();
  }
  if (have('orthanc')) {
    await settle();
    const orthanc = await startOrthanc();
    try {
      seconds.orthanc.push(await timed(() => uploadToOrthanc(orthanc, copies.files, 4)));
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
    seconds[name].push(await timed(() => copyDurably(copies.files, folder, hands)));
    rmSync(folder, { recursive: true });
  }
  say(JSON.stringify(Object.fromEntries(Object.entries(seconds).map(([name, all]) => [name, all.at(-1)]))));
}

const rate = (all: readonly number[]) => megabytes / median(all);
const more = { files: copies.files.length, megabytes: Math.round(megabytes), source: copies.source, repetitions };
const spread = (all: readonly number[]) => all.map((one) => Math.round(megabytes / one));
if (seconds.orthanc.length > 0) {
  tell({
    name: 'import against Orthanc',
    value: rate(seconds.salus),
    unit: 'MB/s',
    peer: 'Orthanc, HTTP, 4 clients',
    peerValue: rate(seconds.orthanc),
    aim: { atLeast: 2, of: 'ratio' },
    more: { ...more, each: spread(seconds.salus), peerEach: spread(seconds.orthanc) },
  });
} else say('import against Orthanc: skipped (needs Orthanc)');
for (const [peer, all] of [
  ['copy with fsync per file', seconds.copy],
  ['copy with fsync per file, 4 at once', seconds.copyBy4],
] as const) {
  tell({
    name: `import against ${peer}`,
    value: rate(seconds.salus),
    unit: 'MB/s',
    peer,
    peerValue: rate(all),
    aim: { atLeast: 0.6, of: 'ratio' },
    more: { ...more, each: spread(seconds.salus), peerEach: spread(all) },
  });
}
tell({
  name: 'second import of the same files',
  value: rate(seconds.again),
  unit: 'MB/s',
  peer: 'first import',
  peerValue: rate(seconds.salus),
  more: { ...more, filesPerSecond: Math.round(copies.files.length / median(seconds.again)) },
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
