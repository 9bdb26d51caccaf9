import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canonicalJson } from '../database/auditChain.ts';
import { keyringMacKeyOf, makeDataKey } from './deriveKeys.ts';
import { changeKeyring, makeKeyring, verifyKeyring } from './keyring.ts';
import { type Keyring, readKeyring, writeKeyring } from './keyringFile.ts';
import { makeUnattended, secretInForce, unattendedWrapOf, unlockWithSecret, withoutUnattended } from './unattended.ts';
import { writeCredentialFile } from './unattendedFile.ts';

const siteId = '0199c0de-0000-7000-8000-000000000001';
const dataKey = makeDataKey();
const { keyring: empty } = makeKeyring(dataKey, siteId, 'Site', 1);
const failure = (code: string) => expect.objectContaining({ code });

function turnedOn(): { secret: string; keyring: Keyring } {
  const { secret, unattended } = makeUnattended(dataKey, siteId, 'credential', 5);
  return { secret, keyring: changeKeyring(dataKey, empty, { unattended }) };
}

/** The MAC as the program computed it before there was unattended operation. */
function earlierMac({ format, revision, siteId, siteName, createdAt, operators, recovery, audit }: Keyring): string {
  const text = canonicalJson({ format, revision, siteId, siteName, createdAt, operators, recovery, audit });
  return createHmac('sha256', keyringMacKeyOf(dataKey)).update(text).digest('base64');
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-unattended-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the wrap of unattended operation', () => {
  it('opens with its own key alone', () => {
    const { secret, keyring } = turnedOn();
    expect(Buffer.from(unlockWithSecret(keyring, `${secret}\n`))).toEqual(Buffer.from(dataKey));
    const stale = turnedOn().secret;
    const foreign = secret.replace(siteId, '0199c0de-0000-7000-8000-000000000002');
    for (const wrong of [stale, foreign, '', 'salus', secret.slice(0, -1), `${secret}A`, secret.replace('-1 ', '-2 ')])
      expect(() => unlockWithSecret(keyring, wrong), wrong).toThrow(failure('security.unattendedSecretWrong'));
    expect(() => unlockWithSecret(empty, secret)).toThrow(failure('security.unattendedOff'));
    const bytes = JSON.stringify(keyring);
    const key = Buffer.from(secret.slice(-43), 'base64url');
    for (const form of [secret.slice(-43), key.toString('hex'), key.toString('base64').slice(0, 40)])
      expect(bytes).not.toContain(form);
  });

  it('opens with whichever of two keys fits, while one takes the place of the other', () => {
    const first = turnedOn();
    const second = turnedOn();
    const kept = `${second.secret}\n${first.secret}\n`;
    for (const { secret, keyring } of [first, second]) {
      expect(Buffer.from(unlockWithSecret(keyring, kept))).toEqual(Buffer.from(dataKey));
      expect(secretInForce(keyring, kept)).toBe(secret);
    }
    expect(secretInForce(turnedOn().keyring, kept)).toBeNull();
    expect(secretInForce(empty, kept)).toBeNull();
    expect(() => unlockWithSecret(turnedOn().keyring, kept)).toThrow(failure('security.unattendedSecretWrong'));
    expect(() => secretInForce(first.keyring, 'salus')).toThrow(failure('security.unattendedSecretWrong'));
  });

  it('is covered by the MAC, and a keyring of before verifies as ever', () => {
    expect(earlierMac(empty)).toBe(empty.mac);
    const { secret, keyring } = turnedOn();
    // A program of before computes another MAC: it refuses the keyring and rewrites nothing.
    expect(earlierMac(keyring)).not.toBe(keyring.mac);
    expect(() => verifyKeyring(dataKey, { ...keyring, unattended: undefined })).toThrow(
      failure('security.keyringDamaged'),
    );
    const other = turnedOn().keyring.unattended;
    expect(() => verifyKeyring(dataKey, { ...keyring, unattended: other })).toThrow(failure('security.keyringDamaged'));
    expect(() => unlockWithSecret({ ...keyring, siteName: 'Other' }, secret)).toThrow(
      failure('security.keyringDamaged'),
    );
    for (const bad of [null, 'x', {}, { ...keyring.unattended, kind: 'drawer' }, { ...keyring.unattended, salt: 7 }])
      expect(() => unattendedWrapOf({ ...keyring, unattended: bad } as unknown as Keyring)).toThrow(
        failure('security.keyringDamaged'),
      );
  });

  it('stays through other changes, goes when switched off, and is in no backup', () => {
    const { secret, keyring } = turnedOn();
    const renamed = changeKeyring(dataKey, keyring, { operators: [] });
    expect(Buffer.from(unlockWithSecret(renamed, secret))).toEqual(Buffer.from(dataKey));
    const off = changeKeyring(dataKey, renamed, { unattended: undefined });
    writeKeyring(folder, keyring);
    writeKeyring(folder, off);
    const { keyring: read } = readKeyring(folder);
    expect(unattendedWrapOf(read)).toBeNull();
    verifyKeyring(dataKey, read);
    const copy = withoutUnattended(dataKey, keyring);
    expect(unattendedWrapOf(copy)).toBeNull();
    verifyKeyring(dataKey, copy);
    expect(withoutUnattended(dataKey, empty)).toBe(empty);
  });
});

describe('the file for a systemd credential', () => {
  const code = (act: () => void): string => {
    try {
      act();
      return '';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it('is made once, for this account alone, and never in the folder of the store', () => {
    const home = join(folder, 'home');
    mkdirSync(join(home, 'archive'), { recursive: true });
    const file = join(folder, 'unlock');
    writeCredentialFile(home, file, 'the secret');
    expect(readFileSync(file, 'utf8')).toBe('the secret\n');
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(code(() => writeCredentialFile(home, file, 'another'))).toBe('security.unattendedFileExists');
    expect(readFileSync(file, 'utf8')).toBe('the secret\n');
    symlinkSync(join(home, 'archive'), join(folder, 'elsewhere'));
    for (const beside of ['home/unlock', 'home/archive/unlock', 'elsewhere/unlock', 'home/../home/unlock']) {
      expect(code(() => writeCredentialFile(home, join(folder, beside), 's'))).toBe('security.unattendedBesideStore');
      expect(existsSync(join(folder, beside))).toBe(false);
    }
    expect(code(() => writeCredentialFile(home, join(folder, 'no/such'), 's'))).toBe(
      'security.unattendedFileUnwritable',
    );
    expect(code(() => writeCredentialFile(home, 'unlock', 's'))).toBe('system.invalidInput');
  });
});
