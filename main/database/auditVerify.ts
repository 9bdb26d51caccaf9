import type { KeyObject } from 'node:crypto';
import type { AuditVerification } from '../../app/domains/security/securitySchema.ts';
import { openAuditPublicKey } from '../keyring/keyring.ts';
import { type AuditRow, auditHash, genesisHash, isSignedBy } from './auditChain.ts';
import { readAuditHead } from './auditHead.ts';
import type { DatabaseHandle } from './openDatabase.ts';

export interface AuditVerifyParts {
  readonly siteId: string;
  /** Ed25519, SPKI, DER, base64. */
  readonly publicKey: string;
  readonly headPath: string;
}

function continuedFrom(row: AuditRow): { headSequence: number; headHash: Buffer } | null {
  if (row.action !== 'audit.tailMissing') return null;
  const { headSequence, headHash } = JSON.parse(row.detail) as { headSequence?: unknown; headHash?: unknown };
  if (headSequence !== row.sequence - 1 || typeof headHash !== 'string') return null;
  return { headSequence, headHash: Buffer.from(headHash, 'hex') };
}

/**
 * Walks the whole chain, one row at a time: each entry must follow from the one before it and be signed by this
 * installation, and the chain must reach the head kept outside the database. A cut that was found at an earlier start
 * stays a finding (`audit.tailMissing`, `audit.headMissing` entries), also after new entries grew over it.
 */
export function verifyAuditChain(handle: DatabaseHandle, parts: AuditVerifyParts): AuditVerification {
  const publicKey: KeyObject = openAuditPublicKey(parts.publicKey);
  // The head first: entries committed after this moment can only make the chain longer.
  const head = readAuditHead(parts.headPath, parts.siteId, publicKey);
  let previous: Uint8Array = genesisHash;
  let entries = 0;
  let sequence = 0;
  let clockSetBack = 0;
  let hashAtHead: string | null = null;
  let evidence: { sequence: number; reason: 'tailMissing' | 'headMissing' } | null = null;
  const bad = (firstBadSequence: number | null, reason: AuditVerification['reason']): AuditVerification => ({
    ok: false,
    entries,
    firstBadSequence,
    reason,
    clockSetBack,
  });

  for (const row of handle.prepare('SELECT * FROM audit_entry ORDER BY sequence').iterate() as Iterable<AuditRow>) {
    if (entries === 0 && row.sequence > 1) {
      // A database made anew after damage: its first entry says which head it went on from; what came before is gone.
      const from = continuedFrom(row);
      if (from === null) return bad(row.sequence, 'brokenChain');
      sequence = from.headSequence;
      previous = from.headHash;
    }
    entries += 1;
    sequence += 1;
    if (row.sequence !== sequence) return bad(row.sequence, 'brokenChain');
    const hash = auditHash(previous, row);
    if (!hash.equals(row.hash)) return bad(row.sequence, 'brokenChain');
    if (!isSignedBy(hash, row.signature, publicKey)) return bad(row.sequence, 'badSignature');
    previous = hash;
    if (row.sequence === head?.sequence) hashAtHead = hash.toString('hex');
    if (row.action === 'clock.setBack') clockSetBack += 1;
    if (row.action === 'audit.tailMissing') evidence ??= { sequence: row.sequence, reason: 'tailMissing' };
    if (row.action === 'audit.headMissing') evidence ??= { sequence: row.sequence, reason: 'headMissing' };
  }
  if (head === null) return bad(null, 'headMissing');
  if (hashAtHead !== head.hash) return bad(null, 'tailMissing');
  if (evidence !== null) return bad(evidence.sequence, evidence.reason);
  return { ok: true, entries, firstBadSequence: null, reason: 'intact', clockSetBack };
}
