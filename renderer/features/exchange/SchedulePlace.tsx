import { IconCalendar, IconChevronLeft, IconChevronRight, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ScheduledStep } from '../../../app/domains/exchange/exchangeSchema.ts';
import type { OwnEntry } from '../../../app/domains/exchange/scheduleSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button, IconButton } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Skeleton } from '../../components/Skeleton.tsx';
import { type Column, VirtualTable } from '../../components/VirtualTable.tsx';
import { parseDicomDate, useFormats } from '../../i18n/formats.ts';
import { EntryDialog } from './EntryDialog.tsx';
import { readableName } from './findQuestion.ts';
import { NodeAnswers } from './NodeAnswers.tsx';
import { ScheduleDetail } from './ScheduleDetail.tsx';
import { dayOf } from './scheduleForm.ts';
import { useScheduleSearch } from './useScheduleSearch.ts';

function useScheduleColumns(nameOf: (nodeId: string | null) => string): readonly Column<ScheduledStep>[] {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const dash = <span className="exchange-sub">—</span>;
  return [
    {
      key: 'time',
      header: t('schedule.fields.time'),
      width: '72px',
      cell: (row) => <span className="tabular">{formats.time(row.startTime) || '—'}</span>,
    },
    {
      key: 'patient',
      header: t('columns.patient'),
      width: 'minmax(160px, 1.2fr)',
      cell: (row) => readableName(row.patientName) || <span className="quiet">{t('study.unnamed')}</span>,
      title: (row) => readableName(row.patientName),
    },
    {
      key: 'born',
      header: t('columns.born'),
      width: '122px',
      cell: (row) => (
        <span className="exchange-sub tabular">
          {[formats.sex(row.sex), row.birthDate ? formats.date(row.birthDate) : ''].filter(Boolean).join(' ') || '—'}
        </span>
      ),
    },
    {
      key: 'identifier',
      header: t('columns.identifier'),
      width: 'minmax(90px, 0.7fr)',
      cell: (row) => row.patientId || dash,
      title: (row) => row.patientId,
    },
    {
      key: 'procedure',
      header: t('schedule.fields.procedure'),
      width: 'minmax(130px, 1.2fr)',
      cell: (row) => row.procedureDescription || dash,
      title: (row) => row.procedureDescription,
    },
    { key: 'modality', header: t('columns.modality'), width: '60px', cell: (row) => row.modality || dash },
    { key: 'station', header: t('schedule.station'), width: '104px', cell: (row) => row.stationAeTitle || dash },
    {
      key: 'from',
      header: t('schedule.from'),
      width: 'minmax(90px, 0.6fr)',
      cell: (row) => nameOf(row.nodeId),
      title: (row) => nameOf(row.nodeId),
    },
  ];
}

function keyOf(row: ScheduledStep): string {
  return row.entryId ?? [row.nodeId, row.studyUid, row.accessionNumber, row.patientId, row.startTime].join(' ');
}

