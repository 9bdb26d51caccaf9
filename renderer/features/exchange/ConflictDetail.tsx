import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Conflict } from '../../../app/domains/imaging/conflictSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { ConflictDecisions } from './ConflictDecisions.tsx';
import { ConflictDifferences } from './ConflictDifferences.tsx';
import { ConflictIdentities } from './ConflictIdentities.tsx';
import { ConflictPictures } from './ConflictPictures.tsx';
import type { ChosenConflict } from './conflictStore.ts';

/** Opened once and on the record, as a study is: what arrives meanwhile is said, and looked at again by a person. */
const opened = { topics: false, staleTimeMs: Number.POSITIVE_INFINITY, keepMs: 0 } as const;

export function ConflictDetail({ chosen }: { chosen: ChosenConflict }) {
  const { t } = useTranslation('conflicts');
  const detail = useQueryOf('imaging.getConflict', chosen, opened);
  const now = useQueryOf(
    'imaging.listConflicts',
    { state: null, studyUid: chosen.studyUid, offset: 0, limit: 500 },
    { keepPrevious: true },
  );
  if (detail.error) return <FailureNotice failure={detail.error} retry={() => void detail.refetch()} />;
  if (!detail.data) return <Skeleton height={320} />;
  const conflict = detail.data;
  const line = now.data?.rows.find(({ conflictId }) => conflictId === chosen.conflictId);
  const hasChanged =
    line !== undefined &&
    (line.state !== conflict.state ||
      line.newestAt !== conflict.newestAt ||
      line.sides !== conflict.sides ||
      line.mark !== conflict.mark);
  return (
    <>
      <Whose conflict={conflict} />
      {hasChanged ? (
        <Notice
          severity="caution"
          title={t('changed')}
          action={
            <Button size="s" onClick={() => void detail.refetch()}>
              {t('lookAgain')}
            </Button>
          }
        >
          {t('changedWhat')}
        </Notice>
      ) : null}
      {conflict.kind === 'identity' ? <ConflictIdentities conflict={conflict} /> : <Contents conflict={conflict} />}
      <Decided conflict={conflict} />
      <ConflictDecisions conflict={conflict} onChanged={() => void detail.refetch()} />
    </>
  );
}

function Whose({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const what = [
    conflict.modalities.join(' '),
    conflict.studyDescription,
    conflict.studyDate ? formats.date(conflict.studyDate) : '',
  ];
  return (
    <header className="conflict-whose">
      <div className="exchange-whose">
        <b>{conflict.displayName || t('unnamed')}</b>
        <span className="quiet">{[conflict.identifier, ...what].filter(Boolean).join(' · ')}</span>
      </div>
      <p>{t(conflict.state === 'open' ? `what.${conflict.kind}` : `what.${conflict.kind}Settled`)}</p>
    </header>
  );
}

/** One instance, the content that is shown on the left and another one on the right. */
function Contents({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation('conflicts');
  const [shown, ...others] = conflict.versions;
  const [chosenName, setChosenName] = useState<string | null>(null);
  const other = others.find(({ objectName }) => objectName === chosenName) ?? others[0];
  const formats = useFormats();
  if (!shown || !other) return null;
  return (
    <>
      {others.length > 1 ? (
        <label className="conflict-choice">
          {t('other.choose', { value: formats.number(others.length) })}
          <select className="input" value={other.objectName} onChange={(event) => setChosenName(event.target.value)}>
            {others.map(({ objectName, receivedAt }, at) => (
              <option key={objectName} value={objectName}>
                {`${formats.number(at + 1)} · ${formats.dateTime(receivedAt)}`}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <ConflictPictures key={other.objectName} conflict={conflict} shown={shown} other={other} />
      <ConflictDifferences conflict={conflict} other={other} />
    </>
  );
}

/** What was decided before, newest first. */
function Decided({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  if (conflict.settlements.length === 0) return null;
  return (
    <section className="exchange-section">
      <h2 className="label">{t('decided')}</h2>
      <ul className="conflict-history">
        {conflict.settlements.map((each) => (
          <li key={each.version}>
            <b>{t(`done.${each.decision}`)}</b>
            <span className="quiet">{[formats.dateTime(each.at), each.author].filter(Boolean).join(' · ')}</span>
            <q>{each.reason}</q>
          </li>
        ))}
      </ul>
    </section>
  );
}
