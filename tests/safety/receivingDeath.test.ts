import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { aSlice, type RawElements } from '../../main/domains/imaging/testObjects.ts';
import { startCore } from '../../main/startCore.ts';
import { have } from '../../scripts/services.ts';
import { storescu } from '../integration/peers/receivingStation.ts';

/** Three kills here, sixty in the soak. */
const kills = process.env['SALUS_SOAK'] === '1' ? 60 : 3;
const operatorName = 'receiver';
const password = 'a long enough password';
const filesPerKill = 250;

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

function startReceiving(home: string): Promise<{ child: ChildProcess; port: number }> {
  const program = fileURLToPath(new URL('./receivingProcess.ts', import.meta.url));
  const child = spawn(process.execPath, [program, home, operatorName, password], { stdio: ['ignore', 'pipe', 'pipe'] });
  let problems = '';
  child.stderr.on('data', (piece: Buffer) => {
    problems += piece.toString();
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (piece: Buffer) => {
      const port = Number(piece.toString());
      if (Number.isInteger(port)) resolve({ child, port });
      else reject(new Error(piece.toString()));
    });
    child.once('exit', () => reject(new Error(`the core ended by itself: ${problems}`)));
  });
}

describe.skipIf(!have('dcmtk'))('a core killed while it receives (needs DCMTK)', () => {
  let home: string;
  let files: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-death-'));
    files = mkdtempSync(join(tmpdir(), 'salus-death-files-'));
    const core = await startCore(testPlatform(home, Date.now, []));
    const { client } = core.openMemoryClient();
    await client.security.setUp({ operatorName, fullName: 'R', password, language: 'en', siteName: '' });
    const { settings } = await client.exchange.receiver();
    await client.exchange.saveNode({
      nodeId: null,
      baseVersion: null,
      name: 'modality',
      settings: {
        kind: 'dimse',
        host: '127.0.0.1',
        port: 104,
        aeTitle: 'MODALITY',
        tls: { enabled: false },
      },
      use: { send: false, search: false, receive: true },
      secrets: {},
    });
    const state = await client.exchange.saveReceiver({
      settings: { ...settings, enabled: true, port: 0, leastFreeMib: 64 },
    });
    expect(state).toMatchObject({ state: 'listening' });
    await core.stop();
  }, 60_000);
  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
    rmSync(files, { recursive: true, force: true });
  });

  it(`keeps every object that was answered with success (${kills} kills)`, { timeout: kills * 60_000 }, async () => {
    const random = makeRandom(20_261_121);
    const acknowledged = new Set<string>();
    let cutRounds = 0;
    for (let round = 0; round < kills; round += 1) {
      const sops = Array.from({ length: filesPerKill }, (_, index) => `1.2.840.99999.${round}.${index + 1}`);
      const paths = sops.map((sop, index) => {
        const path = join(files, `${round}-${index}.dcm`);
        // Every tenth is long enough to be half way when the end comes.
        const more: RawElements = index % 10 === 0 ? { '00420011': ['OB', Buffer.alloc(3_000_000, index)] } : {};
        writeFileSync(path, aSlice({ sop, study: `1.2.840.99998.${round}`, more }));
        return path;
      });
      const { child, port } = await startReceiving(home);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      const sending = storescu(port, paths);
      await sleep(150 + random() * 900);
      child.kill('SIGKILL');
      const { answers } = await sending;
      await gone;
      // What storescu had heard: it sends one after the other, in the order given.
      const heard = answers.filter((answer) => answer === 'Success').length;
      for (const sop of sops.slice(0, heard)) acknowledged.add(sop);
      if (heard > 0 && heard < filesPerKill) cutRounds += 1;

      const holder = await createStoreHolder(testPlatform(home, Date.now, []));
      const { store } = await holder.unlock(operatorName, password);
      const rows = store.reader.all<{ sop_uid: string; object_name: string }>(
        'SELECT sop_uid, object_name FROM instance',
      );
      const here = new Map(rows.map(({ sop_uid, object_name }) => [sop_uid, object_name]));
      expect([...acknowledged].filter((sop) => !here.has(sop))).toEqual([]);
      for (const name of here.values()) store.archive.getSync(name);
      expect(await store.verifyAudit()).toMatchObject({ ok: true, reason: 'intact' });
      expect(readdirSync(join(home, 'archive', 'incoming'))).toEqual([]);
      await holder.close();
    }
    // A kill before or after everything proves little.
    expect(cutRounds, 'no kill fell among the objects').toBeGreaterThan(0);

    // The next start says how those associations ended, and goes on receiving; the same again completes the studies.
    const { child, port } = await startReceiving(home);
    const again = Array.from({ length: filesPerKill }, (_, index) => join(files, `0-${index}.dcm`));
    expect((await storescu(port, again)).answers.every((answer) => answer === 'Success')).toBe(true);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const holder = await createStoreHolder(testPlatform(home, Date.now, []));
    const { store } = await holder.unlock(operatorName, password);
    const interrupted = store.reader.get<{ n: number }>(
      `SELECT count(*) AS n FROM association WHERE ending = 'closed' AND details = '{"interrupted":true}'`,
    );
    expect(interrupted?.n).toBeGreaterThan(0);
    expect(
      store.reader.get(
        `SELECT count(*) AS n FROM instance i JOIN series s ON s.series_row = i.series_row JOIN study st ON st.study_row = s.study_row
         WHERE st.study_uid = '1.2.840.99998.0'`,
      ),
    ).toEqual({ n: filesPerKill });
    await holder.close();
  });
});
