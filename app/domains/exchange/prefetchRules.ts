import { localDay } from '../../shared/localDay.ts';
import { contradicts, normaliseIdentity, type PatientIdentity, parseSex } from '../patients/patientRules.ts';
import type { Found } from './exchangeSchema.ts';
import type { NewPrefetchRule, WantedPriors } from './prefetchSchema.ts';
import type { NewEntry } from './scheduleSchema.ts';

/** Whose priors are looked for. */
export type Sought = PatientIdentity & { readonly sex: string };

/** The new study, or the planned one, as far as it decides what is prior to it. */
export interface NewStudy {
  readonly studyUid: string;
  readonly modalities: readonly string[];
  /** DICOM DA text, YYYYMMDD. */
  readonly date: string;
  /** DICOM TM text, or empty. */
  readonly time: string;
}

/** One study as one node lists it. */
export type ListedStudy = Pick<
  Found,
  'nodeId' | 'studyUid' | 'studyDate' | 'studyTime' | 'modalities' | 'instanceCount' | 'hereCount'
> & { readonly person: Sought };

/** A study that is earlier and of this person, with the nodes that have it, the one to ask first in front. */
export interface Prior {
  readonly studyUid: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly nodeIds: readonly string[];
  /** As some node says; empty: none says. */
  readonly modalities: readonly string[];
  /** As many instances as any node lists are here. */
  readonly isWhole: boolean;
}

const hourMs = 3_600_000;
/** How long before its start a planned examination is looked after. */
const plannedAheadMs = 36 * hourMs;
/** A study older than this when it arrives is brought for comparison, not to be read. */
const newForDays = 7;

/** Pauses before a look that failed is done again, ms; after the last it has failed for good. */
const retryMs = [60_000, 5 * 60_000, 20 * 60_000, hourMs];

/** @param attempts looks so far @returns the pause in ms, or null when there is no further one */
export function pauseAfterLook(attempts: number): number | null {
  return retryMs[attempts - 1] ?? null;
}

/** Whether a rule means this study: an empty list is no condition. A planned study has no body parts and is not held back by them. */
export function meansStudy(
  match: NewPrefetchRule['match'],
  study: { readonly modalities: readonly string[]; readonly bodyParts: readonly string[] | null },
): boolean {
  const meets = (wanted: readonly string[], has: readonly string[]) =>
    wanted.length === 0 || wanted.some((one) => has.includes(one));
  return (
    meets(match.modalities, study.modalities) && (study.bodyParts === null || meets(match.bodyParts, study.bodyParts))
  );
}

/**
 * Whether an answer is of the person who is sought. `same`: number and name agree, and issuer, birth date and sex do not
 * contradict: the rule by which instances of one study are one person's. `unproven`: it does not say enough to tell.
 */
export function compareWithSought(sought: Sought, answer: Sought): 'same' | 'unproven' | 'other' {
  const { identifier, name } = normaliseIdentity(answer);
  const said = {
    ...answer,
    identifier: identifier || sought.identifier,
    name: name === '' ? sought.name : answer.name,
  };
  if (isOther(sought, said)) return 'other';
  return identifier === '' || name === '' ? 'unproven' : 'same';
}

function isOther(sought: Sought, answer: Sought): boolean {
  const [left, right] = [parseSex(sought.sex), parseSex(answer.sex)];
  return contradicts(sought, answer) || (left !== '' && right !== '' && left !== right);
}

/** Day and time as one text that sorts; no time is the beginning of the day. */
const momentOf = (date: string, time: string) => `${date}${time.replace(/[^\d]/g, '').slice(0, 6).padEnd(6, '0')}`;

/** The day so many years before, as DICOM DA text. */
export function yearsBefore(date: string, years: number): string {
  return `${String(Number(date.slice(0, 4)) - years).padStart(4, '0')}${date.slice(4)}`;
}

/**
 * The earlier studies among what nodes list, newest first, each once. A study that any node lists under another person,
 * or that is not certain to be of this one, is left out.
 *
 * @param failedAt nodes that did not hand over a study last time: asked after the others
 * @returns also how many studies were left out for their person
 */
