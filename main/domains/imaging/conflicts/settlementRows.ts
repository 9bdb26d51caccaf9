import type { ConflictDecision, Settlement } from '../../../../app/domains/imaging/conflictSchema.ts';
import { normaliseIdentity, type PatientIdentity } from '../../../../app/domains/patients/patientRules.ts';
import type { Reader, Transaction } from '../../../database/writeGate.ts';

/** Names any number of contents: how many, and SHA-256 over their sorted names, in hex. */
export interface SeenContents {
  readonly count: number;
  readonly digest: string;
}

/** A decision as it is archived. What is true of a conflict follows from what arrived and the newest of these. */
export interface SettlementBody {
  readonly decision: ConflictDecision;
  readonly reason: string;
  readonly studyUid: string;
  readonly sopUid: string | null;
  /** Of an instance: the content that is shown from now on. */
  readonly objectName: string | null;
  /** Of an instance: the contents there were. Another one opens the conflict again. */
  readonly seen: SeenContents | null;
  /** Of identities: those that are one person, or those that were set aside. */
  readonly identities: readonly PatientIdentity[];
  /** Of 'keepApart': the spellings of the study's own patient. */
  readonly joined: readonly PatientIdentity[];
}

export interface KnownSettlement extends Settlement {
  readonly body: SettlementBody;
}

export interface SettlementOrigin {
  readonly version: number;
  readonly at: number;
  readonly hlc: string;
  readonly author: string | null;
  readonly siteId: string;
}

interface SettlementRow {
  readonly version: number;
  readonly body: string;
  readonly settled_at: number;
  readonly author: string | null;
}

export const instanceConflictId = (sopUid: string): string => `instance:${sopUid}`;
export const identityConflictId = (studyUid: string): string => `study:${studyUid}`;

function fromRow(row: SettlementRow): KnownSettlement {
  const body = JSON.parse(row.body) as SettlementBody;
  const { decision, reason } = body;
  return { version: row.version, decision, reason, author: row.author ?? '', at: row.settled_at, body };
}

/** Every decision about a conflict, newest first. */
export function listSettlements(reader: Reader, conflictId: string): KnownSettlement[] {
  return reader
    .all<SettlementRow>(
      'SELECT version, body, settled_at, author FROM conflict_settlement WHERE conflict_id = ? ORDER BY version DESC LIMIT 100',
      conflictId,
    )
    .map(fromRow);
}

export function newestSettlement(reader: Reader, conflictId: string): KnownSettlement | undefined {
  const row = reader.get<SettlementRow>(
    'SELECT version, body, settled_at, author FROM conflict_settlement WHERE conflict_id = ? ORDER BY version DESC LIMIT 1',
    conflictId,
  );
  return row && fromRow(row);
}

/** Appends a decision; one that is there already changes nothing. */
export function insertSettlement(
  tx: Transaction,
  conflictId: string,
  body: SettlementBody,
  origin: SettlementOrigin,
): void {
  tx.run(
    `INSERT INTO conflict_settlement (conflict_id, version, decision, body, settled_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    conflictId,
    origin.version,
    body.decision,
    bodyText(body),
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

/** Always the same text for the same decision, whether a person made it or a rebuild reads it from the archive. */
function bodyText({
  decision,
  identities,
  joined,
  objectName,
  reason,
  seen,
  sopUid,
  studyUid,
}: SettlementBody): string {
  const names = (list: readonly PatientIdentity[]) =>
    list.map(({ birthDate, identifier, issuer, name }) => ({ birthDate, identifier, issuer, name }));
  const contents = seen && { count: seen.count, digest: seen.digest };
  return JSON.stringify({
    ...{ decision, identities: names(identities), joined: names(joined), objectName, reason, seen: contents },
    ...{ sopUid, studyUid },
  });
}

/** The same for two spellings that mean the same (patientRules.ts). */
export function identityKey(identity: PatientIdentity): string {
  const { identifier, issuer, name, birthDate } = normaliseIdentity(identity);
  return JSON.stringify([identifier, issuer, name, birthDate]);
}
