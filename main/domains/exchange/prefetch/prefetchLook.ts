import { type FindQuery, findQuerySchema } from '../../../../app/domains/exchange/exchangeSchema.ts';
import {
  compareWithSought,
  type ListedStudy,
  listPriors,
  type NewStudy,
  type Prior,
  type Sought,
  wantedModalities,
  yearsBefore,
} from '../../../../app/domains/exchange/prefetchRules.ts';
import type { NewPrefetchRule } from '../../../../app/domains/exchange/prefetchSchema.ts';
import { isMatchable } from '../../../../app/domains/patients/patientRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { localDay } from '../../../../app/shared/localDay.ts';
import type { OpenStore } from '../../../core.ts';
import type { Services } from '../../../domainServices.ts';
import type { Finding } from '../exchangeParts.ts';
import { findEntry } from '../schedule/scheduleRows.ts';
import type { RunRow, Trouble } from './prefetchRows.ts';

/** Whose priors are looked for, and prior to what. */
export interface Subject {
  readonly sought: Sought;
  readonly study: NewStudy;
  readonly entryVersion: number | null;
}

export interface LookResult {
  /** Newest first, the ones here whole included. */
  readonly chosen: readonly { readonly studyUid: string; readonly nodeId: string; readonly isWhole: boolean }[];
  readonly otherPerson: number;
  /** What went wrong with each node. */
  readonly troubles: readonly Trouble[];
}

/** Matches taken from each node: of one patient, with room for a peer that answers with others too. */
const mostListed = 500;
/** Studies whose series are asked for because the node does not say what modalities they have. */
const mostAskedForSeries = 40;

/**
 * Whom a look is for. Null when the planned entry, or the study, is not there any more.
 *
 * @throws Failure('imaging.identityConflict' | 'exchange.patientUnclear') when it is not certain whose priors to look for
 */
export function subjectOf({ reader, platform }: OpenStore, services: Services, run: RunRow): Subject | null {
  const today = localDay(platform.clock.nowMs());
  if (run.entry_id !== null) {
    const entry = findEntry(reader, run.entry_id);
    if (!entry || entry.archived) return null;
    return checked({
      sought: {
        identifier: entry.patientId,
        issuer: '',
        name: entry.patientName,
        birthDate: entry.birthDate,
        sex: entry.sex,
      },
      study: {
        studyUid: entry.studyUid,
        modalities: [entry.modality],
        date: entry.startDate,
        time: entry.startTime,
      },
      entryVersion: entry.version,
    });
  }
  const row = reader.get<Record<'patient_id' | 'modalities' | 'study_date' | 'study_time', string> & { mixed: number }>(
    'SELECT patient_id, modalities, study_date, study_time, identity_conflict AS mixed FROM study WHERE study_uid = ?',
    run.study_uid,
  );
  if (!row) return null;
  if (row.mixed === 1) throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  const { identifier, issuer, name, birthDate, sex } = services.patients.getPatient(row.patient_id);
  return checked({
    sought: { identifier, issuer, name, birthDate, sex },
    study: {
      studyUid: run.study_uid,
      modalities: row.modalities.split('\\').filter((one) => one !== ''),
      date: /^\d{8}$/.test(row.study_date) ? row.study_date : today,
      time: row.study_date === '' ? '' : row.study_time,
    },
    entryVersion: null,
  });
}

function checked(subject: Subject): Subject {
  // A number longer than VR LO allows can't be asked for.
  if (isMatchable(subject.sought) && subject.sought.identifier.trim().length <= 64) return subject;
  throw new Failure('exchange.patientUnclear', 'without a number and a name nobody can be recognised');
}

/**
 * Asks the rule's nodes for the patient's earlier studies and chooses. Never throws for what a node does: that is its
 * trouble, and the others' answers count.
 *
 * @param failedAt study → node that did not hand it over last time
 * @returns null when the signal came
 */
