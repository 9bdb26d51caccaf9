import { IconPlus, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { KeyImage } from '../../../app/domains/imaging/imagingSchema.ts';
import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import { useAssetImage } from '../../api/assetImages.ts';
import { IconButton } from '../../components/Button.tsx';

type Chosen = Report['keyImages'][number];

export interface KeyImageListProps {
  readonly studyUid: string;
  readonly revision: number;
  /** Images marked in the viewer. */
  readonly marked: readonly KeyImage[];
  /** Images the report prints. */
  readonly chosen: readonly Chosen[];
  readonly onChange: (chosen: Chosen[]) => void;
  readonly onInsert: (index: number, keyImage: Chosen) => void;
  readonly onJumpTo: (target: { sopUid: string; frame: number }) => void;
}

const sameImage = (a: { sopUid: string; frame: number }, b: { sopUid: string; frame: number }): boolean =>
  a.sopUid === b.sopUid && a.frame === b.frame;

/** The report's key images with their captions, and those marked in the viewer that it does not print yet. */
export function KeyImageList({ studyUid, revision, marked, chosen, onChange, onInsert, onJumpTo }: KeyImageListProps) {
  const { t } = useTranslation('reports');
  const offered = marked.filter((one) => !chosen.some((other) => sameImage(one, other)));
  return (
    <section className="report-section">
      <h3 className="label">{t('keyImages')}</h3>
      {chosen.length === 0 && offered.length === 0 ? <p className="report-hint">{t('keyImage.none')}</p> : null}
      <ul className="report-key-images">
        {chosen.map((one, index) => (
          <li key={`${one.sopUid}/${one.frame}`}>
            <Picture
              studyUid={studyUid}
              revision={revision}
              image={one}
              onClick={() => onJumpTo(one)}
              label={t('keyImage.open', { number: index + 1 })}
            />
            <input
              className="input"
              aria-label={t('keyImage.caption', { number: index + 1 })}
              placeholder={t('keyImage.caption', { number: index + 1 })}
              value={one.caption}
              maxLength={200}
              onChange={(event) =>
                onChange(chosen.map((other) => (other === one ? { ...one, caption: event.target.value } : other)))
              }
            />
            <IconButton
              size="s"
              label={t('keyImage.insert')}
              icon={<IconPlus size={16} stroke={1.6} />}
              onClick={() => onInsert(index, one)}
            />
            <IconButton
              size="s"
              label={t('keyImage.remove')}
              icon={<IconX size={16} stroke={1.6} />}
              onClick={() => onChange(chosen.filter((other) => other !== one))}
            />
          </li>
        ))}
        {offered.map((one) => (
          <li key={`${one.sopUid}/${one.frame}`} className="offered">
            <Picture
              studyUid={studyUid}
              revision={revision}
              image={one}
              onClick={() => onJumpTo(one)}
              label={t('keyImage.openMarked')}
            />
            <button
              type="button"
              className="chip"
              onClick={() =>
                onChange([
                  ...chosen,
                  { seriesUid: one.seriesUid, sopUid: one.sopUid, frame: one.frame, window: one.window, caption: '' },
                ])
              }
            >
              + {t('keyImage.add')}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Picture({
  studyUid,
  revision,
  image,
  onClick,
  label,
}: {
  studyUid: string;
  revision: number;
  image: Omit<Chosen, 'caption'>;
  onClick: () => void;
  label: string;
}) {
  const window = image.window === null ? '' : `&window=${windowParameter(image.window)}`;
  const { url } = useAssetImage(
    `/dicomweb/studies/${studyUid}/series/${image.seriesUid}/instances/${image.sopUid}/frames/${image.frame}/rendered?viewport=128,128${window}&revision=${revision}`,
  );
  return (
    <button type="button" className="report-thumb" onClick={onClick} aria-label={label}>
      {url === null ? null : <img src={url} alt="" />}
    </button>
  );
}

/** The function by its DICOMweb name, which is in lower case (PS3.18 section 8.3.5.1.4). */
function windowParameter({ centre, width, function: curve }: NonNullable<Chosen['window']>): string {
  return `${centre},${width},${curve.toLowerCase().replace('_', '-')}`;
}
