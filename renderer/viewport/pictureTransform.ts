import type { ImagePoint } from '../../app/domains/imaging/calibrationRules.ts';

/** A point of the viewport in CSS pixels, from its upper left corner. */
export type ScreenPoint = readonly [number, number];

/** How a picture lies on the screen: screen = origin + column·perColumn + row·perRow. */
export interface PictureTransform {
  readonly origin: ScreenPoint;
  readonly perColumn: ScreenPoint;
  readonly perRow: ScreenPoint;
}

export function toScreen({ origin, perColumn, perRow }: PictureTransform, [column, row]: ImagePoint): ScreenPoint {
  return [origin[0] + column * perColumn[0] + row * perRow[0], origin[1] + column * perColumn[1] + row * perRow[1]];
}

export function toImage({ origin, perColumn, perRow }: PictureTransform, [x, y]: ScreenPoint): ImagePoint {
  const determinant = perColumn[0] * perRow[1] - perColumn[1] * perRow[0];
  const dx = x - origin[0];
  const dy = y - origin[1];
  return [(dx * perRow[1] - dy * perRow[0]) / determinant, (dy * perColumn[0] - dx * perColumn[1]) / determinant];
}

/** Screen pixels an image column takes: 1 is one to one, in CSS pixels. */
export function scaleOf({ perColumn }: PictureTransform): number {
  return Math.hypot(perColumn[0], perColumn[1]);
}

export function isUsable({ origin, perColumn, perRow }: PictureTransform): boolean {
  return (
    [...origin, ...perColumn, ...perRow].every(Number.isFinite) &&
    Math.abs(perColumn[0] * perRow[1] - perColumn[1] * perRow[0]) > 1e-12
  );
}
