import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { databaseKeyOf } from '../keyring/deriveKeys.ts';
import { type AuditRow, auditHash, canonicalJson, signHash } from './auditChain.ts';
import { openAuditHeadFile, readAuditHead } from './auditHead.ts';
import { openHybridClock } from './hybridClock.ts';
import { type DatabaseHandle, openDatabase } from './openDatabase.ts';
import { openTestStore, type TestStore } from './testStore.ts';

describe('the audit chain', () => {
  let t: TestStore;
  beforeEach(async () => {
    t = await openTestStore();
    for (let number = 0; number < 10; number += 1)
      t.store.gate.record(t.author, 'test.opened', 'success', { type: 'study', id: `1.2.${number}` });
  });
  afterEach(() => t.close());

  /** Somebody who has the data key changes the database behind the program's back. */
  function forge(change: (handle: DatabaseHandle) => void): void {
    const handle = openDatabase(t.store.paths.database, databaseKeyOf(t.holder.keys().dataKey), 'write');
    handle.exec('DROP TRIGGER audit_entry_is_never_changed; DROP TRIGGER audit_entry_is_never_removed;');
    change(handle);
    handle.close();
  }
  const verdict = () => t.store.verifyAudit();

  it('holds', async () => {
    const { entries } = await verdict();
    expect(entries).toBeGreaterThan(10);
    expect(await verdict()).toEqual({ ok: true, entries, firstBadSequence: null, reason: 'intact', clockSetBack: 0 });
  });

  it('cannot be changed or shortened by a statement', () => {
    for (const sql of [
      "UPDATE audit_entry SET action = 'x' WHERE sequence = 5",
      'DELETE FROM audit_entry WHERE sequence = 5',
    ]) {
      expect(() => t.store.gate.write(t.author, 'x.y', (tx) => tx.run(sql))).toThrow(/append-only/);
    }
  });

  it('shows any changed field of any entry', async () => {
    const changes: Record<string, string> = {
      at: 'at + 1',
      hlc: "hlc || 'x'",
      operator_id: "'other'",
      operator_name: "'other'",
      action: "'other'",
      outcome: "'refused'",
      subject_type: "'patient'",
      subject_id: "'other'",
      detail: `'{"x":1}'`,
      hash: 'randomblob(32)',
    };
    for (const [column, value] of Object.entries(changes)) {
      let kept: unknown;
      forge((handle) => {
        kept = handle.prepare(`SELECT ${column} FROM audit_entry WHERE sequence = 6`).pluck().get();
        handle.exec(`UPDATE audit_entry SET ${column} = ${value} WHERE sequence = 6`);
      });
      expect(await verdict(), column).toMatchObject({ ok: false, reason: 'brokenChain', firstBadSequence: 6 });
      const handle = openDatabase(t.store.paths.database, databaseKeyOf(t.holder.keys().dataKey), 'write');
      handle.prepare(`UPDATE audit_entry SET ${column} = ? WHERE sequence = 6`).run(kept);
      // `forge` drops them again.
      handle.exec('CREATE TRIGGER audit_entry_is_never_changed BEFORE UPDATE ON audit_entry BEGIN SELECT 1; END');
      handle.exec('CREATE TRIGGER audit_entry_is_never_removed BEFORE DELETE ON audit_entry BEGIN SELECT 1; END');
      handle.close();
    }
    expect(await verdict()).toMatchObject({ ok: true });
  });

  it('shows a removed entry, a cut tail, and a chain computed again without the signing key', async () => {
    const last = t.store.gate.head.sequence;
    forge((handle) => handle.exec(`DELETE FROM audit_entry WHERE sequence = ${last}`));
    expect(await verdict()).toMatchObject({ ok: false, reason: 'tailMissing' });
    const handle = openDatabase(t.store.paths.database, databaseKeyOf(t.holder.keys().dataKey), 'write');
    handle.exec('DELETE FROM audit_entry WHERE sequence = 4');
    expect(await verdict()).toMatchObject({ ok: false, reason: 'brokenChain', firstBadSequence: 5 });

    const { privateKey } = generateKeyPairSync('ed25519');
    const rows = handle.prepare('SELECT * FROM audit_entry ORDER BY sequence').all() as AuditRow[];
    handle.exec('DELETE FROM audit_entry');
    let previous: Uint8Array = new Uint8Array(32);
    for (const [index, row] of rows.entries()) {
      const facts = { ...row, sequence: index + 1 };
      previous = auditHash(previous, facts);
      handle
        .prepare('INSERT INTO audit_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
        .run(
          facts.sequence,
          facts.at,
          facts.hlc,
          facts.operator_id,
          facts.operator_name,
          facts.action,
          facts.outcome,
          facts.subject_type,
          facts.subject_id,
          facts.detail,
          previous,
          signHash(previous, privateKey),
        );
    }
    handle.close();
    expect(await verdict()).toMatchObject({ ok: false, reason: 'badSignature', firstBadSequence: 1 });
  });

  it('says when the kept head is gone or was made by another installation', async () => {
    const path = t.store.paths.auditHead;
    const kept = readFileSync(path);
    rmSync(path);
    expect(await verdict()).toMatchObject({ ok: false, reason: 'headMissing' });
    writeFileSync(path, kept.toString('latin1').replaceAll(t.store.siteId, t.store.newId()));
    expect(await verdict()).toMatchObject({ ok: false, reason: 'headMissing' });
    writeFileSync(path, kept);
    expect(await verdict()).toMatchObject({ ok: true });
  });
});

describe('the kept head', () => {
  it('survives a torn write with the one before it, and never leads', async () => {
    const t = await openTestStore();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const path = `${t.home}/head.json`;
    const head = (sequence: number) => ({ sequence, hash: String(sequence).padStart(64, '0') });
    const file = openAuditHeadFile(path, 'site', privateKey, t.platform.log);
    for (let sequence = 1; sequence <= 7; sequence += 1) {
      file.write(head(sequence));
      expect(readAuditHead(path, 'site', publicKey)).toEqual(head(sequence));
    }
    file.close();
    const whole = readFileSync(path);
    expect(whole.length).toBe(1024);
    fc.assert(
      fc.property(fc.nat(1023), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const torn = Buffer.from(whole);
        torn[at] = torn[at]! ^ mask;
        writeFileSync(path, torn);
        const found = readAuditHead(path, 'site', publicKey);
        expect([6, 7]).toContain(found?.sequence);
      }),
      { numRuns: 200, seed: 7 },
    );
    writeFileSync(path, 'null');
    expect(readAuditHead(path, 'site', publicKey)).toBeNull();
    expect(readAuditHead(path, 'other', publicKey)).toBeNull();
    await t.close();
  });
});

