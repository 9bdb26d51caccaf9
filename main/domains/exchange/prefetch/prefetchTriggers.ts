import { beginsSoon, isNewWork, meansStudy } from '../../../../app/domains/exchange/prefetchRules.ts';
import { localDay } from '../../../../app/shared/localDay.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Transaction } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { dropRuns, findRunOf, type KnownRule, listRules, type RunRow } from './prefetchRows.ts';

/** Turns what arrives and what is planned into looks that are due. */
export interface PrefetchTriggers {
  /** Studies that came since the last call, and those of which more came. Gives true while there are more of them. */
  noticeArrivals(): boolean;
  /** Entries of the own worklist that begin soon. */
  noticePlanned(): void;
}

interface ArrivedRow {
  readonly study_row: number;
  readonly study_uid: string;
  readonly patient_id: string;
  readonly modalities: string;
  readonly body_parts: string;
  readonly study_date: string;
  readonly received_at: number;
  readonly hlc: string;
}

/** A look that may have to be made. */
interface Wish {
  readonly ruleId: string;
  readonly studyUid: string;
  readonly entry: { readonly entryId: string; readonly version: number } | null;
  /** Whether it is to be made, given the one there was of this rule for this study. */
  isNew(before: RunRow | undefined): boolean;
}

const dayMs = 86_400_000;
/** What came while nobody looked, such as before a crash, is looked at when it is not older than this. */
const lookBackMs = dayMs;
/** Studies in one go: the window's thread is free in between. */
const studiesAtOnce = 100;
/** Studies that some rule does not mean yet and of which more may come; of a large import the newest. */
const mostGrowing = 200;

const arrivedColumns = `s.study_row, s.study_uid, s.patient_id, s.modalities, s.body_parts, s.study_date, s.received_at, s.hlc`;