export function listPriors(
  sought: Sought,
  study: NewStudy,
  years: number,
  listed: readonly ListedStudy[],
  failedAt: ReadonlyMap<string, string> = new Map(),
): { readonly priors: Prior[]; readonly otherPerson: number } {
  const byStudy = new Map<string, ListedStudy[]>();
  for (const one of listed) {
    if (one.studyUid === study.studyUid) continue;
    const same = byStudy.get(one.studyUid);
    if (same) same.push(one);
    else byStudy.set(one.studyUid, [one]);
  }
  let otherPerson = 0;
  const priors: Prior[] = [];
  for (const [studyUid, rows] of byStudy) {
    const verdicts = rows.map((row) => compareWithSought(sought, row.person));
    const proven = rows.filter((_, at) => verdicts[at] === 'same');
    if (verdicts.includes('other') || proven.length === 0) {
      otherPerson += 1;
      continue;
    }
    const prior = joinListed(studyUid, proven, failedAt.get(studyUid));
    if (isEarlier(prior, study, years)) priors.push(prior);
  }
  const key = ({ studyDate, studyTime }: Prior) => momentOf(studyDate, studyTime);
  return { priors: priors.sort((left, right) => (key(left) < key(right) ? 1 : -1)), otherPerson };
}

function joinListed(studyUid: string, rows: readonly ListedStudy[], failedAt: string | undefined): Prior {
  // Stable: of nodes that list as much, the one that the rule names first.
  const best = [...rows].sort(
    (left, right) =>
      Number(left.nodeId === failedAt) - Number(right.nodeId === failedAt) ||
      (right.instanceCount ?? -1) - (left.instanceCount ?? -1),
  );
  const [first] = best as [ListedStudy];
  const largest = Math.max(...rows.map(({ instanceCount }) => instanceCount ?? -1));
  return {
    studyUid,
    studyDate: first.studyDate,
    studyTime: first.studyTime,
    nodeIds: best.map(({ nodeId }) => nodeId),
    modalities: [...new Set(rows.flatMap(({ modalities }) => modalities))],
    // Nobody's word that it is whole where no node counts: whoever fetches it lists it.
    isWhole: largest > 0 && first.hereCount >= largest,
  };
}

/** Without a date it is not known to be earlier. On the same day it is unless its time says otherwise. */
function isEarlier(prior: Prior, study: NewStudy, years: number): boolean {
  if (!/^\d{8}$/.test(prior.studyDate) || prior.studyDate < yearsBefore(study.date, years)) return false;
  if (prior.studyDate !== study.date) return prior.studyDate < study.date;
  if (prior.studyTime === '' || study.time === '') return true;
  return momentOf(prior.studyDate, prior.studyTime) < momentOf(study.date, study.time);
}

/** Modalities of which priors are wanted; null: of any. */
export function wantedModalities(wanted: WantedPriors, study: NewStudy): readonly string[] | null {
  if (!wanted.sameModality && wanted.modalities.length === 0) return null;
  return [...(wanted.sameModality ? study.modalities : []), ...wanted.modalities];
}

/**
 * Whether a study that arrives is new work, and so wants priors. One that is more than a week old is itself a prior, by
 * whichever way it comes. Without a date it is taken for new.
 */
export function isNewWork(studyDate: string, nowMs: number): boolean {
  return !/^\d{8}$/.test(studyDate) || studyDate >= localDay(nowMs - newForDays * 24 * hourMs);
}

/** Whether a planned examination begins within the next 36 hours, by the clock of this machine. Without a time: some time that day. */
export function beginsSoon(
  { startDate, startTime }: Pick<NewEntry, 'startDate' | 'startTime'>,
  nowMs: number,
): boolean {
  const [from, to] = startTime === '' ? ['000000', '235959'] : [startTime, startTime];
  return localMs(startDate, to) > nowMs && localMs(startDate, from) <= nowMs + plannedAheadMs;
}

function localMs(date: string, time: string): number {
  const part = (text: string, from: number) => Number(text.slice(from, from + 2) || '0');
  return new Date(
    Number(date.slice(0, 4)),
    part(date, 4) - 1,
    part(date, 6),
    part(time, 0),
    part(time, 2),
    part(time, 4),
  ).getTime();
}