export async function lookForPriors(
  store: OpenStore,
  finding: Pick<Finding, 'find'>,
  rule: NewPrefetchRule,
  { sought, study }: Subject,
  failedAt: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<LookResult | null> {
  const troubles: Trouble[] = [];
  const ask = async (nodeIds: readonly string[], query: Partial<FindQuery>, limit: number) => {
    const rows: (ListedStudy & { seriesUid: string })[] = [];
    const question = { nodeIds, query: findQuerySchema.parse(query), limit };
    for await (const event of finding.find(question, signal)) {
      if (event.type === 'found') {
        for (const { patientId, issuer, patientName, birthDate, sex, ...row } of event.rows)
          rows.push({ ...row, person: { identifier: patientId, issuer, name: patientName, birthDate, sex } });
      } else if (event.failure) {
        troubles.push({ code: event.failure.code, details: { ...event.failure.details, nodeId: event.nodeId } });
      } else if (event.isCut) {
        troubles.push({ code: 'exchange.protocol', details: { reason: 'tooMany', nodeId: event.nodeId } });
      }
    }
    return rows;
  };
  const days = { studyDateFrom: yearsBefore(study.date, rule.priors.years), studyDateTo: study.date };
  const query = { level: 'STUDY', patientId: sought.identifier, ...days } as const;
  let listed: ListedStudy[];
  try {
    listed = await ask(rule.nodeIds, query, mostListed);
  } catch (error) {
    // Such as a number without a letter or digit, which would have every node list all it has.
    if (!(error instanceof Failure)) throw error;
    return { chosen: [], otherPerson: 0, troubles: [{ code: error.code, details: error.details ?? {} }] };
  }
  if (signal.aborted) return null;
  const inRuleOrder = listed.sort(
    (left, right) => rule.nodeIds.indexOf(left.nodeId) - rule.nodeIds.indexOf(right.nodeId),
  );
  const found = listPriors(sought, study, rule.priors.years, inRuleOrder, failedAt);
  let { otherPerson } = found;
  const wanted = wantedModalities(rule.priors, study);
  const chosen: LookResult['chosen'][number][] = [];
  let asked = 0;
  for (const prior of found.priors) {
    if (chosen.length === rule.priors.atMost) break;
    if (isHereAsAnother(store, sought, prior.studyUid)) {
      otherPerson += 1;
      continue;
    }
    let { modalities } = prior;
    if (wanted !== null && modalities.length === 0 && asked < mostAskedForSeries) {
      asked += 1;
      modalities = await modalitiesOf(prior);
      if (signal.aborted) return null;
    }
    if (wanted === null || wanted.some((one) => modalities.includes(one)))
      chosen.push({ studyUid: prior.studyUid, nodeId: prior.nodeIds[0] ?? '', isWhole: prior.isWhole });
  }
  return { chosen, otherPerson, troubles };

  async function modalitiesOf({ studyUid, nodeIds }: Prior): Promise<string[]> {
    const series = await ask(nodeIds.slice(0, 1), { level: 'SERIES', studyUid }, 1000);
    return series.flatMap((row) => row.modalities);
  }
}

/** Something of this study is here, and is not this person's. */
export function isHereAsAnother({ reader }: Pick<OpenStore, 'reader'>, sought: Sought, studyUid: string): boolean {
  const rows = reader.all<Omit<Sought, 'sex'> & { sex: string; mixed: number }>(
    `SELECT i.identifier, i.issuer, i.name, i.birth_date AS birthDate, p.sex, s.identity_conflict AS mixed
     FROM study s JOIN study_identity i ON i.study_row = s.study_row JOIN patient p ON p.patient_id = s.patient_id
     WHERE s.study_uid = ? AND (i.instance_count > 0 OR s.identity_conflict = 1) LIMIT 50`,
    studyUid,
  );
  return rows.some(({ mixed, ...person }) => mixed === 1 || compareWithSought(sought, person) !== 'same');
}