/** What is to be done on a day: the clinic's own entries, and on request those of other systems' worklists. */
export function SchedulePlace() {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const canWrite = useCan('worklist.assign');
  const canAsk = useCan('exchange.search');
  const [day, setDay] = useState(() => dayOf(Date.now()));
  const [chosen, setChosen] = useState<string | null>(null);
  const [editing, setEditing] = useState<OwnEntry | 'new' | null>(null);
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const own = useQueryOf('exchange.listSchedule', { dateFrom: day, dateTo: day }, { keepPrevious: true });
  const search = useScheduleSearch();
  const nameOf = (nodeId: string | null): string =>
    nodeId === null ? t('schedule.own') : (nodes.data?.find((each) => each.nodeId === nodeId)?.name ?? t('node.gone'));
  const columns = useScheduleColumns(nameOf);
  const asked = (nodes.data ?? []).filter((node) => node.use.search && node.settings.kind === 'dimse');
  const rows = [...(own.data ?? []), ...search.rows].toSorted(
    (a, b) => a.startTime.localeCompare(b.startTime) || a.patientName.localeCompare(b.patientName),
  );
  const shown = rows.find((row) => keyOf(row) === chosen);
  const ownShown = own.data?.find((entry) => entry.entryId === chosen);
  const goTo = (plusDays: number | null): void => {
    const parts = parseDicomDate(day);
    // Another day's answers must not stand under this one.
    search.clear();
    setChosen(null);
    if (plusDays === null || !parts) setDay(dayOf(Date.now()));
    else setDay(dayOf(new Date(parts.year, parts.month - 1, parts.day, 12).getTime(), plusDays));
  };
  const group = t('places.schedule');
  useKeys([
    { id: 'exchange.dayBefore', keys: ['arrowleft'], label: t('schedule.before'), group, run: () => goTo(-1) },
    { id: 'exchange.dayAfter', keys: ['arrowright'], label: t('schedule.after'), group, run: () => goTo(1) },
    {
      id: 'exchange.addEntry',
      keys: ['n'],
      label: t('schedule.add'),
      group,
      isHidden: !canWrite,
      when: () => canWrite,
      run: () => setEditing('new'),
    },
  ]);
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={group}>
        <div className="exchange-bar">
          <IconButton
            size="s"
            label={t('schedule.before')}
            kbd="arrowleft"
            icon={<IconChevronLeft size={16} stroke={1.7} />}
            onClick={() => goTo(-1)}
          />
          <b className="tabular" aria-live="polite">
            {formats.date(day)}
          </b>
          <IconButton
            size="s"
            label={t('schedule.after')}
            kbd="arrowright"
            icon={<IconChevronRight size={16} stroke={1.7} />}
            onClick={() => goTo(1)}
          />
          {day === dayOf(Date.now()) ? (
            <span className="quiet">{t('schedule.today')}</span>
          ) : (
            <Button size="s" onClick={() => goTo(null)}>
              {t('schedule.today')}
            </Button>
          )}
          <span className="spacer" />
          {canAsk && asked.length > 0 ? (
            <Button
              loading={search.isRunning}
              onClick={() =>
                void search.start(
                  asked.map((node) => node.nodeId),
                  day,
                )
              }
            >
              {t('schedule.ask')}
            </Button>
          ) : null}
          {canWrite ? (
            <Button
              variant="primary"
              kbd="n"
              icon={<IconPlus size={15} stroke={1.8} />}
              onClick={() => setEditing('new')}
            >
              {t('schedule.add')}
            </Button>
          ) : null}
        </div>
        <NodeAnswers
          asked={search.asked}
          answers={search.answers}
          rows={search.rows}
          nameOf={nameOf}
          counted="planned"
        />
        {own.error ? <FailureNotice failure={own.error} retry={() => void own.refetch()} /> : null}
        {search.failure ? <FailureNotice failure={search.failure} /> : null}
        {!own.data && !own.error ? <Skeleton height={160} /> : null}
        {own.data && rows.length === 0 ? (
          <EmptyState icon={<IconCalendar size={36} stroke={1.2} aria-hidden />} title={t('schedule.empty')}>
            {t('schedule.emptyWhat')}
          </EmptyState>
        ) : null}
        {rows.length > 0 ? (
          <VirtualTable<ScheduledStep>
            label={group}
            columns={columns}
            total={rows.length}
            rowAt={(index) => rows[index]}
            rowKey={keyOf}
            selectedKey={chosen}
            onSelect={(row) => setChosen(keyOf(row))}
            onOpen={(row) => {
              const entry = own.data?.find((each) => each.entryId === row.entryId);
              if (entry && canWrite) setEditing(entry);
            }}
            onView={ignoreView}
            stale={own.isPlaceholderData}
            keyGroup={group}
          />
        ) : null}
      </section>
      <aside className="exchange-side" aria-label={t('schedule.label')}>
        {shown ? (
          <ScheduleDetail
            key={keyOf(shown)}
            step={shown}
            from={nameOf(shown.nodeId)}
            onEdit={ownShown && canWrite ? () => setEditing(ownShown) : null}
            onArchived={() => setChosen(null)}
          />
        ) : (
          <EmptyState title={t('schedule.none')}>{t('schedule.noneWhat')}</EmptyState>
        )}
      </aside>
      {editing ? (
        <EntryDialog
          entry={editing === 'new' ? null : editing}
          day={day}
          onClose={() => setEditing(null)}
          onSaved={(entry) => {
            setEditing(null);
            if (entry.startDate !== day) search.clear();
            setDay(entry.startDate);
            setChosen(entry.entryId);
          }}
        />
      ) : null}
    </div>
  );
}

/** All the rows are at hand. */
const ignoreView = (): void => undefined;
