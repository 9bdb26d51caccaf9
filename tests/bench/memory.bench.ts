/** 20,000 small instances into one host: what each leaves in its memory, and how long its event loop keeps callers waiting. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { startBenchHost } from './benchHost.ts';
import { say, slope, tell, waitForQuiet } from './measure.ts';

const count = Number(process.env['SALUS_BENCH_INSTANCES'] ?? 20_000);
/** Before that many, caches and compiled code still grow to their size. */
const warmed = count / 4;

const folder = mkdtempSync(path.join(os.tmpdir(), 'salus-bench-instances-'));
try {
  for (const { relativePath, bytes } of syntheticInstances({ count })) {
    const file = path.join(folder, relativePath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  await waitForQuiet();
  const host = await startBenchHost();
  try {
    const points: { x: number; y: number }[] = [];
    let done = 0;
    let ended = false;
    host.resetProbe();
    const before = await host.probe();
    const began = performance.now();
    const importing = host.importPaths([folder], (job) => {
      done = job.done;
    });
    void importing.finally(() => {
      ended = true;
    });
    while (!ended) {
      const { rss } = await host.probe();
      points.push({ x: done, y: rss });
      await sleep(200);
    }
    const job = await importing;
    const seconds = (performance.now() - began) / 1000;
    if (job.counts['imported'] !== count) throw new Error(`not all imported: ${JSON.stringify(job.counts)}`);
    const after = await host.probe();
    const warm = points.filter(({ x }) => x >= warmed);
    say(points.map(({ x, y }) => `${x}:${Math.round(y / 1e6)}`).join(' '));
    const more = {
      instances: count,
      seconds: Math.round(seconds * 10) / 10,
      rssBeforeMB: Math.round(before.rss / 1e6),
      rssWarmedMB: Math.round((warm[0]?.y ?? 0) / 1e6),
      rssEndMB: Math.round((warm.at(-1)?.y ?? 0) / 1e6),
      samples: warm.length,
    };
    tell({
      name: 'memory kept per imported instance',
      value: slope(warm) / 1024,
      unit: 'KiB',
      aim: { atMost: 1 },
      more,
    });
    tell({
      name: 'event-loop delay p99 during import',
      value: after.delayMs.p99,
      unit: 'ms',
      aim: { atMost: 20 },
      more: { instances: count, p50: after.delayMs.p50, maxMs: Math.round(after.delayMs.max) },
    });
    tell({
      name: 'wait of one caller in a hundred during import',
      value: after.randomArrivalP99Ms,
      unit: 'ms',
      aim: { atMost: 20 },
      more: { instances: count },
    });
    tell({ name: 'import of small instances', value: count / seconds, unit: 'files/s', more: { instances: count } });
  } finally {
    await host.stop();
  }
} finally {
  rmSync(folder, { recursive: true });
}
