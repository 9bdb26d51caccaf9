import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DimseTls } from '../../main/dicom/dimse/dimse.ts';
import { DimseError } from '../../main/dicom/dimse/dimse.ts';
import { rawDataSet } from '../../main/domains/imaging/testObjects.ts';
import { type Certificates, have, makeCertificates, startStorescp } from '../../scripts/services.ts';

import { echoWish, listen, open, plain, run, slice, sliceFile, until } from './dimsePeer.ts';

describe.skipIf(!have('dcmtk', 'openssl'))('DIMSE over TLS (needs DCMTK and OpenSSL)', () => {
  let certificates: Certificates;
  let pem: { ca: string; server: DimseTls; client: DimseTls; stranger: DimseTls; strangerCa: string };
  beforeAll(async () => {
    certificates = await makeCertificates();
    const read = (file: string) => readFile(file, 'utf8');
    const ca = await read(certificates.ca);
    const identity = async ({ certificate, key }: { certificate: string; key: string }): Promise<DimseTls> => ({
      ca,
      certificate: await read(certificate),
      key: await read(key),
      serverName: '',
    });
    pem = {
      ca,
      server: await identity(certificates.server),
      client: await identity(certificates.client),
      stranger: await identity(certificates.stranger),
      strangerCa: await read(certificates.strangerCa),
    };
  });
  afterAll(() => certificates.remove());

  it('dials storescp with and without a certificate, and trusts no stranger', async () => {
    const once = await startStorescp({ tls: certificates.server });
    const both = await startStorescp({ tls: { ...certificates.server, clientCa: certificates.ca } });
    try {
      const anonymous = { ...pem.client, certificate: '', key: '' };
      const association = await open(once, [echoWish], { tls: anonymous });
      expect((await association.echo()).status).toBe(0);
      expect(association.certificate?.subject).toBe('CN=server');
      expect(association.certificate?.validToMs).toBeGreaterThan(Date.now());
      await association.release();

      const mutual = await open(both, [echoWish], { tls: pem.client });
      expect((await mutual.echo()).status).toBe(0);
      await mutual.release();

      const untrusted = open(once, [echoWish], { tls: { ...anonymous, ca: pem.strangerCa } });
      await expect(untrusted).rejects.toMatchObject({ trouble: 'tls' });
      const misnamed = open(once, [echoWish], { tls: { ...anonymous, serverName: 'elsewhere.example' } });
      await expect(misnamed).rejects.toMatchObject({
        trouble: 'tls',
        details: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      });
      // A server of TLS 1.3 refuses a client after the client's handshake: the connection just ends, or says an alert.
      for (const tls of [anonymous, pem.stranger]) {
        const refused = await open(both, [echoWish], { tls }).then(
          () => 'open',
          (problem: unknown) => (problem instanceof DimseError ? problem.trouble : problem),
        );
        expect(['tls', 'closed']).toContain(refused);
      }
      await expect(open(once, [echoWish], { times: { associateMs: 1000 } })).rejects.toBeInstanceOf(DimseError);
    } finally {
      await Promise.all([once.stop(), both.stop()]);
    }
  });

  it('listens for storescu with TLS: a client certificate is shown to whoever decides, a stranger gets nowhere', async () => {
    const shown: (string | undefined)[] = [];
    const { acceptor, objects, reports } = await listen({
      tls: { certificate: pem.server.certificate, key: pem.server.key, clientCa: pem.ca },
      answer: ({ certificate }) => {
        shown.push(certificate?.subject);
        return { accept: true, transferSyntaxesOf: () => plain };
      },
    });
    const folder = await mkdtemp(join(tmpdir(), 'salus-tls-'));
    const file = join(folder, '1.dcm');
    await writeFile(file, sliceFile(1, 480_000));
    const tls = (who: { key: string; certificate: string }) => [
      '+tls',
      who.key,
      who.certificate,
      '+cf',
      certificates.ca,
    ];
    const to = ['localhost', String(acceptor.port)];
    try {
      expect((await run('storescu', ...tls(certificates.client), ...to, file)).code).toBe(0);
      expect(objects.map(({ bytes }) => bytes.length)).toEqual([rawDataSet(slice(1, 480_000)).length]);
      expect(shown).toEqual(['CN=client']);
      expect((await run('echoscu', ...tls(certificates.stranger), ...to)).code).not.toBe(0);
      expect((await run('echoscu', '+tla', '+cf', certificates.ca, ...to)).code).not.toBe(0);
      expect((await run('echoscu', ...to)).code).not.toBe(0);
      expect(shown).toHaveLength(1);
      await until(() => reports.filter(({ ending }) => ending === 'tls').length >= 3);
      expect((await run('echoscu', ...tls(certificates.client), ...to)).code).toBe(0);
    } finally {
      await acceptor.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each<[string, ConnectionOptions, string]>([
    ['TLS 1.3', { minVersion: 'TLSv1.3' }, 'TLSv1.3'],
    ['ECDHE with GCM', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }, 'TLSv1.2'],
    ['DHE with GCM', { maxVersion: 'TLSv1.2', ciphers: 'DHE-RSA-AES256-GCM-SHA384' }, 'TLSv1.2'],
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, 'refused'],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-SHA256' }, 'refused'],
    ['no forward secrecy', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }, 'refused'],
  ])('listens as BCP 195 asks: %s', async (_name, options, expected) => {
    const { acceptor } = await listen({
      tls: { certificate: pem.server.certificate, key: pem.server.key, clientCa: '' },
    });
    const socket = connect({ port: acceptor.port, host: 'localhost', ca: pem.ca, ...options });
    const protocol = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(socket.getProtocol()));
      socket.once('error', () => resolve('refused'));
    });
    socket.destroy();
    await acceptor.close(0);
    expect(protocol).toBe(expected);
  });
});
