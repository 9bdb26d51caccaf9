import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { positionAlongNormal } from '../../../app/domains/imaging/geometryRules.ts';
import { formatNumber } from '../../../app/domains/imaging/measurementRules.ts';
import { useFormats } from '../../i18n/formats.ts';
import type { DrawnPicture, ViewState } from '../../viewport/viewport.ts';
import { EdgeLetterMarks } from './EdgeLetterMarks.tsx';
import { FidelityBadge } from './FidelityBadge.tsx';
import { ScaleBarMark } from './ScaleBarMark.tsx';
import { useWindowText } from './windowText.ts';

/** 'NDIAYE^Amadou' → 'NDIAYE Amadou', as the image itself says it. */
export function nameOf(picture: Pick<DrawnPicture, 'attributes'>): string {
  return (picture.attributes.patient.name.split('=')[0] ?? '').split('^').filter(Boolean).join(' ');
}

/** The four corners and the edges of a picture. All of it is read from the picture drawn. */
export function PaneOverlay({
  state,
  isPrior,
  isArriving,
  isKeyImage,
}: {
  state: ViewState;
  isPrior: boolean;
  isArriving: boolean;
  isKeyImage: boolean;
}) {
  const { t, i18n } = useTranslation('imaging');
  const formats = useFormats();
  const windowText = useWindowText();
  const { picture } = state;
  if (!picture) return null;
  const { attributes } = picture;
  const position = attributes.plane ? positionText(picture, i18n.language === 'fr' ? 'fr' : 'en') : '';
  const isLoadingMore = state.loadedCount < state.count && state.count > 1;
  return (
    <div className="reading-overlay" data-testid="pane-overlay">
      <EdgeLetterMarks letters={picture.letters} />
      <div className="reading-corner top-left">
        <b>{nameOf(picture) || t('overlay.noName')}</b>
        <span className="reading-identifier">{attributes.patient.identifier}</span>
        {isPrior ? <span className="reading-mark prior">{t('overlay.prior')}</span> : null}
        {isArriving ? <span className="reading-mark arriving">{t('overlay.arriving')}</span> : null}
        {isKeyImage ? <span className="reading-mark key">★ {t('overlay.keyImage')}</span> : null}
      </div>
      <SeriesCorner
        modality={attributes.modality}
        studyDate={attributes.study.date}
        studyDescription={attributes.study.description}
        seriesNumber={attributes.series.number}
        seriesDescription={attributes.series.description}
        sliceThicknessMm={attributes.sliceThicknessMm}
        laterality={attributes.laterality}
      />
      <div className="reading-corner bottom-left">
        {isLoadingMore ? (
          <span className="reading-loading-mark">
            {t('overlay.loaded', { loaded: state.loadedCount, count: state.count })}
          </span>
        ) : null}
        <span className="reading-hover" data-hover="" />
        <span>
          {picture.isColour ? t('overlay.colour') : windowText(picture)}
          {` · ×${formats.number(picture.scale, picture.scale < 10 ? 1 : 0)}`}
          {picture.isInverted ? ` · ${t('overlay.inverted')}` : ''}
        </span>
        <span data-testid="slice-text">
          {state.count > 1
            ? `${t(attributes.frames > 1 ? 'overlay.frame' : 'overlay.slice', { index: picture.index + 1, count: state.count })}${position}`
            : position.replace(/^ · /, '')}
        </span>
      </div>
      <div className="reading-corner bottom-right">
        <FidelityBadge fidelity={picture.fidelity} />
        {picture.scaleBar ? <ScaleBarMark bar={picture.scaleBar} /> : null}
      </div>
    </div>
  );
}

/** What a picture says of its study and series. By itself: all slices say the same, and each turn of the wheel is one. */
const SeriesCorner = memo(function SeriesCorner({
  modality,
  studyDate,
  studyDescription,
  seriesNumber,
  seriesDescription,
  sliceThicknessMm,
  laterality,
}: {
  modality: string;
  studyDate: string;
  studyDescription: string;
  seriesNumber: number | undefined;
  seriesDescription: string;
  sliceThicknessMm: number | undefined;
  laterality: string;
}) {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  // Unpaired (U) says nothing a reader needs.
  const sides: Record<string, string> = { R: t('overlay.sideR'), L: t('overlay.sideL'), B: t('overlay.sideB') };
  const thickness = sliceThicknessMm
    ? `${formats.number(sliceThicknessMm, sliceThicknessMm % 1 === 0 ? 0 : 1)} mm`
    : '';
  const number = seriesNumber === undefined ? '' : t('overlay.series', { number: seriesNumber });
  return (
    <div className="reading-corner top-right">
      <span>{[modality, formats.date(studyDate)].filter(Boolean).join(' · ')}</span>
      <span>{studyDescription}</span>
      <span>{[number, seriesDescription, thickness].filter(Boolean).join(' · ')}</span>
      {sides[laterality] ? <span>{sides[laterality]}</span> : null}
    </div>
  );
});

/** Where the slice lies along the stack's normal, patient mm. */
function positionText(picture: DrawnPicture, language: 'fr' | 'en'): string {
  const position = picture.attributes.plane && positionAlongNormal(picture.attributes.plane);
  return position === undefined ? '' : ` · ${formatNumber(position, 1, language)} mm`;
}
