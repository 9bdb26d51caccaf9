import { useTranslation } from 'react-i18next';
import type { Series } from '../../../app/domains/imaging/imagingSchema.ts';
import { useAssetImage } from '../../api/assetImages.ts';
import { useFormats } from '../../i18n/formats.ts';
import type { DeskStudy } from './readingDesk.ts';
import { isSameSeries, type SeriesRef } from './readingStore.ts';

export const seriesMediaType = 'application/x-salus-series';

/** The series of the open studies as small pictures: double click or drag puts one in a viewport. */
export function SeriesStrip({
  studies,
  shown,
  onOpen,
}: {
  studies: readonly DeskStudy[];
  shown: readonly (SeriesRef | null)[];
  onOpen: (ref: SeriesRef) => void;
}) {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  return (
    <nav className="reading-strip" aria-label={t('strip.label')}>
      {studies.map((study, index) => (
        <section key={study.study.studyUid}>
          {studies.length > 1 ? (
            <h3 className="label">
              {index === 0 ? t('strip.current') : `${t('overlay.prior')} ${formats.date(study.study.studyDate)}`}
            </h3>
          ) : null}
          <ul>
            {study.series.map((series) => (
              <li key={series.seriesUid}>
                <SeriesThumbnail
                  studyUid={study.study.studyUid}
                  series={series}
                  isShown={shown.some((ref) =>
                    isSameSeries(ref, { studyUid: study.study.studyUid, seriesUid: series.seriesUid }),
                  )}
                  onOpen={() => onOpen({ studyUid: study.study.studyUid, seriesUid: series.seriesUid })}
                />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

function SeriesThumbnail({
  studyUid,
  series,
  isShown,
  onOpen,
}: {
  studyUid: string;
  series: Series;
  isShown: boolean;
  onOpen: () => void;
}) {
  const { t } = useTranslation('imaging');
  const { representative, seriesUid } = series;
  const path = representative
    ? `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${representative.sopUid}/frames/${representative.frame}/thumbnail${representative.version === undefined ? '' : `?version=${representative.version}`}`
    : null;
  const image = useAssetImage(path);
  const isImage = series.frameCount > 0;
  const title = [series.seriesNumber === null ? '' : String(series.seriesNumber), series.description || series.modality]
    .filter(Boolean)
    .join(' · ');
  return (
    <button
      type="button"
      className={['reading-thumbnail', isShown ? 'on' : ''].filter(Boolean).join(' ')}
      draggable={isImage}
      disabled={!isImage}
      title={isImage ? title : `${title} · ${t('strip.noImage')}`}
      aria-label={t('strip.open', { title, count: series.frameCount })}
      data-testid="thumbnail"
      data-series-uid={seriesUid}
      onDoubleClick={onOpen}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onOpen();
      }}
      onDragStart={(event) => {
        event.dataTransfer.setData(seriesMediaType, `${studyUid}/${seriesUid}`);
        event.dataTransfer.effectAllowed = 'copy';
      }}
    >
      {image.url ? (
        <img src={image.url} alt="" draggable={false} />
      ) : (
        <span className="reading-thumbnail-none">{series.modality}</span>
      )}
      <span className="reading-thumbnail-text">
        <span>{title}</span>
        <span>{series.frameCount > 0 ? series.frameCount : '—'}</span>
      </span>
    </button>
  );
}
