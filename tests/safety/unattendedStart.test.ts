import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { restoreBackup } from '../../main/database/restoreBackup.ts';
import { testPlatform } from '../../main/database/testStore.ts';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import type { CoreClient } from '../../main/kernel/channelClient.ts';
import { type Keyring, keyringPaths, keyringText, readKeyring } from '../../main/keyring/keyringFile.ts';
import { openCredentialDirectory } from '../../main/platform/credentialDirectory.ts';
import type { SecretStore } from '../../main/platform/platform.ts';
import { openSecretService } from '../../main/platform/secretService.ts';
import { writeSecretTool } from '../../main/platform/testSecretTool.ts';
import { type Core, startCore } from '../../main/startCore.ts';
import { callOf, procedures } from '../contract/inputsOfContract.ts';

const canary = 'CANARYNAME';
const operatorName = 'first';
const password = 'a long enough password';
const wholeList = { filter: {}, sort: { key: 'receivedAt', direction: 'descending' } } as const;
const failure = (code: string) => expect.objectContaining({ code });

let folder: string;
let home: string;
let logged: string[] = [];
const cores: Core[] = [];
/** A store with one study of one patient, and the key that opens it unattended; each test takes a copy. */
let made: string;
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'salus-unattended-made-'));
  const { core, client } = await start([openCredentialDirectory(join(made, 'home'), '')], join(made, 'home'));
  await client.security.setUp({ operatorName, fullName: 'First', password, language: 'en', siteName: 'Site' });
  const file = join(made, 'slice.dcm');
  writeFileSync(file, aSlice({ identifier: canary, name: canary }));
  await finished(client, (await client.imaging.importPaths({ paths: [file] })).jobId);
  await client.security.turnOnUnattended({ password, kind: 'credential', credentialFile: join(made, 'key') });
  await stop(core);
});
afterAll(() => rmSync(made, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-unattended-'));
  home = join(folder, 'home');
  logged = [];
  mkdirSync(join(folder, 'credentials'));
});
afterEach(async () => {
  for (const core of cores.splice(0)) await core.stop();
  rmSync(folder, { recursive: true, force: true });
});

const credential = () => join(folder, 'credentials', 'salus-unlock');
const givesCredential = (at = home) => [openCredentialDirectory(at, join(folder, 'credentials'))];

async function start(secretStores: readonly SecretStore[] = givesCredential(), at = home) {
  const core = await startCore({ ...testPlatform(at, Date.now, logged), secretStores });
  cores.push(core);
  const { client } = core.openMemoryClient();
  for (const end = Date.now() + 60_000; ; await sleep(20)) {
    const status = await client.system.status();
    if (status.unattended.state !== 'opening') return { core, client, status };
    if (Date.now() > end) throw new Error('the core is still opening its store');
  }
}

async function stop(core: Core): Promise<void> {
  cores.splice(cores.indexOf(core), 1);
  await core.stop();
}

function takeMadeStore(): void {
  cpSync(join(made, 'home'), home, { recursive: true });
  copyFileSync(join(made, 'key'), credential());
}

async function finished(client: CoreClient, jobId: string): Promise<void> {
  for await (const job of await client.jobs.watch({ jobId })) if (job.endedAt !== null) expect(job.state).toBe('done');
}

async function auditOf(client: CoreClient, action: string) {
  return (await client.security.listAudit({ limit: 500, action })).map(({ outcome, operatorName: by, detail }) => ({
    outcome,
    by,
    ...detail,
  }));
}

