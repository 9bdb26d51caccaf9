import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { factsInArchive } from './statementsInArchive.ts';

/** Ten kills here, two hundred in the soak. */
const kills = process.env['SALUS_SOAK'] === '1' ? 200 : 10;
const password = 'a long enough password';

/** A small generator with a fixed seed (mulberry32), so that a failing round can be run again. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Runs a program that is killed with SIGKILL some milliseconds after its first line; gives the whole lines it wrote. */
function runUntilKilled(program: URL, args: readonly string[], afterMs: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(program), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let problems = '';
    let armed = false;
    child.stdout.on('data', (piece: Buffer) => {
      output += piece.toString();
      if (armed || !output.includes('\n')) return;
      armed = true;
      setTimeout(() => child.kill('SIGKILL'), afterMs);
    });
    child.stderr.on('data', (piece: Buffer) => {
      problems += piece.toString();
    });
    child.on('exit', (_code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the program ended by itself: ${problems}`));
      else resolve(output.split('\n').slice(0, -1));
    });
  });
}

/** The facts the writer said were committed before it was killed. */
async function writeUntilKilled(home: string, first: number, afterMs: number): Promise<number[]> {
  const lines = await runUntilKilled(new URL('./writerProcess.ts', import.meta.url), [home, String(first)], afterMs);
  return lines.filter((line) => /^\d+$/.test(line)).map(Number);
}

describe('a writer killed at random points', () => {
  let home: string;
  let holder: StoreHolder;
  const logged: string[] = [];
  const platform = () => testPlatform(home, Date.now, logged);

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-killed-'));
    holder = await createStoreHolder(platform(), { stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 } });
    await holder.setUp({ operatorName: 'writer', password, siteName: '', initialise: () => undefined });
    await holder.close();
  });
  afterAll(async () => {
    await holder.close();
    rmSync(home, { recursive: true, force: true });
  });

  it(`loses no committed fact, half of none, and no archived object (${kills} kills)`, {
    timeout: kills * 20_000,
  }, async () => {
    const random = makeRandom(20_261_120);
    const committed = new Set<number>();
    const told = new Map<string, string | null>();
    let next = 1;
    let busyKills = 0;
    for (let round = 0; round < kills; round += 1) {
      const said = await writeUntilKilled(home, next, Math.floor(random() * 400));
      for (const number of said) committed.add(number);
      if (said.length > 0) busyKills += 1;

      holder = await createStoreHolder(platform());
      const { store } = await holder.unlock('writer', password);
      const rows = store.reader.all<{ annotation_id: string; body: string }>(
        "SELECT annotation_id, body FROM annotation_version WHERE annotation_id LIKE 'fact-%'",
      );
      const settings = store.reader.all<{ name: string }>("SELECT name FROM setting WHERE name LIKE 'fact-%'");
      const present = new Set(rows.map(({ annotation_id }) => Number(annotation_id.slice(5))));
      expect(
        [...committed].filter((number) => !present.has(number)),
        `round ${round}: lost`,
      ).toEqual([]);
      expect(new Set(settings.map(({ name }) => Number(name.slice(5)))), `round ${round}: half facts`).toEqual(present);
      // Committed but killed before it could say so: at most the one that was under way.
      expect(present.size - committed.size, `round ${round}`).toBeLessThanOrEqual(1);
      // What an index rebuilt from the archive would show: no fact more, none less.
      expect(await factsInArchive(store, told), `round ${round}: archived`).toEqual([...present].map(String).sort());
      for (const number of present) committed.add(number);
      for (const { body } of rows.slice(-20)) {
        for (const name of (JSON.parse(body) as (string | null)[]).filter((each) => each !== null))
          store.archive.getSync(name);
      }
      expect(await store.verifyAudit(), `round ${round}`).toMatchObject({ ok: true, reason: 'intact' });
      expect(readdirSync(join(home, 'archive', 'incoming'))).toEqual([]);
      next = Math.max(0, ...present) + 1;
      await holder.close();
    }
    // A kill before the first write proves little: most must fall among writes.
    expect(busyKills).toBeGreaterThan(kills / 2);
  });
});

describe('a first run killed at random points', () => {
  it(`leaves no store or a whole one (${kills} kills)`, { timeout: kills * 20_000 }, async () => {
    const random = makeRandom(7);
    const phases = new Set<string>();
    for (let round = 0; round < kills; round += 1) {
      const home = mkdtempSync(join(tmpdir(), 'salus-first-'));
      try {
        const program = new URL('./setUpProcess.ts', import.meta.url);
        const lines = await runUntilKilled(program, [home], Math.floor(random() * 150));
        const holder = await createStoreHolder(testPlatform(home, Date.now, []), {
          stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
        });
        const { phase } = holder;
        phases.add(phase);
        if (phase === 'empty') {
          expect(lines, `round ${round}`).not.toContain('answered');
          await holder.setUp({ operatorName: 'writer', password, siteName: '', initialise: () => undefined });
        } else {
          await holder.unlock('writer', password);
        }
        expect(await holder.store().verifyAudit(), `round ${round}: ${phase}`).toMatchObject({ ok: true });
        for await (const name of holder.store().archive.names()) holder.store().archive.getSync(name);
        await holder.close();
      } finally {
        rmSync(home, { recursive: true, force: true });
      }
    }
    expect(phases).toContain('empty');
  });
});