export function openPrefetchTriggers(
  { gate, reader, newId, platform }: OpenStore,
  services: () => Pick<Services, 'worklist'>,
  schedule: Pick<Schedule, 'list'>,
): PrefetchTriggers {
  /** The last study that was looked at. Null until the first call: rows are numbered anew when an index is rebuilt. */
  let lastRow: number | null = null;
  /** With the stamp of what was looked at of it. */
  const growing = new Map<number, string>();

  function begin(): number {
    const row = reader.get<{ first: number | null }>(
      'SELECT min(study_row) AS first FROM worklist_item WHERE received_at >= ?',
      platform.clock.nowMs() - lookBackMs,
    );
    if (row?.first !== null && row !== undefined) return row.first - 1;
    return reader.get<{ last: number | null }>('SELECT max(study_row) AS last FROM study')?.last ?? 0;
  }

  /** Not what a rule brought itself, nor what is here to compare with: one look must not lead to the next. */
  function isWork({ study_uid, patient_id, study_date }: ArrivedRow): boolean {
    const nowMs = platform.clock.nowMs();
    if (!isNewWork(study_date, nowMs)) return false;
    if (reader.get('SELECT 1 FROM prefetch_prior WHERE study_uid = ? LIMIT 1', study_uid)) return false;
    if (services().worklist.isPrior(study_uid)) return false;
    // A date that some clock got wrong, years ahead, is no reason to hold every other study for old.
    return !reader.get(
      "SELECT 1 FROM study WHERE patient_id = ? AND study_date > ? AND study_date <= ? AND ? <> '' LIMIT 1",
      patient_id,
      study_date,
      localDay(nowMs + dayMs),
      study_date,
    );
  }

  function ask(tx: Transaction, ruleId: string, studyUid: string, entry: { entryId: string; version: number } | null) {
    tx.run(
      `INSERT INTO prefetch_run (prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, next_attempt_at)
       VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?) ON CONFLICT DO NOTHING`,
      newId(),
      ruleId,
      studyUid,
      entry?.entryId ?? null,
      entry?.version ?? null,
      tx.nowMs,
      tx.nowMs,
    );
    tx.topic('rules');
  }

  /** One commit for all of them, and none where nothing is new. */
  function askAll(wishes: readonly Wish[]): void {
    if (!wishes.some((wish) => wish.isNew(findRunOf(reader, wish.ruleId, wish.studyUid)))) return;
    gate.append(systemAuthor, (tx) => {
      for (const { ruleId, studyUid, entry, isNew } of wishes) {
        const before = findRunOf(tx, ruleId, studyUid);
        if (!isNew(before)) continue;
        // The look there was is for something else than what is asked now, or is long ago: it is done anew.
        if (before) dropRuns(tx, [before.prefetch_id]);
        ask(tx, ruleId, studyUid, entry);
      }
    });
  }

  /** @returns true when a later instance may still make some rule mean it */
  function noticeStudy(study: ArrivedRow, all: readonly KnownRule[], wishes: Wish[]): boolean {
    const rules = all.filter(({ changedAt }) => study.received_at >= changedAt);
    const split = (text: string) => text.split('\\').filter((one) => one !== '');
    const facts = { modalities: split(study.modalities), bodyParts: split(study.body_parts) };
    const meant = rules.filter(({ rule }) => meansStudy(rule.match, facts));
    if (meant.length > 0 && !isWork(study)) return false;
    for (const { ruleId } of meant) wishes.push(wishOf(ruleId, study));
    return meant.length < rules.length;
  }

  function wishOf(ruleId: string, { study_uid: studyUid, received_at }: ArrivedRow): Wish {
    const isNew = (before: RunRow | undefined) => {
      if (!before) return true;
      if (before.entry_id === null || before.next_attempt_at !== null) return false;
      // What was looked for when it was planned is not looked for again within a day, unless that has failed.
      return before.state === 'failed' || before.created_at <= received_at - dayMs;
    };
    return { ruleId, studyUid, entry: null, isNew };
  }

  function noticeArrivals(): boolean {
    lastRow ??= begin();
    const rules = listRules(reader).filter(({ rule }) => rule.enabled && rule.triggers.includes('arrival'));
    if (rules.length === 0) {
      lastRow = reader.get<{ last: number | null }>('SELECT max(study_row) AS last FROM study')?.last ?? 0;
      growing.clear();
      return false;
    }
    const grown = reader
      .all<ArrivedRow>(
        `SELECT ${arrivedColumns} FROM json_each(?) g JOIN study s ON s.study_row = g.value`,
        JSON.stringify([...growing.keys()]),
      )
      .filter(({ study_row, hlc }) => growing.get(study_row) !== hlc);
    const fresh = reader.all<ArrivedRow>(
      `SELECT ${arrivedColumns} FROM study s WHERE s.study_row > ? ORDER BY s.study_row LIMIT ${studiesAtOnce}`,
      lastRow,
    );
    const oldest = platform.clock.nowMs() - lookBackMs;
    const wishes: Wish[] = [];
    const mayGrow = (study: ArrivedRow) => study.received_at >= oldest && noticeStudy(study, rules, wishes);
    const seen = [...grown, ...fresh].map((study) => ({ study, grows: mayGrow(study) }));
    // Before anything counts as seen: a full disk leaves it all to the next look.
    askAll(wishes);
    for (const { study, grows } of seen) {
      growing.delete(study.study_row);
      if (!grows) continue;
      growing.set(study.study_row, study.hlc);
      if (growing.size > mostGrowing) growing.delete([...growing.keys()][0] as number);
    }
    lastRow = fresh.at(-1)?.study_row ?? lastRow;
    return fresh.length === studiesAtOnce;
  }

  function noticePlanned(): void {
    const rules = listRules(reader).filter(({ rule }) => rule.enabled && rule.triggers.includes('planned'));
    if (rules.length === 0) return;
    const nowMs = platform.clock.nowMs();
    const entries = schedule
      .list({ dateFrom: localDay(nowMs), dateTo: localDay(nowMs + 2 * dayMs) })
      .filter((entry) => beginsSoon(entry, nowMs));
    const soon = new Set(entries.map(({ entryId }) => entryId));
    const wishes: Wish[] = [];
    for (const entry of entries) {
      const { entryId, version, studyUid } = entry;
      if (entryId === null) continue;
      for (const { ruleId, rule } of rules) {
        if (!meansStudy(rule.match, { modalities: [entry.modality], bodyParts: null })) continue;
        // Somebody put right whom it is for, or planned it anew: another look, also while the first is tried again.
        const isNew = (before: RunRow | undefined) =>
          before === undefined ||
          (before.entry_id !== null &&
            !['searching', 'fetching'].includes(before.state) &&
            (before.entry_id === entryId ? (before.entry_version ?? 0) < version : !soon.has(before.entry_id)));
        wishes.push({ ruleId, studyUid, entry: { entryId, version }, isNew });
      }
    }
    askAll(wishes);
  }

  return { noticeArrivals, noticePlanned };
}
