import type { ImagePoint } from '../../app/domains/imaging/calibrationRules.ts';
import type { MeasurementTool } from '../../app/domains/imaging/measurementRules.ts';
import type { ScreenPoint } from './pictureTransform.ts';

/** Points of annotations as handles and outlines: pure geometry of drawing and hitting. */

/** Handles of a tool in image points; ellipse and rectangle show all four corners of their box. */
export function handlesOf(tool: MeasurementTool, points: readonly ImagePoint[]): ImagePoint[] {
  const [a, b] = points;
  if ((tool === 'ellipse' || tool === 'rectangle') && a && b) return [a, [b[0], a[1]], b, [a[0], b[1]]];
  if (tool === 'freehand') return points.length > 0 ? [points[0]!] : [];
  return [...points];
}

/** The points after a handle was dragged to another place. */
export function withHandleAt(
  tool: MeasurementTool,
  points: readonly ImagePoint[],
  handle: number,
  to: ImagePoint,
): ImagePoint[] {
  const [a, b] = points;
  if ((tool === 'ellipse' || tool === 'rectangle') && a && b) {
    const [left, top] = a;
    const [right, bottom] = b;
    if (handle === 0) return [to, b];
    if (handle === 1)
      return [
        [left, to[1]],
        [to[0], bottom],
      ];
    if (handle === 2) return [a, to];
    return [
      [to[0], top],
      [right, to[1]],
    ];
  }
  if (tool === 'freehand') {
    const from = points[0]!;
    return moved(points, to[0] - from[0], to[1] - from[1]);
  }
  if (tool === 'bidirectional' && points.length === 4 && handle < 2) {
    // The short axis stays where it is; only the long one's end moves.
    return points.map((point, index) => (index === handle ? to : point));
  }
  return points.map((point, index) => (index === handle ? to : point));
}

export function moved(points: readonly ImagePoint[], columns: number, rows: number): ImagePoint[] {
  return points.map(([column, row]): ImagePoint => [column + columns, row + rows]);
}

/** The short axis a new bidirectional measurement starts with: across the middle of the long one, half as long, in physical shape. */
export function shortAxis([a, b]: readonly [ImagePoint, ImagePoint], pixelAspect: number): [ImagePoint, ImagePoint] {
  const middle: ImagePoint = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const x = (b[0] - a[0]) / 4;
  const y = ((b[1] - a[1]) / 4) * pixelAspect;
  return [
    [middle[0] - y, middle[1] + x / pixelAspect],
    [middle[0] + y, middle[1] - x / pixelAspect],
  ];
}

/** How many points a finished annotation of a tool has; freehand takes what is drawn. */
export const pointCount: Record<MeasurementTool, number> = {
  length: 2,
  arrow: 2,
  bidirectional: 4,
  angle: 3,
  ellipse: 2,
  rectangle: 2,
  probe: 1,
  freehand: 3,
};

export function distanceToSegment([x, y]: ScreenPoint, [ax, ay]: ScreenPoint, [bx, by]: ScreenPoint): number {
  const lengthSquared = (bx - ax) ** 2 + (by - ay) ** 2;
  const along =
    lengthSquared === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / lengthSquared));
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

/** The outline of an annotation as polylines of image points; an ellipse as 64 chords. */
export function outlinesOf(tool: MeasurementTool, points: readonly ImagePoint[]): ImagePoint[][] {
  const [a, b, c, d] = points;
  if (!a) return [];
  if (tool === 'probe') return [];
  if (!b) return [[a]];
  if (tool === 'length' || tool === 'arrow') return [[a, b]];
  if (tool === 'angle') return [c ? [a, b, c] : [a, b]];
  if (tool === 'bidirectional')
    return c && d
      ? [
          [a, b],
          [c, d],
        ]
      : [[a, b]];
  if (tool === 'freehand') return [[...points, a]];
  const corners = handlesOf(tool, points);
  if (tool === 'rectangle') return [[...corners, corners[0]!]];
  const centre: ImagePoint = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const radius: ImagePoint = [Math.abs(b[0] - a[0]) / 2, Math.abs(b[1] - a[1]) / 2];
  return [
    Array.from({ length: 65 }, (_, index): ImagePoint => {
      const turn = (index / 64) * 2 * Math.PI;
      return [centre[0] + radius[0] * Math.cos(turn), centre[1] + radius[1] * Math.sin(turn)];
    }),
  ];
}
