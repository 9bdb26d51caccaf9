/** Certificates for tests of TLS, made by openssl: `describe.skipIf(!have('openssl'))`. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { keepTail, programOf } from './processes.ts';

/** Files in PEM of one side of a TLS connection. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Certificates {
  readonly folder: string;
  /** The authority that signed `server` (localhost and 127.0.0.1) and `client`. */
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  /** Signed by another authority, for what must be refused. */
  readonly strangerCa: string;
  readonly stranger: Identity;
  remove(): Promise<void>;
}

/** Makes an authority, a server's and a client's certificate with openssl, and the same of a stranger. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), 'salus-certificates-'));
  const file = (name: string) => path.join(folder, name);
  const newKey = ['-newkey', 'rsa:2048', '-nodes', '-days', '30', '-sha256'];
  const authority = async (name: string) => {
    await openssl(folder, [
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    ]);
    return file(`${name}.pem`);
  };
  const identity = async (name: string, signer: string): Promise<Identity> => {
    await openssl(folder, [
      'req',
      ...newKey.slice(0, 3),
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    ]);
    await writeFile(file(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
    const signing = ['-CA', `${signer}.pem`, '-CAkey', `${signer}.key`, '-CAcreateserial', '-days', '30', '-sha256'];
    await openssl(folder, [
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...signing,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    ]);
    return { certificate: file(`${name}.pem`), key: file(`${name}.key`) };
  };
  const ca = await authority('authority');
  const strangerCa = await authority('elsewhere');
  return {
    folder,
    ca,
    server: await identity('server', 'authority'),
    client: await identity('client', 'authority'),
    strangerCa,
    stranger: await identity('stranger', 'elsewhere'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function openssl(folder: string, args: string[]): Promise<void> {
  const child = spawn(programOf('openssl'), args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = keepTail(child);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`openssl ended with ${code}: ${log()}`);
}
