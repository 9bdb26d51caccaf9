import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testPlatform } from '../../../database/testStore.ts';
import { openCredentialDirectory } from '../../../platform/credentialDirectory.ts';
import type { SecretStore } from '../../../platform/platform.ts';
import { openSecretService } from '../../../platform/secretService.ts';
import { writeSecretTool } from '../../../platform/testSecretTool.ts';
import { type Core, startCore } from '../../../startCore.ts';
import { readCliArguments } from '../cliArguments.ts';
import type { CoreAccess } from '../coreAccess.ts';
import { openTerminal } from '../terminal.ts';
import { unattended } from './unattendedVerb.ts';
import type { VerbContext } from './verb.ts';

const operatorName = 'first';
const password = 'a long enough password';
let folder: string;
let core: Core;
let access: CoreAccess;
/** A keychain whose file cannot be taken away, as in a folder that was made read-only. */
const keychain = (): SecretStore => {
  let kept: string | null = null;
  return {
    kind: 'safeStorage',
    problem: async () => null,
    read: async () => kept,
    keep: {
      write: async (_name, secret) => {
        kept = secret;
      },
      remove: async () => {
        throw Object.assign(new Error('permission denied'), { code: 'EACCES' });
      },
    },
  };
};

async function start(...places: SecretStore[]): Promise<void> {
  const home = join(folder, 'home');
  const secretStores = [openCredentialDirectory(home, ''), ...places];
  core = await startCore({ ...testPlatform(home, Date.now, []), secretStores });
  const { client } = core.openMemoryClient();
  await client.security.setUp({ operatorName, fullName: 'First', password, language: 'en', siteName: '' });
  access = { client, isAttached: false, fetchAsset: () => Promise.reject(new Error('none')), close: () => core.stop() };
}
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-unattended-verb-'));
});
afterEach(async () => {
  await core.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function salus(...argv: string[]): Promise<{ document: unknown; text: string }> {
  const printed: { document: unknown; text: string }[] = [];
  const terminal = {
    ...openTerminal(false),
    print: (document: object, text: string) => void printed.push({ document, text }),
  };
  const context = { given: readCliArguments(['unattended', ...argv]), terminal, access, password };
  expect(await unattended.run({ ...context, signal: new AbortController().signal } as VerbContext)).toBe(0);
  return printed[0] ?? { document: null, text: '' };
}

describe.skipIf(process.platform === 'win32')('salus unattended', () => {
  it('says of a key that is left what it still opens, and which file it is', async () => {
    await start(keychain());
    expect(await salus('on')).toMatchObject({ document: { on: true, place: 'safeStorage', left: null } });
    const { document, text } = await salus('off');
    expect(document).toEqual({ on: false, left: 'safeStorage' });
    expect(text).toContain('the file unattended.safe in the store’s folder');
    expect(text).toContain('still opens copies of the store’s folder');
    expect(text).not.toContain('nothing any more');
    expect(await salus('off')).toMatchObject({ document: { on: false, left: null } });
  });

  it('says of the key before a change where it is left', async () => {
    await start(openSecretService(writeSecretTool(folder)));
    const file = join(folder, 'key');
    expect(await salus('on', '--credential', file)).toMatchObject({ document: { place: 'credential', left: null } });
    const changed = await salus('on');
    expect(changed.document).toEqual({ on: true, place: 'secretService', left: 'credential' });
    expect(changed.text).toContain('the systemd credential salus-unlock');
    expect(changed.text).toContain('still opens copies of the store’s folder');
    expect(await salus('off')).toMatchObject({
      document: { on: false, left: null },
      text: 'Unattended operation is off.',
    });
  });
});
