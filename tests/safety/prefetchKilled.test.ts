import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localDay } from '../../app/shared/localDay.ts';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import {
  type ArchivePeer,
  aPrefetchRule,
  archiveNode,
  datedSlice,
  keeper,
  openPrefetchCore,
  shelved,
  startArchivePeer,
} from './prefetchServices.ts';

/* Hazard: the power fails while priors come, and what a rule owes is forgotten, or is brought again and again. */

const person = { identifier: 'ID-001', name: 'Lefèvre^Anne', birthDate: '19600102' };
const priors = ['1.3.1', '1.3.2', '1.3.3'];
const imagesEach = 4;

describe('a core killed while it brings priors', () => {
  let home: string;
  let holder: StoreHolder;
  let peer: ArchivePeer;
  const open = () =>
    createStoreHolder(testPlatform(home, Date.now, []), {
      stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
    });
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-prefetch-killed-'));
    holder = await open();
    peer = await startArchivePeer();
  });
  afterAll(async () => {
    await holder.close();
    await peer.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it('ends with each of them here whole, after one look that the audit tells of', async () => {
    const date = localDay(Date.now() - 200 * 86_400_000);
    peer.objects = priors.flatMap((study) =>
      Array.from({ length: imagesEach }, () => shelved({ ...person, study, date })),
    );
    await receiveStudy();
    // Slow enough to be killed in the middle.
    peer.delayMs = 20;
    // At the look, at a list of images, and with images on their way.
    for (const enough of [1, 3, 7]) {
      const before = peer.requests.length;
      await run(home, () => peer.requests.length - before >= enough);
    }
    expect(peer.fetched().length, 'all had come before the last kill').toBeLessThan(priors.length);
    await run(home, () => false);
    holder = await open();
    const { store } = await holder.unlock(keeper.operatorName, keeper.password);
    const { services, prefetch, close } = openPrefetchCore(store);
    const { rows } = prefetch.runs({ offset: 0, limit: 10, studyUid: null });
    expect(rows).toMatchObject([{ studyUid: '1.4', state: 'done', found: 3, fetched: 3, lastTrouble: null }]);
    for (const study of priors) expect(services.imaging.listSopUids(study), study).toHaveLength(imagesEach);
    const looks = store.reader.all("SELECT 1 FROM audit_entry WHERE action = 'exchange.prefetch'");
    expect(looks).toHaveLength(1);
    // Each by one job, which went on after every kill.
    const fetches = store.jobs.list().filter(({ kind }) => kind === 'fetch');
    expect(fetches.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    await close();
  });

  /** A study arrives, and the core dies before anybody looked at it. */
  async function receiveStudy(): Promise<void> {
    const { operatorId } = await holder.setUp({ ...keeper, siteName: '', initialise: () => undefined });
    const author = { operatorId, operatorName: keeper.operatorName, roles: ['administrator' as const], signedInAt: 0 };
    const { services, nodes, prefetch, close } = openPrefetchCore(holder.store());
    const { nodeId } = nodes.save(author, archiveNode('archive', peer.baseUrl));
    prefetch.save(author, { ruleId: null, baseVersion: null, rule: aPrefetchRule([nodeId]) });
    const file = join(home, 'new.dcm');
    writeFileSync(file, aSlice(datedSlice({ ...person, study: '1.4', date: localDay(Date.now()) })));
    await holder.store().jobs.finished(services.imaging.importPaths(author, [file]));
    await close();
    await holder.close();
  }
});

/** Runs the process to its end, or kills it once it has come far enough. */
function run(home: string, isEnough: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./prefetchProcess.ts', import.meta.url));
    const child = spawn(process.execPath, [program, home], { stdio: ['ignore', 'ignore', 'pipe'] });
    const look = setInterval(() => {
      if (isEnough()) child.kill('SIGKILL');
    }, 5);
    let problems = '';
    child.stderr.on('data', (piece: Buffer) => {
      problems += piece.toString();
    });
    child.on('exit', (code, signal) => {
      clearInterval(look);
      if (signal === 'SIGKILL' || code === 0) resolve();
      else reject(new Error(`the process ended with ${code}: ${problems}`));
    });
  });
}
