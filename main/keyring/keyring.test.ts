import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { argon2id } from 'hash-wasm';
import { describe, expect, it } from 'vitest';
import { archiveAccessOf, databaseKeyOf, makeDataKey } from './deriveKeys.ts';
import {
  changeKeyring,
  makeKeyring,
  openAuditKeys,
  unlockWithPassword,
  unlockWithRecoveryKey,
  wrapForOperator,
} from './keyring.ts';
import { readKeyring, writeKeyring } from './keyringFile.ts';
import { formatRecoveryKey, parseRecoveryKey } from './recoveryKey.ts';
import { currentCost, stretchPassword } from './stretchPassword.ts';

const siteId = '0199c0de-0000-7000-8000-000000000001';
const cheap = { memoryKib: 256, iterations: 1, parallelism: 1 };

describe('the recovery key', () => {
  it('is eight groups of five that survive a person’s hand', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 25, maxLength: 25 }), (random) => {
        const text = formatRecoveryKey(random);
        expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){7}[0-9A-HJKMNP-TV-Z]{5}$/);
        const plain = parseRecoveryKey(text);
        expect(
          parseRecoveryKey(` ${text.toLowerCase().replaceAll('-', ' ').replaceAll('1', 'l').replaceAll('0', 'O')} `),
        ).toBe(plain);
      }),
      { seed: 7 },
    );
  });

  it('carries all its random bits', () => {
    const zero = parseRecoveryKey(formatRecoveryKey(new Uint8Array(25)));
    for (let bit = 0; bit < 195; bit += 1) {
      const random = new Uint8Array(25);
      random[bit >> 3] = 128 >> (bit & 7);
      expect(parseRecoveryKey(formatRecoveryKey(random)).slice(0, 39)).not.toBe(zero.slice(0, 39));
    }
  });

  it('finds most slips by its check character', () => {
    const text = parseRecoveryKey(formatRecoveryKey(randomBytes(25)));
    let found = 0;
    for (let at = 0; at < 40; at += 1) {
      const other = text[at] === '7' ? '8' : '7';
      try {
        parseRecoveryKey(text.slice(0, at) + other + text.slice(at + 1));
      } catch {
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(32);
  });
});

describe('the keyring', () => {
  it('stretches as RFC 9106 argon2id says, on a thread', async () => {
    const salt = randomBytes(16);
    const key = await stretchPassword('pässword', salt, currentCost);
    const expected = await argon2id({
      password: 'pässword'.normalize('NFKC'),
      salt,
      memorySize: 65_536,
      iterations: 3,
      parallelism: 1,
      hashLength: 32,
      outputType: 'binary',
    });
    expect(Buffer.from(key)).toEqual(Buffer.from(expected));
    await expect(stretchPassword('x', salt, { ...currentCost, memoryKib: 4_000_000 })).rejects.toThrow(RangeError);
  });

  it('opens with each password and the recovery key, with nothing else, and holds no key in plain', async () => {
    const home = mkdtempSync(join(tmpdir(), 'salus-keyring-'));
    try {
      const dataKey = makeDataKey();
      const { keyring: empty, recoveryKey } = makeKeyring(dataKey, siteId, 'Site', 1);
      const operators = await Promise.all(
        ['Ada', 'Émile'].map((name, index) =>
          wrapForOperator(dataKey, siteId, `id-${index}`, name, `password ${name}`, cheap),
        ),
      );
      writeKeyring(home, changeKeyring(dataKey, empty, { operators }));
      const { keyring, repaired } = readKeyring(home);
      expect(repaired).toBe(false);
      for (const name of ['Ada', 'émile']) {
        const unlocked = await unlockWithPassword(keyring, name, `password ${name === 'Ada' ? 'Ada' : 'Émile'}`);
        expect(Buffer.from(unlocked.dataKey)).toEqual(Buffer.from(dataKey));
      }
      expect(Buffer.from(unlockWithRecoveryKey(keyring, recoveryKey))).toEqual(Buffer.from(dataKey));
      const wrong = expect.objectContaining({ code: 'security.wrongPassword' });
      await expect(unlockWithPassword(keyring, 'Ada', 'password Émile')).rejects.toEqual(wrong);
      await expect(unlockWithPassword(keyring, 'nobody', 'password Ada')).rejects.toEqual(wrong);
      expect(() => unlockWithRecoveryKey(keyring, formatRecoveryKey(randomBytes(25)))).toThrow(
        expect.objectContaining({ code: 'security.wrongRecoveryKey' }),
      );
      // A wrap moved to another operator does not open.
      const swapped = changeKeyring(dataKey, keyring, { operators: [{ ...operators[0]!, operatorId: 'id-1' }] });
      await expect(unlockWithPassword(swapped, 'Ada', 'password Ada')).rejects.toEqual(wrong);

      const bytes = readFileSync(join(home, 'keyring.json'));
      const secrets = [
        dataKey,
        databaseKeyOf(dataKey).key,
        archiveAccessOf(dataKey, home).keyEncryptionKey,
        archiveAccessOf(dataKey, home).nameKey,
      ];
      const seed = openAuditKeys(dataKey, keyring).privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
      for (const secret of [...secrets, seed].map((key) => Buffer.from(key))) {
        for (const form of [secret, secret.toString('hex'), secret.toString('base64').slice(0, 40)])
          expect(bytes.includes(form)).toBe(false);
      }
      expect(bytes.includes(recoveryKey)).toBe(false);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
