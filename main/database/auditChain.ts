import { createHash, type KeyObject, sign, verify } from 'node:crypto';

/** One row of table `audit_entry` as SQL gives it. */
export interface AuditRow {
  readonly sequence: number;
  readonly at: number;
  readonly hlc: string;
  readonly operator_id: string | null;
  readonly operator_name: string | null;
  readonly action: string;
  readonly outcome: 'success' | 'refused' | 'failed';
  readonly subject_type: string | null;
  readonly subject_id: string | null;
  /** JSON object. */
  readonly detail: string;
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
}

export type AuditFacts = Omit<AuditRow, 'hash' | 'signature'>;

/** What the first entry follows. */
export const genesisHash = new Uint8Array(32);

/** JSON with sorted keys and no spaces: one text for one value, so that a hash over it can be computed again. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 over the previous entry's hash and this entry's canonical JSON: 32 bytes. */
export function auditHash(previousHash: Uint8Array, facts: AuditFacts): Buffer {
  const { sequence, at, hlc, operator_id, operator_name, action, outcome, subject_type, subject_id, detail } = facts;
  const text = canonicalJson({
    sequence,
    at,
    hlc,
    operator_id,
    operator_name,
    action,
    outcome,
    subject_type,
    subject_id,
    detail,
  });
  return createHash('sha256').update(previousHash).update(text, 'utf8').digest();
}

/** Ed25519 (RFC 8032) over the entry's hash: 64 bytes. */
export function signHash(hash: Uint8Array, privateKey: KeyObject): Buffer {
  return sign(null, hash, privateKey);
}

export function isSignedBy(hash: Uint8Array, signature: Uint8Array, publicKey: KeyObject): boolean {
  return verify(null, hash, publicKey, signature);
}
