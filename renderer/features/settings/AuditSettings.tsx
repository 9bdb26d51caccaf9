import { IconShieldCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditEntry } from '../../../app/domains/security/securitySchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';
import './settings.css';

const pageRows = 100;

/** Who did what, newest first, and whether the chain of entries is whole. Looking is itself an entry. */
export function AuditSettings() {
  const { t } = useTranslation('settings');
  const [action, setAction] = useState('');
  const [asked, setAsked] = useState('');
  /** The sequence that each page starts below; the last one is the page that is open. */
  const [starts, setStarts] = useState<readonly (number | undefined)[]>([undefined]);
  const before = starts[starts.length - 1];
  const entries = useQueryOf(
    'security.listAudit',
    {
      limit: pageRows,
      ...(before === undefined ? {} : { beforeSequence: before }),
      ...(asked === '' ? {} : { action: asked }),
    },
    // Each look is an entry, so commits must not look again by themselves: that would never end.
    { keepPrevious: true, topics: false, staleTimeMs: 0 },
  );
  const rows = entries.data ?? [];
  const last = rows[rows.length - 1];
  return (
    <section className="settings-section settings-wide">
      <h2>{t('audit.title')}</h2>
      <p className="settings-lead">{t('audit.lead')}</p>
      <Verification />
      <form
        className="settings-inline"
        onSubmit={(event) => {
          event.preventDefault();
          setStarts([undefined]);
          setAsked(action.trim());
        }}
      >
        <TextField
          label={t('audit.filter')}
          placeholder="security.signIn"
          value={action}
          onChange={setAction}
          maxLength={64}
        />
        <Button type="submit">{t('audit.show')}</Button>
        <Button variant="ghost" onClick={() => void entries.refetch()} loading={entries.isFetching}>
          {t('audit.refresh')}
        </Button>
      </form>
      {entries.error ? <FailureNotice failure={entries.error} retry={() => void entries.refetch()} /> : null}
      {entries.isPending ? <Skeleton height={200} /> : <EntryTable rows={rows} />}
      <div className="settings-bar">
        <Button disabled={starts.length === 1} onClick={() => setStarts(starts.slice(0, -1))}>
          {t('audit.newer')}
        </Button>
        <Button
          disabled={rows.length < pageRows || !last}
          onClick={() => last && setStarts([...starts, last.sequence])}
        >
          {t('audit.older')}
        </Button>
      </div>
    </section>
  );
}

function Verification() {
  const { t } = useTranslation('settings');
  const formats = useFormats();
  const verify = useQueryOf('security.verifyAudit', undefined, { enabled: false });
  return (
    <>
      {verify.data ? (
        <Notice
          severity={verify.data.ok ? 'inform' : 'block'}
          title={verify.data.ok ? t('audit.intact') : t('audit.broken')}
        >
          {t(`audit.reasons.${verify.data.reason}`, {
            entries: formats.number(verify.data.entries),
            sequence: verify.data.firstBadSequence ?? '—',
          })}{' '}
          {verify.data.clockSetBack > 0 ? t('audit.clockSetBack', { count: verify.data.clockSetBack }) : ''}{' '}
          {t('audit.verifiedAt', { time: formats.clock(verify.dataUpdatedAt) })}
        </Notice>
      ) : null}
      {verify.error ? <FailureNotice failure={verify.error} /> : null}
      <div>
        <Button
          icon={<IconShieldCheck size={16} stroke={1.6} />}
          loading={verify.isFetching}
          onClick={() => void verify.refetch()}
        >
          {t('audit.verify')}
        </Button>
      </div>
    </>
  );
}

function EntryTable({ rows }: { rows: readonly AuditEntry[] }) {
  const { t } = useTranslation('settings');
  const formats = useFormats();
  if (rows.length === 0) return <p className="quiet">{t('audit.none')}</p>;
  return (
    <table className="list-table settings-audit">
      <thead>
        <tr>
          <th scope="col" className="num">
            {t('audit.sequence')}
          </th>
          <th scope="col">{t('audit.at')}</th>
          <th scope="col">{t('audit.operator')}</th>
          <th scope="col">{t('audit.action')}</th>
          <th scope="col">{t('audit.outcome')}</th>
          <th scope="col">{t('audit.subject')}</th>
          <th scope="col">{t('audit.detail')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((entry) => (
          <tr key={entry.sequence}>
            <td className="num">{entry.sequence}</td>
            <td className="settings-nowrap tabular">
              {formats.date(localDate(entry.at))} {formats.clock(entry.at)}
            </td>
            <td className="settings-nowrap">{entry.operatorName ?? t('audit.nobody')}</td>
            <td>{entry.action}</td>
            <td className={entry.outcome === 'success' ? '' : 'urgent'}>{t(`audit.outcomes.${entry.outcome}`)}</td>
            <td>{[entry.subjectType, entry.subjectId].filter(Boolean).join(' ')}</td>
            <td>
              {Object.entries(entry.detail)
                .map(([name, value]) => `${name}: ${String(value)}`)
                .join(', ')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Epoch ms as the calendar day of this machine, in the form of a DICOM date. */
function localDate(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}${String(date.getMonth() + 1).padStart(2, '0')}${String(date.getDate()).padStart(2, '0')}`;
}
