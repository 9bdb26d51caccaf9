import type {
  Comparison,
  Conflict,
  ConflictDecision,
  ConflictLine,
  ConflictVersion,
} from '../../../../app/domains/imaging/conflictSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import type { Author, Reader, Transaction } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { InstanceHeader } from '../header/instanceHeader.ts';
import type { ObjectReaders } from '../reading/objectReaders.ts';
import type { BodyAnswer, RenderRequest } from '../reading/readerMessages.ts';
import { packedHeadersSql, type StudyFacts } from './asideRows.ts';
import { applyToIdentities, applyToInstance, numberRevision } from './conflictEffects.ts';
import { identityDecisions, listPeople, refuseContent, refuseReopening, refuseTaking } from './conflictGuards.ts';
import {
  type ConflictQuestion,
  type ContentRow,
  describeIdentities,
  getLine,
  type KnownContent,
  type KnownLine,
  listContentRows,
  listLines,
  namesOther,
  standOf,
  toLine,
} from './conflictRows.ts';
import type { HeaderFacts } from './headerFacts.ts';
import { listIdentities, type NamedIdentity, refreshOfRecords } from './identityTruth.ts';
import { type OtherContent, seenContents } from './instanceChoice.ts';
import { insertSettlement, listSettlements, newestSettlement, type SettlementBody } from './settlementRows.ts';

export interface Settling {
  readonly conflictId: string;
  readonly studyUid: string;
  readonly stand: string;
  readonly decision: ConflictDecision;
  readonly objectName: string | null;
  readonly reason: string;
}

/** Contradictions in what arrived, and what people decided about them. */
export interface ConflictService {
  listConflicts(question: ConflictQuestion): { total: number; rows: ConflictLine[] };
  /** @throws Failure('imaging.conflictUnknown') */
  getConflict(conflictId: string, studyUid: string): Promise<Conflict>;
  /** @throws Failure('imaging.conflictUnknown') */
  compareConflict(conflictId: string, studyUid: string, objectName: string, signal?: AbortSignal): Promise<Comparison>;
  /** @throws Failure('imaging.conflictChanged' | …) see conflictGuards.ts */
  settleConflict(author: Author, input: Settling): Promise<Conflict>;
  /** @throws Failure('imaging.conflictNoPicture') where it would be one of another person */
  renderConflict(
    ref: { readonly conflictId: string; readonly studyUid: string; readonly objectName: string },
    render: RenderRequest,
    signal: AbortSignal,
  ): Promise<BodyAnswer>;
  /** After two records were linked or told apart. Returns the studies whose conflict may stand otherwise now. */
  recordsDecided(tx: Transaction, patientIds: readonly [string, string]): string[];
}

interface Examined extends OtherContent {
  readonly window: { readonly centre: number; readonly width: number } | null;
}

interface SeenContent extends KnownContent {
  readonly examined: Examined;
}

const headersPerPiece = 256;

const namesOf = ({ identifier, issuer, name, birthDate }: NamedIdentity) => ({ identifier, issuer, name, birthDate });

