import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callOf, procedures, sampleInput } from './inputsOfContract.ts';
import { makeOperators, openTestCore, signIn, type TestCore, type TestEnd } from './openTestCore.ts';

const canary = 'CANARYNAME';
/** These end the session or replace the store; the rest runs with real, accepted inputs. */
const leftOut = ['security.signOut', 'security.setUp', 'security.recover', 'system.openSample', 'storage.rebuildIndex'];

let test: TestCore;
let end: TestEnd;
const printed: string[] = [];
beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (text: string) => boolean;
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      printed.push(String(chunk));
      return write(String(chunk));
    });
  }
  test = await openTestCore();
  end = await test.connect.WebSocket();
  await makeOperators(end.client);
  await signIn(end.client, 'first');
}, 60_000);
afterAll(async () => {
  vi.restoreAllMocks();
  await test.close();
});

function readLogs(): string {
  const folder = path.join(test.home, 'logs');
  if (!existsSync(folder)) return '';
  return readdirSync(folder)
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('');
}

/** A folder to write to lies in the test's own; its last step is the name. */
function withFolder(sample: unknown): unknown {
  if (typeof sample !== 'object' || sample === null || !('directory' in sample)) return sample;
  return { ...sample, directory: path.join(test.home, '..', canary) };
}

describe('a patient name that is fed through every procedure', () => {
  it('is in no log, on no console and in no refusal', async () => {
    const refusals: string[] = [];
    let given = 0;
    for (const { name, input, meta } of procedures) {
      if (leftOut.includes(name) || meta.shape === 'stream') continue;
      const sample = input ? withFolder(sampleInput(input, canary)) : undefined;
      if (input) expect(input.safeParse(sample).success, name).toBe(true);
      if (JSON.stringify(sample)?.includes(canary)) given += 1;
      try {
        await callOf(end.client, name)(sample);
      } catch (error) {
        const { code, details, incidentId } = error as { code: string; details: object; incidentId?: string };
        refusals.push(JSON.stringify([name, code, details, incidentId, String(error)]));
      }
      if (input)
        await callOf(
          end.client,
          name,
        )({ [canary]: canary, studyUid: canary, patientId: canary }).catch(() => undefined);
    }
    // The walk found text to put the name in; otherwise this test would prove nothing.
    expect(given).toBeGreaterThan(8);
    expect(refusals.join('\n')).not.toContain(canary);
    // A handler that broke on a well-formed input is a fault of the program, whatever the log says.
    expect(refusals.filter((refusal) => refusal.includes('"internal"'))).toEqual([]);
    expect(readLogs()).not.toContain(canary);
    expect(printed.join('')).not.toContain(canary);
  }, 60_000);

  it('is in no reply to an asset request, and not in the log after it', async () => {
    for (const target of [
      `/dicomweb/studies/${canary}/metadata`,
      `/documents/${canary}`,
      `/imports/${canary}/files`,
      `/${canary}`,
    ]) {
      const reply = await test.core.serveAsset(
        new Request(`http://core${target}?PatientName=${canary}`),
        end.connectionId,
      );
      expect(reply.status, target).toBeGreaterThanOrEqual(400);
      expect(reply.status, target).toBeLessThan(500);
      expect(await reply.text()).not.toContain(canary);
    }
    expect(readLogs()).not.toContain(canary);
  });

  it('is not in the audit trail of refused calls', async () => {
    const entries = await end.client.security.listAudit({ limit: 500 });
    const refused = entries.filter(({ outcome }) => outcome !== 'success');
    expect(refused.length).toBeGreaterThan(0);
    expect(JSON.stringify(refused)).not.toContain(canary);
  });
});
