import { useTranslation } from 'react-i18next';
import type { Comparison, Conflict, ConflictVersion } from '../../../app/domains/imaging/conflictSchema.ts';
import { useQueryOf } from '../../api/queries.ts';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useFormats } from '../../i18n/formats.ts';

/** Every data element in which another content differs from the one shown, and how far its pixels do. */
export function ConflictDifferences({ conflict, other }: { conflict: Conflict; other: ConflictVersion }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const compared = useQueryOf(
    'imaging.compareConflict',
    { conflictId: conflict.conflictId, studyUid: conflict.studyUid, objectName: other.objectName },
    // Two objects never change: which of them is shown may.
    { topics: false, staleTimeMs: Number.POSITIVE_INFINITY, keepMs: 0 },
  );
  if (compared.error) return <FailureNotice failure={compared.error} retry={() => void compared.refetch()} />;
  if (!compared.data) return <Skeleton height={90} />;
  const { differences, total, pixels } = compared.data;
  return (
    <section className="exchange-section" aria-label={t('differences.title')}>
      <h2 className="label">{t('differences.title')}</h2>
      <PixelVerdict pixels={pixels} />
      {total === 0 ? <p className="quiet">{t('differences.none')}</p> : null}
      {total > 0 ? (
        <div className="conflict-scroll">
          <table className="conflict-table">
            <thead>
              <tr>
                <th scope="col">{t('differences.element')}</th>
                <th scope="col">{t('side.shown')}</th>
                <th scope="col">{t('side.other')}</th>
              </tr>
            </thead>
            <tbody>
              {differences.map((each) => (
                <tr key={each.path}>
                  <th scope="row">
                    <span className="tabular">{tagText(each.path)}</span> {each.keyword || t('differences.private')}
                  </th>
                  <Value text={each.shown} />
                  <Value text={each.other} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {total > differences.length ? (
        <p className="quiet">{t('differences.more', { value: formats.number(total - differences.length) })}</p>
      ) : null}
    </section>
  );
}

function Value({ text }: { text: string | null }) {
  const { t } = useTranslation('conflicts');
  if (text === null) return <td className="quiet">{t('differences.absent')}</td>;
  return <td>{text === '' ? <span className="quiet">{t('differences.empty')}</span> : text}</td>;
}

/** '(0008,1140)[1].(0008,1155)' for '00081140[1].00081155'. */
function tagText(path: string): string {
  return path.replace(/([0-9A-F]{4})([0-9A-F]{4})/g, '($1,$2)');
}

function PixelVerdict({ pixels }: { pixels: Comparison['pixels'] }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const values = {
    differing: formats.number(pixels.differing),
    compared: formats.number(pixels.compared),
    greatest: formats.number(pixels.greatest),
    frames: formats.number(pixels.framesCompared),
    total: formats.number(pixels.frames),
  };
  const isPart = pixels.framesCompared < pixels.frames;
  const severity = pixels.state === 'equal' || pixels.state === 'none' ? 'inform' : 'caution';
  return (
    <Notice severity={severity}>
      <p>{t(`pixels.${pixels.state}`, values)}</p>
      {pixels.framesCompared > 0 && isPart ? <p>{t('pixels.part', values)}</p> : null}
    </Notice>
  );
}