export function openConflictService(
  store: OpenStore,
  services: () => Services,
  readers: ObjectReaders,
): ConflictService {
  const { reader } = store;

  async function examine(objectName: string): Promise<Examined> {
    const { body } = await readers.read({ type: 'examine', objectName });
    const { header, json, window } = JSON.parse(Buffer.from(body).toString('utf8')) as {
      header: InstanceHeader;
      json: string;
      window: Examined['window'];
    };
    return { header, json: new Uint8Array(Buffer.from(json, 'base64')), window };
  }

  async function readContents(sopUid: string): Promise<SeenContent[]> {
    const contents: SeenContent[] = [];
    for (const row of listContentRows(reader, sopUid)) {
      const examined = await examine(row.object_name);
      contents.push({ row, header: examined.header, examined });
    }
    return contents;
  }

  async function readFacts(studyRow: number): Promise<StudyFacts> {
    const facts = new Map<string, HeaderFacts>();
    for (let after = ''; ; ) {
      const rows = await store.readLater<{ sop_uid: string; json: Uint8Array }>(
        packedHeadersSql,
        studyRow,
        after,
        studyRow,
        after,
        headersPerPiece,
      );
      const last = rows.at(-1);
      if (!last) return facts;
      const { body } = await readers.read({ type: 'facts', objectName: '', headers: rows.map(({ json }) => json) });
      const said = JSON.parse(Buffer.from(body).toString('utf8')) as HeaderFacts[];
      for (const [at, { sop_uid }] of rows.entries()) facts.set(sop_uid, said[at] as HeaderFacts);
      after = last.sop_uid;
    }
  }

  interface Seen {
    readonly line: KnownLine;
    readonly contents: readonly SeenContent[];
    readonly facts: StudyFacts;
  }

  /** Everything of a conflict at one moment; what is read in worker threads is read again when something came meanwhile. */
  async function see(conflictId: string, studyUid: string, withFacts = false): Promise<Seen> {
    for (let tries = 0; ; tries += 1) {
      const before = getLine(reader, conflictId, studyUid);
      const stand = standOf(reader, before);
      const contents = before.sop_uid === null ? [] : await readContents(before.sop_uid);
      const areNeeded = before.sop_uid === null || withFacts;
      const facts = areNeeded ? await readFacts(before.study_row) : new Map<string, HeaderFacts>();
      const line = getLine(reader, conflictId, studyUid);
      if (standOf(reader, line) === stand) return { line, contents, facts };
      if (tries >= 4) throw new Failure('imaging.conflictChanged', 'more of it keeps arriving');
    }
  }

  function decisionsOf(from: Reader, { line, contents, facts }: Seen): Conflict['decisions'] {
    const newest = newestSettlement(from, line.conflict_id);
    const stands = newest !== undefined && newest.decision !== 'reopen';
    const isBackOffered = line.state === 'settled' || (line.sop_uid === null && stands);
    const reopen = isBackOffered ? { reopen: refuseReopening(from, line, newest) } : {};
    if (line.sop_uid === null)
      return line.state === 'open' ? { ...identityDecisions(from, line, facts, newest), ...reopen } : reopen;
    const shown = contents[0];
    if (line.state === 'settled' || !shown) return reopen;
    return { keep: null, take: refuseTaking(from, line, shown) };
  }

  function toVersion(line: KnownLine, { row, header, examined }: SeenContent, shown: KnownContent): ConflictVersion {
    const isOther = header.studyUid !== line.study_uid || namesOther(reader, line, header);
    return {
      objectName: row.object_name,
      isShown: row.place === 'shown',
      receivedAt: row.received_at,
      source: row.source,
      author: row.author ?? '',
      bytes: row.bytes,
      transferSyntaxUid: header.transferSyntaxUid,
      frames: header.frames,
      isImage: header.isImage,
      name: header.name,
      identifier: header.identifier,
      birthDate: header.birthDate,
      window: examined.window,
      refusal: row.place === 'kept' ? refuseContent(reader, line, shown, header) : null,
      mayShow: header.isImage && line.identity_conflict === 0 && row.place !== 'aside' && !isOther,
    };
  }

  function describe(seen: Seen): Conflict {
    const { line, contents, facts } = seen;
    const [shown] = contents;
    return {
      ...toLine(line),
      stand: standOf(reader, line),
      settlements: listSettlements(reader, line.conflict_id).map(({ body: _body, ...rest }) => rest),
      versions: shown ? contents.map((content) => toVersion(line, content, shown)) : [],
      identities: line.sop_uid === null ? describeIdentities(reader, line, facts) : [],
      decisions: decisionsOf(reader, seen),
    };
  }

  /** The contents in question, by their rows alone: cheap enough to ask for each picture. */
  function findContent(line: KnownLine, objectName: string): { row: ContentRow; shown: ContentRow } {
    const rows = line.sop_uid === null ? [] : listContentRows(reader, line.sop_uid);
    const row = rows.find(({ object_name }) => object_name === objectName);
    const [shown] = rows;
    if (!row || !shown) throw new Failure('imaging.conflictUnknown', 'no such content of this instance');
    return { row, shown };
  }

  function bodyOf(tx: Reader, { line, contents }: Seen, { decision, objectName, reason }: Settling): SettlementBody {
    const base = { decision, reason, studyUid: line.study_uid, sopUid: line.sop_uid };
    const nobody = { identities: [], joined: [] };
    if (line.sop_uid !== null) {
      const shown = contents[0]?.row.object_name ?? null;
      const seen = seenContents(tx, line.sop_uid);
      return { ...base, objectName: decision === 'take' ? objectName : shown, seen, ...nobody };
    }
    const { all, stands } = listPeople(tx, line);
    const named = (is: (at: number) => boolean) => all.filter((_, at) => is(at)).map(namesOf);
    const people =
      decision === 'keepApart'
        ? { identities: named((at) => stands[at] === 'other'), joined: named((at) => stands[at] === 'study') }
        : { ...nobody, identities: decision === 'onePerson' ? all.map(namesOf) : [] };
    return { ...base, objectName: null, seen: null, ...people };
  }

  /** The records of one person belong together in the list of patients too, where both exist. Returns those linked now. */
  function linkRecords(tx: Transaction, author: Author, line: KnownLine, reason: string): string[] {
    const others = new Set(listIdentities(tx, line.study_row).map(({ patientId }) => patientId));
    others.delete(line.patient_id);
    const known = [...others].filter((id) => tx.get('SELECT 1 FROM patient WHERE patient_id = ?', id) !== undefined);
    for (const otherPatientId of known)
      services().patients.linkWithin(tx, author, { patientId: line.patient_id, otherPatientId, same: true, reason });
    return known;
  }

  function settle(author: Author, seen: Seen, input: Settling): void {
    const { decision, objectName } = input;
    store.gate.write(author, 'imaging.settleConflict', (tx) => {
      const line = getLine(tx, input.conflictId, input.studyUid);
      // What is decided is what was seen, or nothing: another content or another person may have arrived meanwhile.
      if (standOf(tx, line) !== input.stand)
        throw new Failure('imaging.conflictChanged', 'the conflict changed since it was looked at');
      const now: Seen = { ...seen, line };
      const offered = decisionsOf(tx, now);
      const refusal = decision in offered ? offered[decision] : 'imaging.conflictChanged';
      if (refusal) throw new Failure(refusal, 'this cannot be decided now');
      const [shown] = seen.contents;
      const taken = decision === 'take' ? seen.contents.find(({ row }) => row.object_name === objectName) : undefined;
      if (decision === 'take') {
        if (!taken || !shown || taken.row.place !== 'kept')
          throw new Failure('imaging.conflictUnknown', 'no such content of this instance');
        const reason = refuseContent(tx, line, shown, taken.header);
        if (reason !== null) throw new Failure(reason, 'this content cannot take the place of the other');
      }
      const body = bodyOf(tx, now, input);
      const version = line.version + 1;
      tx.statement({ type: 'conflictSettlement', id: line.conflict_id, version, payload: body });
      const origin = { version, at: tx.nowMs, hlc: tx.hlc, author: author.operatorName, siteId: tx.siteId };
      insertSettlement(tx, line.conflict_id, body, origin);
      tx.run('UPDATE conflict SET version = ? WHERE conflict_id = ?', version, line.conflict_id);
      const linked = decision === 'onePerson' ? linkRecords(tx, author, line, input.reason) : [];
      const moved =
        line.sop_uid === null
          ? applyToIdentities(tx, { studyRow: line.study_row, studyUid: line.study_uid }, seen.facts)
          : applyToInstance(tx, line.study_row, body, taken?.examined ?? null, seen.facts);
      numberRevision(tx, line.study_row);
      tx.run('UPDATE study SET hlc = ? WHERE study_row = ?', tx.hlc, line.study_row);
      services().worklist.refreshStudy(tx, line.study_uid);
      tx.subject(
        { type: 'study', id: line.study_uid },
        {
          ...{ conflictId: line.conflict_id, decision, version, moved },
          ...(body.objectName === null ? {} : { objectName: body.objectName }),
          ...(linked.length > 0 ? { linked: [line.patient_id, ...linked].join(' ') } : {}),
        },
      );
      for (const topic of ['studies', 'worklist', 'patients'] as const) tx.topic(topic);
    });
  }

  return {
    listConflicts: (question) => listLines(reader, question),
    getConflict: async (conflictId, studyUid) => describe(await see(conflictId, studyUid)),
    async compareConflict(conflictId, studyUid, objectName, signal) {
      const { row, shown } = findContent(getLine(reader, conflictId, studyUid), objectName);
      const { body } = await readers.read(
        { type: 'compare', objectName: shown.object_name, otherName: row.object_name },
        signal,
      );
      return JSON.parse(Buffer.from(body).toString('utf8')) as Comparison;
    },
    async settleConflict(author, input) {
      const seen = await see(input.conflictId, input.studyUid, input.decision === 'take');
      settle(author, seen, input);
      return describe(await see(input.conflictId, input.studyUid));
    },
    async renderConflict({ conflictId, studyUid, objectName }, render, signal) {
      const line = getLine(reader, conflictId, studyUid);
      const { row } = findContent(line, objectName);
      const header =
        row.header === '' ? (await examine(row.object_name)).header : (JSON.parse(row.header) as InstanceHeader);
      const content = { row, header, examined: { header, json: new Uint8Array(0), window: null } };
      // Looked up again: whose picture it is may have been decided while its header was read.
      if (!toVersion(getLine(reader, conflictId, studyUid), content, content).mayShow)
        throw new Failure('imaging.conflictNoPicture', 'no picture of another person, nor of a study of two');
      return readers.read({ type: 'render', objectName, render }, signal);
    },
    recordsDecided: (tx, patientIds) => refreshOfRecords(tx, patientIds),
  };
}
