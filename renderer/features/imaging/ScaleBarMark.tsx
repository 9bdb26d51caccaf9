import { useFormats } from '../../i18n/formats.ts';
import type { DrawnPicture } from '../../viewport/viewport.ts';

/** A round length as long as it is in the picture. '†' says that it holds at the detector, not in the patient. */
export function ScaleBarMark({ bar }: { bar: NonNullable<DrawnPicture['scaleBar']> }) {
  const formats = useFormats();
  const isCentimetres = bar.lengthMm >= 10;
  const value = isCentimetres ? bar.lengthMm / 10 : bar.lengthMm;
  return (
    <span className="reading-scale" data-testid="scale-bar">
      {`${formats.number(value, value % 1 === 0 ? 0 : 1)} ${isCentimetres ? 'cm' : 'mm'}${bar.isAtDetector ? '†' : ''}`}
      <i style={{ width: bar.lengthPx }} />
    </span>
  );
}
