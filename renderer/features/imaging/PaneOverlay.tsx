import { useTranslation } from 'react-i18next';
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
  isKeyImage,
}: {
  state: ViewState;
  isPrior: boolean;
  isKeyImage: boolean;
}) {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  const windowText = useWindowText();
  const { picture } = state;
  if (!picture) return null;
  const { attributes } = picture;
  // Unpaired (U) says nothing a reader needs.
  const sides: Record<string, string> = { R: t('overlay.sideR'), L: t('overlay.sideL'), B: t('overlay.sideB') };
  const position = attributes.plane ? positionText(picture, (value) => formats.number(value, 1)) : '';
  const isLoadingMore = state.loadedCount < state.count && state.count > 1;
  return (
    <div className="reading-overlay" data-testid="pane-overlay">
      <EdgeLetterMarks letters={picture.letters} />
      <div className="reading-corner top-left">
        <b>{nameOf(picture)}</b>
        <span>{attributes.patient.identifier}</span>
        {isPrior ? <span className="reading-mark prior">{t('overlay.prior')}</span> : null}
        {isKeyImage ? <span className="reading-mark key">★ {t('overlay.keyImage')}</span> : null}
      </div>
      <div className="reading-corner top-right">
        <span>{[attributes.modality, formats.date(attributes.study.date)].filter(Boolean).join(' · ')}</span>
        <span>{attributes.study.description}</span>
        <span>
          {[
            attributes.series.number === undefined ? '' : t('overlay.series', { number: attributes.series.number }),
            attributes.series.description,
            attributes.sliceThicknessMm
              ? `${formats.number(attributes.sliceThicknessMm, attributes.sliceThicknessMm % 1 === 0 ? 0 : 1)} mm`
              : '',
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        {sides[attributes.laterality] ? <span>{sides[attributes.laterality]}</span> : null}
      </div>
      <div className="reading-corner bottom-left">
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
          {isLoadingMore ? (
            <span className="reading-loading-mark">
              {t('overlay.loaded', { loaded: state.loadedCount, count: state.count })}
            </span>
          ) : null}
        </span>
      </div>
      <div className="reading-corner bottom-right">
        <FidelityBadge fidelity={picture.fidelity} />
        {picture.scaleBar ? <ScaleBarMark bar={picture.scaleBar} /> : null}
      </div>
    </div>
  );
}

/** Where the slice lies along its own normal's main axis, patient mm. */
function positionText(picture: DrawnPicture, format: (value: number) => string): string {
  const { plane } = picture.attributes;
  if (!plane) return '';
  const [rx, ry, rz] = plane.rowDirection;
  const [cx, cy, cz] = plane.columnDirection;
  const normal = [Math.abs(ry * cz - rz * cy), Math.abs(rz * cx - rx * cz), Math.abs(rx * cy - ry * cx)];
  const axis = normal.indexOf(Math.max(...normal));
  return ` · ${format(plane.originMm[axis] ?? 0).replace('-', '\u2212')} mm`;
}
