import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have, makeCertificates, programOf } from '../../scripts/services.ts';
import { type CoreWithNodes, openCoreWithNodes, runProgram } from './coreWithNodes.ts';

function hasCurl(): boolean {
  try {
    return programOf('curl') !== '';
  } catch {
    return false;
  }
}

describe.skipIf(!have('openssl'))('beyond this machine (needs openssl)', { timeout: 60_000 }, () => {
  let core: CoreWithNodes;
  beforeAll(async () => {
    core = await openCoreWithNodes();
  }, 120_000);
  afterAll(() => core?.close());

  it('listens only with TLS, and speaks no old one', async () => {
    const { settings } = await core.client.api.state();
    const everywhere = { ...settings, enabled: true, port: 0, host: '0.0.0.0' };
    const refused = (code: string) => expect.objectContaining({ code });
    await expect(core.client.api.save({ settings: everywhere })).rejects.toEqual(refused('api.tlsNeeded'));
    const certificates = await makeCertificates();
    const folder = mkdtempSync(path.join(tmpdir(), 'salus-rest-'));
    try {
      const certificate = readFileSync(certificates.server.certificate, 'utf8');
      const secured = { ...everywhere, tls: { enabled: true, certificate } };
      await expect(core.client.api.save({ settings: secured })).rejects.toEqual(refused('exchange.badKey'));
      const state = await core.client.api.save({
        settings: secured,
        privateKey: readFileSync(certificates.server.key, 'utf8'),
      });
      expect(state).toMatchObject({ state: 'listening', hasPrivateKey: true, certificateDaysLeft: expect.any(Number) });
      expect(JSON.stringify(state)).not.toContain('PRIVATE KEY');
      const { secret } = await core.client.api.createToken({ name: 'probe', scopes: ['health'], expiresAt: null });
      const agent = new Agent({ ca: readFileSync(certificates.ca) });
      const get = (more: object = {}, headers: Record<string, string> = {}) =>
        new Promise<number | string>((resolve) => {
          const place = { host: '127.0.0.1', port: state.port, servername: 'localhost', path: '/api/v1/health' };
          const options = { ...place, agent, ...more };
          requestTls({ ...options, headers: { authorization: `Bearer ${secret}`, ...headers } }, (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          })
            .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'))
            .end();
        });
      expect(await get()).toBe(200);
      expect(await get({}, { host: 'elsewhere.example' })).toBe(421);
      const old = new Agent({ ca: readFileSync(certificates.ca), maxVersion: 'TLSv1.1', minVersion: 'TLSv1' });
      expect(await get({ agent: old })).not.toBe(200);
      old.destroy();
      if (hasCurl()) {
        // The header from a file: not in the list of processes.
        writeFileSync(path.join(folder, 'header'), `Authorization: Bearer ${secret}\n`);
        const given = ['-sS', '--cacert', certificates.ca, '-H', `@${path.join(folder, 'header')}`];
        const said = await runProgram('curl', [...given, `https://localhost:${state.port}/api/v1/health`]);
        expect(JSON.parse(said)).toMatchObject({ status: 'ok' });
      }
      agent.destroy();
      // Lines that never begin their handshake: the listener ends without waiting for them.
      const silent = Array.from({ length: 3 }, () =>
        connect(state.port ?? 0, '127.0.0.1').on('error', () => undefined),
      );
      await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
      const startedMs = performance.now();
      await core.client.api.save({ settings });
      expect(performance.now() - startedMs).toBeLessThan(6000);
      await expect.poll(() => silent.every(({ closed }) => closed), { timeout: 20_000 }).toBe(true);
    } finally {
      await core.client.api.save({ settings });
      await certificates.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