describe('canonical JSON', () => {
  it('is one text for one value, whatever the order of its keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
      { seed: 7 },
    );
  });
});

describe('the hybrid clock', () => {
  it('gives growing, unique stamps for any movement of the wall clock, also across restarts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 ** 44 }), fc.integer({ min: 1, max: 5 })), { maxLength: 50 }),
        (moves) => {
          let last: string | null = null;
          for (const [nowMs, times] of moves) {
            const clock = openHybridClock('0199c0de-0000-7000-8000-000000000001', last);
            for (let time = 0; time < times; time += 1) {
              const stamp = clock.next(nowMs);
              expect(stamp).toMatch(/^[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{8}$/);
              if (last !== null) expect(stamp > last).toBe(true);
              last = stamp;
            }
          }
        },
      ),
      { seed: 7 },
    );
  });

  it('goes on past 65,536 stamps of one millisecond', () => {
    const clock = openHybridClock('0199c0de-0000-7000-8000-000000000001', null);
    let last = '';
    for (let count = 0; count < 70_000; count += 1) {
      const stamp = clock.next(1000);
      if (stamp <= last) throw new Error('not growing');
      last = stamp;
    }
    expect(last.slice(0, 12)).toBe((1001).toString(16).padStart(12, '0'));
  });
});
