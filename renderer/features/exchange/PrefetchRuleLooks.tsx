import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconClock,
  IconDownload,
  IconSearch,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { PrefetchRun } from '../../../app/domains/exchange/prefetchSchema.ts';
import { type Pages, usePagesOf, useView } from '../../api/pages.ts';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { type Column, VirtualTable } from '../../components/VirtualTable.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useExchangeStore } from './exchangeStore.ts';
import { readableName } from './findQuestion.ts';
import { useDay } from './moments.ts';
import { NextAttempt } from './NextAttempt.tsx';
import { useSentenceWords } from './ruleSentence.ts';
import { StudyLine, useStudyWords } from './StudyLine.tsx';
import { useDetailLines, useTroubleText } from './troubleText.ts';

const everyLook = { studyUid: null };

const icons: Readonly<Record<PrefetchRun['state'], typeof IconClock>> = {
  waiting: IconClock,
  searching: IconSearch,
  fetching: IconDownload,
  done: IconCircleCheck,
  nothing: IconCircleDashed,
  failed: IconAlertTriangle,
};

export interface Prefetches extends Pages<PrefetchRun> {
  readonly setView: (first: number, last: number) => void;
  find(prefetchId: string | null): PrefetchRun | undefined;
}

/** Looks for priors, newest first, by their pages. */
export function usePrefetches(): Prefetches {
  const [view, setView] = useView();
  const pages = usePagesOf('exchange.listPrefetches', everyLook, view);
  return {
    ...pages,
    setView,
    find(prefetchId) {
      if (prefetchId === null) return;
      for (let index = 0; index < (pages.total ?? 0); index += 1) {
        const row = pages.rowAt(index);
        if (row?.prefetchId === prefetchId) return row;
      }
      return;
    },
  };
}

function LookState({ state }: { state: PrefetchRun['state'] }) {
  const { t } = useTranslation('rules');
  const Icon = icons[state];
  return (
    <span className={`exchange-state look-${state}`}>
      <Icon size={16} stroke={1.8} aria-hidden />
      <span>{t(`looks.states.${state}`)}</span>
    </span>
  );
}

/** Who a planned examination is for, where the list still has it and may be read. */
function usePlannedWords(): (entryId: string | null) => string {
  const { t } = useTranslation('rules');
  const canRead = useCan('patients.read');
  const entries = useQueryOf('exchange.listSchedule', { dateFrom: '', dateTo: '' }, { enabled: canRead });
  return (entryId) => {
    const entry = entries.data?.find((each) => each.entryId === entryId);
    return entry ? t('looks.plannedOf', { who: readableName(entry.patientName) }) : t('looks.planned');
  };
}

/** The latest looks for priors: what each found, and what came of it. */
export function PrefetchRuleLooks({ looks }: { looks: Prefetches }) {
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const day = useDay();
  const { short, whole } = useTroubleText();
  const planned = usePlannedWords();
  const { prefetchId, choosePrefetch } = useExchangeStore();
  const columns: readonly Column<PrefetchRun>[] = [
    {
      key: 'state',
      header: t('looks.columns.state'),
      width: '142px',
      cell: (row) => <LookState state={row.state} />,
      title: (row) => t(`looks.stateWhat.${row.state}`),
    },
    {
      key: 'study',
      header: t('looks.columns.study'),
      width: 'minmax(170px, 1.4fr)',
      cell: (row) =>
        row.studyUid === null ? planned(row.entryId) : <StudyLine studyUid={row.studyUid} isReport={false} />,
    },
    {
      key: 'rule',
      header: t('looks.columns.rule'),
      width: 'minmax(90px, 0.6fr)',
      cell: (row) => row.ruleName,
      title: (row) => row.ruleName,
    },
    {
      key: 'count',
      header: t('looks.columns.count'),
      width: '84px',
      align: 'end',
      cell: (row) => (
        <span className="tabular">
          {row.found === 0 && (row.state === 'waiting' || row.state === 'searching')
            ? '—'
            : t('exchange:ofTotal', { done: formats.number(row.fetched), total: formats.number(row.found) })}
        </span>
      ),
    },
    {
      key: 'trouble',
      header: t('looks.columns.trouble'),
      width: 'minmax(150px, 1.4fr)',
      cell: (row) => (
        <>
          {row.otherPerson > 0 ? (
            <span className="exchange-caution">
              {t('looks.columns.other')} {formats.number(row.otherPerson)}
            </span>
          ) : null}{' '}
          <NextAttempt at={row.state === 'waiting' ? row.nextAttemptAt : null} state="queued" />
          {row.lastTrouble ? <span className="exchange-sub">{short(row.lastTrouble)}</span> : null}
        </>
      ),
      title: (row) => (row.lastTrouble ? whole(row.lastTrouble) : ''),
    },
    {
      key: 'at',
      header: t('looks.columns.at'),
      width: '92px',
      align: 'end',
      cell: (row) => <span className="exchange-sub tabular">{day(row.at)}</span>,
      title: (row) => formats.dateTime(row.at),
    },
  ];
  return (
    <>
      <h2 className="label rule-looks-title">{t('looks.title')}</h2>
      {looks.failure ? <FailureNotice failure={looks.failure} retry={looks.retry} /> : null}
      {looks.total === 0 ? <EmptyState title={t('looks.none')}>{t('looks.noneWhat')}</EmptyState> : null}
      {looks.total !== null && looks.total > 0 ? (
        <VirtualTable<PrefetchRun>
          label={t('looks.title')}
          columns={columns}
          total={looks.total}
          rowAt={looks.rowAt}
          rowKey={(row) => row.prefetchId}
          selectedKey={prefetchId}
          onSelect={(row) => choosePrefetch(row.prefetchId)}
          onOpen={(row) => choosePrefetch(row.prefetchId)}
          onView={looks.setView}
          stale={looks.stale}
          keyGroup={t('exchange:places.rules')}
        />
      ) : null}
    </>
  );
}

