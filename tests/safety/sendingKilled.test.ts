import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { type BadDimsePeer, startBadDimsePeer } from '../integration/peers/badDimsePeer.ts';
import { openSendingServices, sender } from './sendingServices.ts';

/* Hazard: the power fails while images are sent, and what was on its way is neither here nor there. */

const instances = process.env['SALUS_SOAK'] === '1' ? 400 : 60;
/** Kills before it is let be. */
const kills = process.env['SALUS_SOAK'] === '1' ? 40 : 5;
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };

describe('a core killed while it sends', () => {
  let home: string;
  let holder: StoreHolder;
  let peer: BadDimsePeer;
  const open = () =>
    createStoreHolder(testPlatform(home, Date.now, []), {
      stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
    });
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-sending-killed-'));
    holder = await open();
    peer = await startBadDimsePeer('good');
  });
  afterAll(async () => {
    await holder.close();
    await peer.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it(`${kills} times ends with every object proven, and there once`, async () => {
    const { operatorId } = await holder.setUp({ ...sender, siteName: '', initialise: () => undefined });
    const deliveryId = await queueStudy(operatorId);
    await holder.close();
    const random = seededRandom('killed while sending');
    let interrupted = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const enough = peer.got.length + Math.round(random.between(1, 9));
      await run(home, () => peer.got.length >= enough);
      if (peer.kept.size < instances) interrupted += 1;
    }
    await run(home, () => false);
    expect(interrupted, 'no kill fell into the sending').toBeGreaterThan(0);
    holder = await open();
    const { store } = await holder.unlock(sender.operatorName, sender.password);
    const { deliveries, close } = openSendingServices(store);
    const delivery = deliveries.get({ deliveryId, offset: 0, limit: 500 });
    expect(delivery).toMatchObject({ state: 'proven', instances, proven: instances, proof: 'readBack' });
    expect(delivery.rows.map(({ sopUid }) => sopUid).sort()).toEqual([...peer.kept.keys()].sort());
    // What was acknowledged before a kill may come once more, and no more than what was not written yet.
    expect(peer.got.length).toBeLessThan(instances * (kills + 1));
    const ends = store.reader.all(
      "SELECT 1 FROM audit_entry WHERE action = 'exchange.deliver' AND subject_id = ?",
      deliveryId,
    );
    expect(ends).toHaveLength(1);
    await close();
  });

  async function queueStudy(operatorId: string): Promise<string> {
    const author = { operatorId, operatorName: sender.operatorName, roles: ['administrator' as const], signedInAt: 0 };
    const { services, nodes, deliveries, close } = openSendingServices(holder.store());
    const study = '1.2.826.0.1.3680043.77';
    const paths = Array.from({ length: instances }, (_, index) => {
      const path = join(home, `${index}.dcm`);
      writeFileSync(path, aSlice({ study, sop: `${study}.${index + 1}`, number: index + 1 }));
      return path;
    });
    await holder.store().jobs.finished(services.imaging.importPaths(author, paths));
    const { nodeId } = nodes.save(author, {
      nodeId: null,
      baseVersion: null,
      name: 'peer',
      settings: {
        ...{ kind: 'dimse', host: peer.host, port: peer.port, aeTitle: peer.aeTitle, callingAeTitle: '', tls: noTls },
      },
      use: {
        ...{ send: true, search: false, receive: false, proof: 'readBack', transcode: true, receiveFrom: '' },
        // Slow enough to be killed in the middle.
        kilobytesPerSecond: 24,
        hours: null,
      },
      secrets: {},
    });
    const { deliveryId } = deliveries.send(author, {
      nodeId,
      studyUid: study,
      seriesUids: [],
      reportId: null,
      deidentify: false,
    });
    await close();
    return deliveryId;
  }
});

/** Runs the sending process to its end, or kills it once it has come far enough. */
function run(home: string, isEnough: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./sendingProcess.ts', import.meta.url));
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
      else reject(new Error(`the sending process ended with ${code}: ${problems}`));
    });
  });
}