describe.skipIf(process.platform === 'win32')('unattended operation', () => {
  it('opens the store after a restart and shows nobody anything', async () => {
    takeMadeStore();
    const { core, client, status } = await start();
    expect(status).toMatchObject({ phase: 'open', unattended: { on: true, state: 'opened', failure: null } });

    const seen: unknown[] = [status, await client.security.session()];
    for (const { name, meta } of procedures) {
      if (meta.permission === 'public') continue;
      await expect(callOf(client, name)(), name).rejects.toEqual(failure('security.notSignedIn'));
    }
    const changes = await client.system.watchChanges();
    seen.push((await changes.next()).value);
    await changes.return?.();
    const { connectionId } = core.openMemoryClient();
    for (const path of ['/dicomweb/studies', '/documents/1', '/imports/1/files']) {
      const reply = await core.serveAsset(new Request(`http://core${path}`), connectionId);
      expect(reply.status, path).toBe(401);
      seen.push(await reply.text());
    }
    expect(JSON.stringify(seen)).not.toContain(canary);
    expect(logged.join('\n')).not.toContain(canary);
    await expect(client.security.signIn({ operatorName, password: 'not the password' })).rejects.toEqual(
      failure('security.wrongPassword'),
    );

    await client.security.signIn({ operatorName, password });
    expect((await client.worklist.list(wholeList)).rows).toHaveLength(1);
    expect(await auditOf(client, 'security.openUnattended')).toEqual([
      { outcome: 'success', by: null, place: 'credential' },
    ]);
    const chosen = await auditOf(client, 'security.turnOnUnattended');
    expect(chosen.filter(({ outcome }) => outcome === 'success')).toEqual([
      { outcome: 'success', by: operatorName, place: 'credential' },
    ]);
    expect(await client.security.verifyAudit()).toMatchObject({ ok: true });

    // A session's end is no end of the core's work, and other passwords are no other key.
    await client.security.changePassword({ password, newPassword: 'another long password' });
    await client.security.renewRecoveryKey({ password: 'another long password' });
    await client.security.signOut({ reason: 'idle' });
    expect(core.phase).toBe('open');
    await expect(client.worklist.list(wholeList)).rejects.toEqual(failure('security.notSignedIn'));
    await stop(core);
    const again = await start();
    expect(again.status).toMatchObject({ phase: 'open', unattended: { state: 'opened' } });
    await again.client.security.signIn({ operatorName, password: 'another long password' });
    expect((await again.client.worklist.list(wholeList)).rows).toHaveLength(1);
  });

  /** Writes both copies of the keyring as somebody could who has no key: the checksum fits, the MAC does not. */
  function alterKeyring(change: (keyring: Keyring) => Keyring): void {
    const text = keyringText(change(readKeyring(home).keyring));
    for (const path of keyringPaths(home)) writeFileSync(path, text);
  }
  const altered = (keyring: Keyring): Keyring => ({
    ...keyring,
    revision: keyring.revision + 1,
    unattended: keyring.unattended && { ...keyring.unattended, createdAt: 1 },
  });

  it.each<[string, () => void | Promise<void>, string, boolean]>([
    ['is not there', () => rmSync(credential()), 'security.unattendedSecretMissing', true],
    [
      'was altered',
      () => {
        const text = readFileSync(credential(), 'utf8');
        const at = text.length - 10;
        writeFileSync(credential(), text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1));
      },
      'security.unattendedSecretWrong',
      true,
    ],
    ['is something else', () => writeFileSync(credential(), 'hunter2'), 'security.unattendedSecretWrong', true],
    ['can be read by anybody', () => chmodSync(credential(), 0o644), 'security.unattendedSecretOpen', true],
    ['fits an altered keyring', () => alterKeyring(altered), 'security.keyringDamaged', false],
    [
      'is for a wrap that was cut out of the keyring',
      () => alterKeyring((keyring) => ({ ...keyring, revision: keyring.revision + 1, unattended: undefined })),
      'security.unattendedOff',
      false,
    ],
    [
      'is of before it was switched off and on again',
      async () => {
        const stale = readFileSync(credential(), 'utf8');
        const { core, client } = await start();
        await client.security.signIn({ operatorName, password });
        await client.security.turnOffUnattended();
        rmSync(credential());
        await client.security.turnOnUnattended({ password, kind: 'credential', credentialFile: credential() });
        await stop(core);
        writeFileSync(credential(), stale);
      },
      'security.unattendedSecretWrong',
      true,
    ],
    [
      'is of before it was switched off',
      async () => {
        const { core, client } = await start();
        await client.security.signIn({ operatorName, password });
        expect(await client.security.turnOffUnattended()).toEqual({ left: 'credential' });
        expect(await auditOf(client, 'security.turnOffUnattended')).toEqual([{ outcome: 'success', by: operatorName }]);
        await stop(core);
      },
      'security.unattendedOff',
      true,
    ],
  ])('leaves the core sealed where the key %s, and says so', async (_what, spoil, code, opensByPassword) => {
    takeMadeStore();
    const sound = join(folder, 'sound.json');
    copyFileSync(keyringPaths(home)[0] as string, sound);
    await spoil();
    const { core, client, status } = await start();
    expect(status).toMatchObject({ phase: 'sealed', unattended: { state: 'failed', failure: code } });
    expect(status.unattended.at).toBeGreaterThan(Date.now() - 60_000);
    await expect(client.exchange.receiver()).rejects.toEqual(failure('security.notSignedIn'));
    if (!opensByPassword) {
      // What altered the keyring shuts people out as well, who are told that; nothing was written over it.
      await expect(client.security.signIn({ operatorName, password })).rejects.toEqual(
        failure('security.keyringDamaged'),
      );
      await stop(core);
      for (const path of keyringPaths(home)) copyFileSync(sound, path);
      const mended = await start();
      expect(mended.status).toMatchObject({ phase: 'open', unattended: { state: 'opened' } });
      return;
    }
    await client.security.signIn({ operatorName, password });
    expect((await client.worklist.list(wholeList)).rows).toHaveLength(1);
    expect((await auditOf(client, 'security.openUnattended')).slice(0, 1)).toMatchObject([
      { outcome: 'refused', by: null, code },
    ]);
  });

  it('tells of a keyring that cannot be read only where it was to open by itself', async () => {
    takeMadeStore();
    for (const path of keyringPaths(home)) writeFileSync(path, 'not a keyring');
    const given = await start();
    const damaged = { state: 'failed', failure: 'security.keyringDamaged' };
    expect(given.status).toMatchObject({ phase: 'sealed', unattended: damaged });
    await stop(given.core);
    rmSync(credential());
    expect((await start()).status).toMatchObject({ phase: 'sealed', unattended: { state: 'idle', failure: null } });
  });

  it('stays as it was where the key cannot be put away', async () => {
    const tool = writeSecretTool(folder);
    const { core, client } = await start([...givesCredential(), openSecretService(tool)]);
    await client.security.setUp({ operatorName, fullName: 'First', password, language: 'en', siteName: '' });
    const before = readFileSync(keyringPaths(home)[0] as string, 'utf8');
    const refused = async (
      kind: 'credential' | 'secretService' | 'safeStorage',
      credentialFile: string,
      code: string,
    ) => expect(client.security.turnOnUnattended({ password, kind, credentialFile })).rejects.toEqual(failure(code));
    await refused('credential', join(home, 'key'), 'security.unattendedBesideStore');
    await refused('credential', join(folder, 'none', 'key'), 'security.unattendedFileUnwritable');
    await refused('credential', 'key', 'system.invalidInput');
    await refused('safeStorage', '', 'security.unattendedPlaceUnavailable');
    writeFileSync(`${tool}.broken`, '');
    await refused('secretService', '', 'security.unattendedPlaceUnavailable');
    await expect(
      client.security.turnOnUnattended({
        password: 'not the password',
        kind: 'credential',
        credentialFile: credential(),
      }),
    ).rejects.toEqual(failure('security.wrongPassword'));
    expect(readFileSync(keyringPaths(home)[0] as string, 'utf8')).toBe(before);
    expect(await client.security.unattended()).toMatchObject({
      on: null,
      places: [
        { kind: 'credential', problem: null },
        { kind: 'secretService', problem: 'notAnswering' },
      ],
    });
    rmSync(`${tool}.broken`);
    await client.security.turnOnUnattended({ password, kind: 'secretService' });
    await stop(core);
    const opened = await start([openSecretService(tool)]);
    expect(opened.status).toMatchObject({ phase: 'open', unattended: { state: 'opened' } });
    await opened.client.security.signIn({ operatorName, password });
    // Where the keychain is gone, switching off counts all the same.
    writeFileSync(`${tool}.broken`, '');
    expect(await opened.client.security.turnOffUnattended()).toEqual({ left: 'secretService' });
    await stop(opened.core);
    rmSync(`${tool}.broken`);
    expect((await start([openSecretService(tool)])).status).toMatchObject({
      phase: 'sealed',
      unattended: { on: false, state: 'idle' },
    });
    expect(readFileSync(`${tool}.calls`, 'utf8')).not.toContain('salus-unlock-1');
  });

  it('does not travel in a backup', async () => {
    takeMadeStore();
    const { client } = await start();
    await client.security.signIn({ operatorName, password });
    const directory = join(folder, 'backup');
    await finished(client, (await client.storage.backup({ directory })).jobId);
    const restored = join(folder, 'restored');
    await restoreBackup(directory, restored);
    const elsewhere = await start(givesCredential(restored), restored);
    expect(elsewhere.status).toMatchObject({
      phase: 'sealed',
      unattended: { on: false, state: 'failed', failure: 'security.unattendedOff' },
    });
    await elsewhere.client.security.signIn({ operatorName, password });
    expect((await elsewhere.client.worklist.list(wholeList)).rows).toHaveLength(1);
    // The store itself has it still.
    expect((await client.system.status()).unattended).toMatchObject({ on: true });
  });
});