/** One look for priors: what it was for, what it found, and why some of it was not fetched. */
export function PrefetchRuleLook({ look, isRuleHere }: { look: PrefetchRun; isRuleHere: boolean }) {
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const detailLines = useDetailLines();
  const words = useSentenceWords();
  const planned = usePlannedWords();
  const isTriedAgain = look.state === 'waiting' && look.lastTrouble !== null;
  const troubledNodeId = look.lastTrouble?.details['nodeId'];
  const details = look.lastTrouble ? detailLines(look.lastTrouble.details) : [];
  const figures: readonly (readonly [string, number])[] = [
    [t('looks.figures.found'), look.found],
    [t('looks.figures.fetched'), look.fetched],
    [t('looks.figures.otherPerson'), look.otherPerson],
  ];
  return (
    <>
      {look.studyUid === null ? (
        <div className="exchange-whose">
          <b>{planned(look.entryId)}</b>
        </div>
      ) : (
        <LookedFor studyUid={look.studyUid} />
      )}
      <div className={`exchange-verdict look-${look.state}`} role="status">
        <LookState state={look.state} />
        <p>{isTriedAgain ? t('looks.stateWhat.waitingAgain') : t(`looks.stateWhat.${look.state}`)}</p>
        <NextAttempt at={look.state === 'waiting' ? look.nextAttemptAt : null} state="queued" />
      </div>
      <div className="exchange-figures">
        <dl className="rule-figures">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{formats.number(value)}</dd>
            </div>
          ))}
        </dl>
      </div>
      {look.otherPerson > 0 ? (
        <Notice severity="caution">{t('looks.otherPersonWhat', { count: look.otherPerson })}</Notice>
      ) : null}
      {look.lastTrouble ? (
        <Notice
          severity={look.state === 'failed' ? 'block' : 'inform'}
          title={t('trouble', { time: formats.dateTime(look.lastTrouble.at) })}
        >
          {whole(look.lastTrouble)}
          {details.length > 0 ? (
            <span className="exchange-details">{details.map((each) => each.join(' ')).join(' · ')}</span>
          ) : null}
        </Notice>
      ) : null}
      <dl className="exchange-facts">
        {typeof troubledNodeId === 'string' ? (
          <div>
            <dt>{t('looks.node')}</dt>
            <dd>{words.nodeName(troubledNodeId)}</dd>
          </div>
        ) : null}
        <div>
          <dt>{t('looks.columns.rule')}</dt>
          <dd>{isRuleHere ? look.ruleName : t('looks.ruleGone', { name: look.ruleName })}</dd>
        </div>
        <div>
          <dt>{t('looks.columns.at')}</dt>
          <dd>{formats.dateTime(look.at)}</dd>
        </div>
      </dl>
    </>
  );
}

function LookedFor({ studyUid }: { studyUid: string }) {
  const words = useStudyWords(studyUid);
  return (
    <div className="exchange-whose">
      <b>{words?.who}</b>
      <span className="quiet">{words?.what}</span>
    </div>
  );
}
