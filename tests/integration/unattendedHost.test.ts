import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseHandle, type DatabaseKey, openDatabase } from '../../main/database/openDatabase.ts';
import { storePaths } from '../../main/database/storePaths.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';
import { unlockWithPassword } from '../../main/keyring/keyring.ts';
import { readKeyring } from '../../main/keyring/keyringFile.ts';
import { makeNodePlatform } from '../../main/platform/nodePlatform.ts';
import { startCore } from '../../main/startCore.ts';
import { type DicomServer, findFreePort, have, startDcmqrscp } from '../../scripts/services.ts';
import { storescu, until } from './peers/receivingStation.ts';

const operatorName = 'first';
const password = 'correct horse 1';
const program = (name: string) => fileURLToPath(new URL(`../../main/hosts/${name}`, import.meta.url));

/*
 * The local host as a service runs it: nobody at a keyboard. What it does is read from its database, with the key that
 * the password of the test's operator opens, so that nobody has to sign in to look.
 */
describe.skipIf(!have('dcmtk') || process.platform === 'win32')('a host that nobody signs in to (needs DCMTK)', () => {
  let folder: string;
  let home: string;
  let port: number;
  let archive: DicomServer;
  let databaseKey: DatabaseKey;
  const children: ChildProcess[] = [];
  const credentials = () => join(folder, 'credentials');
  const keyFile = () => join(folder, 'unlock.key');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'salus-unattended-host-'));
    home = join(folder, 'home');
    mkdirSync(credentials(), { mode: 0o700 });
    port = await findFreePort();
    archive = await startDcmqrscp({ aeTitle: 'ARCHIVE' });
    // A core that queues and sends nothing: what is owed is the host's to do after the restart.
    const core = await startCore(makeNodePlatform({ host: 'memory', home, backgroundWork: false }));
    const { client } = core.openMemoryClient();
    await client.security.setUp({ operatorName, fullName: 'First', password, language: 'en', siteName: '' });
    const node = (name: string, aeTitle: string, atPort: number, use: object) =>
      client.exchange.saveNode({
        nodeId: null,
        baseVersion: null,
        name,
        settings: { kind: 'dimse', host: '127.0.0.1', port: atPort, aeTitle, tls: { enabled: false } },
        use: { send: false, search: false, receive: false, ...use },
        secrets: {},
      });
    await node('modality', 'MODALITY', 104, { receive: true });
    const { nodeId } = await node('archive', 'ARCHIVE', archive.port, { send: true, search: true });
    const { settings } = await client.exchange.receiver();
    await client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port, leastFreeMib: 64 } });
    const file = join(folder, 'queued.dcm');
    writeFileSync(file, aSlice({ study: '1.2.840.99997.1' }));
    const { jobId } = await client.imaging.importPaths({ paths: [file] });
    for await (const job of await client.jobs.watch({ jobId })) if (job.endedAt !== null) break;
    await client.exchange.send({ nodeId, studyUid: '1.2.840.99997.1', seriesUids: [], reportId: null });
    await core.stop();
    const { dataKey } = await unlockWithPassword(readKeyring(home).keyring, operatorName, password);
    databaseKey = databaseKeyOf(dataKey);
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await archive?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** Starts the host as its unit would: the environment names a folder, and nothing of it is secret. */
  async function startHost(): Promise<{ stop(): Promise<void> }> {
    const child = spawn(process.execPath, [program('local/localHost.ts'), '--json', '--no-open', '--home', home], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CREDENTIALS_DIRECTORY: credentials() },
    });
    children.push(child);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', () => resolve());
      child.once('exit', (code) => reject(new Error(`the host ended with ${code}`)));
    });
    return {
      async stop() {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  async function salus(...given: string[]): Promise<{ code: number | null; output: Record<string, unknown> }> {
    const child = spawn(process.execPath, [program('cli/cli.ts'), ...given, '--home', home, '--json'], {
      env: { ...process.env, SALUS_PASSWORD: password },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    child.stdout.on('data', (text) => (said += String(text)));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output: JSON.parse(said) as Record<string, unknown> };
  }

  /** What the printed commands and the unit do: the service finds the credential, decrypted, in a folder of its own. */
  function giveCredential(): void {
    const given = join(credentials(), 'salus-unlock');
    const encrypted = join(folder, 'salus-unlock.encrypted');
    // A host key of the test's own: the machine's is none of its business.
    const env = { ...process.env, SYSTEMD_CREDENTIAL_SECRET: join(folder, 'host.secret') };
    const creds = (...more: string[]) => spawnSync('systemd-creds', [...more], { env });
    const name = '--name=salus-unlock';
    if (creds('encrypt', name, '--with-key=host', keyFile(), encrypted).status === 0) {
      expect(readFileSync(encrypted, 'utf8')).not.toContain(readFileSync(keyFile(), 'utf8').trim());
      expect(creds('decrypt', name, encrypted, given).status).toBe(0);
      chmodSync(given, 0o400);
    } else {
      // No systemd here, or none that this account may use.
      writeFileSync(given, readFileSync(keyFile()), { mode: 0o400 });
    }
  }

  function look<Row>(sql: string): Row[] {
    let handle: DatabaseHandle | undefined;
    try {
      handle = openDatabase(storePaths(home).database, databaseKey, 'read');
      return handle.prepare(sql).all() as Row[];
    } finally {
      handle?.close();
    }
  }

  const send = async (sop: string) => {
    const file = join(folder, `${sop}.dcm`);
    writeFileSync(file, aSlice({ study: '1.2.840.99997.2', sop }));
    return storescu(port, [file]);
  };

  it('is sealed until it is switched on: nothing is taken, nothing is sent', async () => {
    const host = await startHost();
    expect(await salus('unattended')).toMatchObject({
      code: 0,
      output: { phase: 'sealed', running: true, on: false, state: 'idle' },
    });
    expect((await send('1.2.840.99997.2.1')).code).not.toBe(0);
    expect(look('SELECT state FROM delivery')).toEqual([{ state: 'queued' }]);
    await host.stop();
  });

  it('is switched on by the command line, which says what is left to do', async () => {
    expect(await salus('unattended', 'on', '--credential', join(home, 'key'))).toMatchObject({
      code: 3,
      output: { failure: 'security.unattendedBesideStore' },
    });
    expect(await salus('unattended', 'off', '--credential', keyFile())).toMatchObject({ code: 2 });
    const { code, output } = await salus('unattended', 'on', '--credential', keyFile());
    expect({ code, output }).toMatchObject({ code: 0, output: { on: true, place: 'credential', file: keyFile() } });
    const secret = readFileSync(keyFile(), 'utf8').trim();
    expect(JSON.stringify(output)).not.toContain(secret.slice(-43));
    expect(output['commands']).toEqual([
      `sudo systemd-creds encrypt --name=salus-unlock ${keyFile()} /etc/credstore.encrypted/salus-unlock`,
      `shred --remove ${keyFile()}`,
    ]);
    expect(await salus('unattended', 'status')).toMatchObject({
      code: 0,
      output: { phase: 'sealed', running: false, on: true, state: 'idle' },
    });
    giveCredential();
    rmSync(keyFile());
  });

  it('receives, and proves what was queued, from its start on', async () => {
    const host = await startHost();
    const answers = await until(
      async () => (await send('1.2.840.99997.2.2')).answers,
      (found) => found[0] === 'Success',
    );
    expect(answers).toEqual(['Success']);
    expect(look("SELECT sop_uid FROM instance WHERE sop_uid LIKE '1.2.840.99997.2.%'")).toEqual([
      { sop_uid: '1.2.840.99997.2.2' },
    ]);
    const states = () => look<{ state: string }>('SELECT state FROM delivery');
    expect(await until(states, ([delivery]) => delivery?.state === 'proven', 60_000)).toEqual([{ state: 'proven' }]);
    const signIns = look<{ at: number }>("SELECT at FROM audit_entry WHERE action = 'security.signIn'");
    const [opened] = look<{ at: number; operator_id: null }>(
      "SELECT at, operator_id FROM audit_entry WHERE action = 'security.openUnattended' AND outcome = 'success'",
    );
    expect(opened).toMatchObject({ operator_id: null });
    expect(signIns.filter(({ at }) => at >= (opened?.at ?? 0))).toEqual([]);
    expect(await salus('unattended')).toMatchObject({ output: { phase: 'open', on: true, state: 'opened' } });
    // Who comes to a window still has to say who they are.
    expect(await salus('call', 'storage.status')).toMatchObject({ code: 0 });
    await host.stop();
  });

  it('is sealed again where the key is gone, and loses nothing', async () => {
    rmSync(join(credentials(), 'salus-unlock'));
    const host = await startHost();
    expect(await salus('unattended')).toMatchObject({
      output: { phase: 'sealed', on: true, state: 'failed', failure: 'security.unattendedSecretMissing' },
    });
    expect((await send('1.2.840.99997.2.3')).code).not.toBe(0);
    expect(await salus('unattended', 'off')).toMatchObject({ code: 0, output: { on: false, left: 'credential' } });
    await host.stop();
    const instances = look<{ sop_uid: string }>('SELECT sop_uid FROM instance');
    expect(instances).toHaveLength(2);
    expect(await salus('doctor')).toMatchObject({ code: 0, output: { ok: true } });
  });
});
