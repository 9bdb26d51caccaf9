import { identityDifferences, type PatientIdentity } from '../../../app/domains/patients/patientRules.ts';
import type { LinkCandidate, Patient } from '../../../app/domains/patients/patientSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { foldMarks, foldText } from '../../../app/shared/foldText.ts';
import type { OpenStore } from '../../core.ts';
import type { Author, Reader, Transaction } from '../../database/writeGate.ts';
import type { Services } from '../../domainServices.ts';
import {
  applyDecision,
  decisionsOf,
  groupMembers,
  type LinkDecision,
  nextLinkVersion,
  pairOf,
  refreshNeed,
  refuseContradiction,
} from './patientLinks.ts';
import {
  findLookAlikes,
  fromPatientRow,
  identityOfRow,
  insertPatient,
  type PatientRow,
  patientColumns,
  patientIdOf,
} from './patientRows.ts';

/** Patients of this store: whose study is it, which records may be one person, and what people decided about that. */
export interface PatientService {
  /** @throws Failure('patients.unknown') */
  getPatient(patientId: string): Patient;
  list(input: { text: string; offset: number; limit: number }): Promise<{ total: number; rows: Patient[] }>;
  listLinkCandidates(patientId: string): LinkCandidate[];
  /** @throws Failure('patients.unknown' | 'patients.sameRecord' | 'patients.linkContradicts') */
  decideLink(author: Author, decision: LinkDecision): void;
  /** The same as part of another decision. */
  linkWithin(tx: Transaction, author: Author, decision: LinkDecision): void;
  /** The records a person linked with this one, itself first. */
  listLinked(patientId: string): string[];
  /** The id of the record an identity stands for, whether there is one or not. */
  identify(identity: PatientIdentity, studyUid: string): string;
  /** The record of whom an identity names, made when there is none; one study more counts on it. */
  registerStudy(
    tx: Transaction,
    author: Author,
    identity: PatientIdentity & { readonly sex: string },
    studyUid: string,
  ): string;
}

/** Opens the patients domain of a store. `services` is called only when something is asked, never while opening. */
export function openPatientService(store: OpenStore, services: () => Services): PatientService {
  const { reader } = store;
  const identify = (identity: PatientIdentity, studyUid: string) =>
    patientIdOf(store.archive.access.nameKey, identity, studyUid);

  function find(from: Reader, patientId: string): PatientRow {
    const row = from.get<PatientRow>(`SELECT ${patientColumns} FROM patient WHERE patient_id = ?`, patientId);
    if (!row) throw new Failure('patients.unknown', 'no such patient');
    return row;
  }

  function linkWithin(tx: Transaction, author: Author, decision: LinkDecision): void {
    const pair = pairOf(decision.patientId, decision.otherPatientId);
    for (const patientId of pair) find(tx, patientId);
    refuseContradiction(tx, decision);
    const version = nextLinkVersion(tx, pair);
    tx.statement({ type: 'patientLink', id: pair.join('+'), version, payload: { ...decision } });
    const changed = applyDecision(tx, decision, {
      version,
      at: tx.nowMs,
      hlc: tx.hlc,
      author: author.operatorName,
      siteId: tx.siteId,
    });
    for (const patientId of changed) services().worklist.refreshPatient(tx, patientId);
    for (const studyUid of services().imaging.conflicts.recordsDecided(tx, pair))
      services().worklist.refreshStudy(tx, studyUid);
    for (const topic of ['patients', 'worklist', 'studies'] as const) tx.topic(topic);
  }

  return {
    getPatient: (patientId) => fromPatientRow(find(reader, patientId)),

    async list({ text, offset, limit }) {
      const words = foldMarks(text)
        .split(/[\s^=,]+/)
        .filter((word) => word !== '');
      const ordered = (direction: string) =>
        `SELECT p.rowid FROM patient p INDEXED BY patient_by_sort_name ORDER BY p.sort_name ${direction}, p.patient_id ${direction}`;
      const { total, rows } = await store.readList<PatientRow>({
        conditions: [
          { sql: 'SELECT rowid FROM patient WHERE study_count > 0', parameters: [] },
          // Names are kept as words: "O'Brien" is found as 'o brien', with whichever apostrophe it was typed.
          ...words.map((word) => ({
            sql: 'SELECT rowid FROM patient WHERE instr(search_text, ?) > 0 OR instr(search_text, ?) > 0',
            parameters: [word, foldText(word) || word],
          })),
        ],
        count: 'SELECT count(*) FROM patient',
        order: ordered('ASC'),
        reverse: ordered('DESC'),
        few: `SELECT p.rowid FROM json_each(?) few CROSS JOIN patient p ON p.rowid = few.value ORDER BY p.sort_name, p.patient_id`,
        rows: `SELECT ${patientColumns} FROM json_each(?) page CROSS JOIN patient p ON p.rowid = page.value ORDER BY page.key`,
        offset,
        limit,
      });
      return { total, rows: rows.map(fromPatientRow) };
    },

    listLinkCandidates(patientId) {
      const row = find(reader, patientId);
      const linked = new Set(groupMembers(reader, patientId).filter((id) => id !== patientId));
      const decisions = decisionsOf(reader, patientId);
      const others = findLookAlikes(reader, row).filter((other) => !linked.has(other.patient_id));
      const candidates = [...[...linked].map((id) => find(reader, id)), ...others].map((other): LinkCandidate => {
        const apart = decisions.get(other.patient_id) === false;
        return {
          patient: fromPatientRow(other),
          differs: identityDifferences(identityOfRow(row), identityOfRow(other)),
          decision: linked.has(other.patient_id) ? 'same' : apart ? 'notSame' : 'open',
        };
      });
      const order = ['open', 'same', 'notSame'];
      return candidates.sort((a, b) => order.indexOf(a.decision) - order.indexOf(b.decision));
    },

    decideLink(author, decision) {
      store.gate.write(author, 'patients.decideLink', (tx) => {
        linkWithin(tx, author, decision);
        tx.subject(
          { type: 'patient', id: decision.patientId },
          { otherPatientId: decision.otherPatientId, same: decision.same },
        );
      });
    },
    linkWithin,

    listLinked(patientId) {
      return [patientId, ...groupMembers(reader, patientId).filter((id) => id !== patientId)];
    },

    identify,

    registerStudy(tx, author, identity, studyUid) {
      const patientId = identify(identity, studyUid);
      const known =
        tx.run('UPDATE patient SET study_count = study_count + 1 WHERE patient_id = ?', patientId).changes > 0;
      if (known) return patientId;
      insertPatient(tx, patientId, identity, author.operatorName);
      tx.run('UPDATE patient SET study_count = 1 WHERE patient_id = ?', patientId);
      for (const other of refreshNeed(tx, patientId))
        if (other !== patientId) services().worklist.refreshPatient(tx, other);
      tx.topic('patients');
      return patientId;
    },
  };
}
