import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newRoutingRuleSchema } from '../../app/domains/exchange/routingSchema.ts';
import { createStoreHolder, type StoreHolder } from '../../main/database/storeHolder.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { openRouting } from '../../main/domains/exchange/routing/routing.ts';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { openSendingServices, sender } from './sendingServices.ts';

/* Hazard: the power fails while studies are forwarded, and one of them never leaves, or leaves twice. */

const studies = process.env['SALUS_SOAK'] === '1' ? 200 : 8;
/** Kills before it is let be. */
const kills = process.env['SALUS_SOAK'] === '1' ? 60 : 4;
const noTls = { enabled: false, ca: '', certificate: '', serverName: '' };

describe('a core killed while its rules are at work', () => {
  let home: string;
  let holder: StoreHolder;
  const open = () =>
    createStoreHolder(testPlatform(home, Date.now, []), {
      stretchCost: { memoryKib: 256, iterations: 1, parallelism: 1 },
    });
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'salus-routing-killed-'));
    holder = await open();
  });
  afterAll(async () => {
    await holder.close();
    rmSync(home, { recursive: true, force: true });
  });

  it(`${kills} times puts every study into every queue, once`, async () => {
    const { operatorId } = await holder.setUp({ ...sender, siteName: '', initialise: () => undefined });
    await prepare(operatorId);
    await holder.close();
    const random = seededRandom('killed while routing');
    let interrupted = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      if (await run(home, Math.round(random.between(1, 5)))) interrupted += 1;
    }
    await run(home, Number.POSITIVE_INFINITY);
    expect(interrupted, 'no kill fell into the work').toBeGreaterThan(2);
    holder = await open();
    const { store } = await holder.unlock(sender.operatorName, sender.password);
    const asked = store.reader.all<{ node_id: string; study_uid: string; n: number; instances: number }>(
      'SELECT node_id, study_uid, count(*) AS n, sum(instances) AS instances FROM delivery GROUP BY node_id, study_uid',
    );
    expect(asked).toHaveLength(2 * studies);
    expect(asked.filter(({ n, instances }) => n !== 1 || instances !== 1)).toEqual([]);
    const entries = store.reader.all("SELECT 1 FROM audit_entry WHERE action = 'exchange.route'");
    expect(entries).toHaveLength(2 * studies);
    expect(store.reader.all('SELECT deliveries FROM routing_state')).toEqual([
      { deliveries: studies },
      { deliveries: studies },
    ]);
    expect(store.reader.all('SELECT 1 FROM routing_progress')).toEqual([]);
  });

  /** Studies that have come, and two rules that no one has let look at them yet. */
  async function prepare(operatorId: string): Promise<void> {
    const author = { operatorId, operatorName: sender.operatorName, roles: ['administrator' as const], signedInAt: 0 };
    const store = holder.store();
    const { services, nodes, deliveries, close } = openSendingServices(store);
    const routing = openRouting(store, () => services, nodes, deliveries);
    for (const aeTitle of ['A', 'B']) {
      const { nodeId } = nodes.save(author, {
        ...{ nodeId: null, baseVersion: null, name: aeTitle, secrets: {} },
        settings: { kind: 'dimse', host: '127.0.0.1', port: 104, aeTitle, callingAeTitle: '', tls: noTls },
        use: {
          ...{ send: true, search: false, receive: false, proof: 'readBack', transcode: true, receiveFrom: '' },
          ...{ kilobytesPerSecond: null, hours: null },
        },
      });
      const rule = newRoutingRuleSchema.parse({
        ...{ name: aeTitle, enabled: true, trigger: 'arrival', match: {}, nodeId, content: 'study', deidentify: false },
      });
      routing.save(author, { ruleId: null, baseVersion: null, rule });
    }
    const paths = Array.from({ length: studies }, (_, index) => {
      const path = join(home, `${index}.dcm`);
      writeFileSync(path, aSlice({ study: `1.2.826.0.1.3680043.88.${index + 1}` }));
      return path;
    });
    await store.jobs.finished(services.imaging.importPaths(author, paths));
    await routing.close();
    await close();
  }
});

/** Runs the rules to their end, or kills them after so many commits. True when killed. */
function run(home: string, commits: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL('./routingProcess.ts', import.meta.url));
    const child = spawn(process.execPath, [program, home], { stdio: ['pipe', 'pipe', 'pipe'] });
    let seen = 0;
    // What was killed reads no more.
    child.stdin.on('error', () => undefined);
    let problems = '';
    child.stdout.on('data', (piece: Buffer) => {
      // It says one and waits.
      seen += piece.length;
      if (seen >= commits) child.kill('SIGKILL');
      else child.stdin.write('.');
    });
    child.stderr.on('data', (piece: Buffer) => {
      problems += piece.toString();
    });
    child.on('exit', (code, signal) => {
      if (signal === 'SIGKILL' || code === 0) resolve(signal === 'SIGKILL');
      else reject(new Error(`the rules ended with ${code}: ${problems}`));
    });
  });
}