/** Three kills here, sixty in the soak. */
const kills = process.env['SALUS_SOAK'] === '1' ? 60 : 3;

describe.skipIf(process.platform === 'win32')('killed while unattended operation is switched', () => {
  function startSwitching(tool: string): Promise<ChildProcess> {
    const program = fileURLToPath(new URL('./unattendedProcess.ts', import.meta.url));
    const child = spawn(process.execPath, [program, home, operatorName, password, tool], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let problems = '';
    child.stderr.on('data', (piece: Buffer) => (problems += piece.toString()));
    return new Promise((resolve, reject) => {
      child.stdout.once('data', () => resolve(child));
      child.once('exit', () => reject(new Error(`it ended by itself: ${problems}`)));
    });
  }

  it(`it is on or off, and the password opens the store (${kills} kills)`, { timeout: kills * 60_000 }, async () => {
    const tool = writeSecretTool(folder);
    const { core, client } = await start([openSecretService(tool)]);
    await client.security.setUp({ operatorName, fullName: 'First', password, language: 'en', siteName: '' });
    await stop(core);
    const random = seededRandom('killed while switching');
    for (let round = 0; round < kills; round += 1) {
      const child = await startSwitching(tool);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await sleep(random.next() * 400);
      child.kill('SIGKILL');
      await gone;
      const started = await start([openSecretService(tool)]);
      const { phase, unattended } = started.status;
      expect(['opened', 'idle'], `round ${round}: ${unattended.failure}`).toContain(unattended.state);
      expect(unattended).toMatchObject({ on: unattended.state === 'opened', failure: null });
      expect(phase).toBe(unattended.on ? 'open' : 'sealed');
      await started.client.security.signIn({ operatorName, password });
      expect(await started.client.security.verifyAudit()).toMatchObject({ ok: true });
      const { checks } = await started.client.storage.doctor();
      expect(checks.find(({ name }) => name === 'keyring')).toMatchObject({ ok: true });
      await stop(started.core);
    }
  });
});
