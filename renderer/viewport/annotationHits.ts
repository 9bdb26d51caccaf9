import type { ViewAnnotation } from './annotationLayer.ts';
import { distanceToSegment, handlesOf, outlinesOf } from './annotationShapes.ts';
import { type PictureTransform, type ScreenPoint, toScreen } from './pictureTransform.ts';

const handleReachPx = 9;
const outlineReachPx = 6;

/** The annotation under a screen point: one of its handles by number, or its outline. The selected one comes first. */
export function hitTest(
  annotations: readonly ViewAnnotation[],
  transform: PictureTransform,
  screen: ScreenPoint,
  selectedId: string | undefined,
): { annotation: ViewAnnotation; grip: number | 'shape' } | undefined {
  const inOrder = [...annotations].sort(
    (a, b) => Number(b.annotationId === selectedId) - Number(a.annotationId === selectedId),
  );
  for (const annotation of inOrder) {
    const handles = handlesOf(annotation.tool, annotation.points).map((point) => toScreen(transform, point));
    const handle = handles.findIndex(([x, y]) => Math.hypot(screen[0] - x, screen[1] - y) <= handleReachPx);
    if (handle >= 0) return { annotation, grip: handle };
  }
  for (const annotation of inOrder) {
    for (const outline of outlinesOf(annotation.tool, annotation.points)) {
      const points = outline.map((point) => toScreen(transform, point));
      const isNear = points
        .slice(1)
        .some((point, index) => distanceToSegment(screen, points[index]!, point) <= outlineReachPx);
      if (isNear) return { annotation, grip: 'shape' };
    }
  }
  return undefined;
}
