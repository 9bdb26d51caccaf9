import {
  IconCalendar,
  IconDownload,
  IconGitCompare,
  IconRoute,
  IconSearch,
  IconSend,
  IconServer,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { Kbd } from '../../components/Kbd.tsx';
import { useKeys } from '../../components/keys.ts';
import { useFormats } from '../../i18n/formats.ts';
import { ConflictsPlace, useOpenConflicts } from './ConflictsPlace.tsx';
import type { ExchangePlace } from './exchangeStore.ts';
import { NodesPlace } from './NodesPlace.tsx';
import { QueuesPlace } from './QueuesPlace.tsx';
import { ReceivingPlace } from './ReceivingPlace.tsx';
import { RulesPlace } from './RulesPlace.tsx';
import { SchedulePlace } from './SchedulePlace.tsx';
import { SearchPlace } from './SearchPlace.tsx';
import './exchange.css';
import './exchangeParts.css';

const places: readonly { readonly place: ExchangePlace; readonly icon: typeof IconSend; readonly key: string }[] = [
  { place: 'queues', icon: IconSend, key: '1' },
  { place: 'search', icon: IconSearch, key: '2' },
  { place: 'nodes', icon: IconServer, key: '3' },
  { place: 'receiving', icon: IconDownload, key: '4' },
  { place: 'schedule', icon: IconCalendar, key: '5' },
  { place: 'rules', icon: IconRoute, key: '6' },
  { place: 'conflicts', icon: IconGitCompare, key: '7' },
];
/** The unshifted digits of a French keyboard. */
const azerty: Readonly<Record<string, string>> = {
  '1': '&',
  '2': 'é',
  '3': '"',
  '4': "'",
  '5': '(',
  '6': '-',
  '7': 'è',
};

export interface ExchangeScreenProps {
  readonly place: ExchangePlace;
  readonly onPlace: (place: ExchangePlace) => void;
  readonly onRead: (studyUid: string) => void;
  /** To the studies whose objects arrived in two versions. */
  readonly onConflicts: () => void;
}

/** Other systems: what is on its way to them, what they have, who they are, what they sent. */
export default function ExchangeScreen({ place, onPlace, onRead, onConflicts }: ExchangeScreenProps) {
  const { t } = useTranslation('exchange');
  const canRead = useCan('studies.read');
  const receiver = useQueryOf('exchange.receiver', undefined, { keepPrevious: true });
  const isReceiverWrong =
    receiver.data?.state === 'failed' || (receiver.data?.folders.some(({ failure }) => failure !== null) ?? false);
  const formats = useFormats();
  const openConflicts = useOpenConflicts();
  const group = t('title');
  useKeys(
    places.map((each) => ({
      id: `exchange.${each.place}`,
      keys: [each.key, azerty[each.key] ?? each.key],
      drawn: each.key,
      label: t(`places.${each.place}`),
      group,
      run: () => onPlace(each.place),
    })),
  );
  const toNodes = (): void => onPlace('nodes');
  return (
    <div className="exchange">
      <div className="exchange-head">
        <h1>{t('title')}</h1>
        <div className="exchange-tabs" role="tablist" aria-label={t('title')}>
          {places.map((each) => (
            <button
              key={each.place}
              type="button"
              role="tab"
              aria-selected={place === each.place}
              className={place === each.place ? 'on' : ''}
              onClick={() => onPlace(each.place)}
            >
              <each.icon size={15} stroke={1.7} aria-hidden />
              {t(`places.${each.place}`)}
              {each.place === 'receiving' && isReceiverWrong ? (
                <span className="dot danger" role="img" aria-label={t('receiver.wrong')} />
              ) : null}
              {each.place === 'conflicts' && openConflicts > 0 ? (
                <span className="conflict-badge" title={t('conflicts:waiting', { count: openConflicts })}>
                  {formats.number(openConflicts)}
                </span>
              ) : null}
              <Kbd keys={each.key} />
            </button>
          ))}
        </div>
      </div>
      {place === 'queues' ? (
        canRead ? (
          <QueuesPlace onNodes={toNodes} />
        ) : (
          <EmptyState title={t('queues.notAllowed')}>{t('notAllowedWhat')}</EmptyState>
        )
      ) : null}
      {place === 'search' ? <SearchPlace onRead={onRead} onNodes={toNodes} /> : null}
      {place === 'nodes' ? <NodesPlace /> : null}
      {place === 'schedule' ? <SchedulePlace /> : null}
      {place === 'rules' ? (
        canRead ? (
          <RulesPlace onNodes={toNodes} onQueues={() => onPlace('queues')} />
        ) : (
          <EmptyState title={t('rules:notAllowed')}>{t('notAllowedWhat')}</EmptyState>
        )
      ) : null}
      {place === 'conflicts' ? (
        canRead ? (
          <ConflictsPlace />
        ) : (
          <EmptyState title={t('conflicts:notAllowed')}>{t('notAllowedWhat')}</EmptyState>
        )
      ) : null}
      {place === 'receiving' ? <ReceivingPlace onConflicts={onConflicts} onNodes={toNodes} /> : null}
    </div>
  );
}
