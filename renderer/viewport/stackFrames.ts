import type { Types } from '@cornerstonejs/core';
import type { DicomDataset } from '../../app/domains/imaging/dicomElements.ts';
import type { FrameAttributes } from '../../app/domains/imaging/frameAttributes.ts';
import { cross, dot } from '../../app/domains/imaging/geometryRules.ts';
import type { ViewAnnotation } from './annotationLayer.ts';
import { drawingSpacing, type LoadedFrame } from './cornerstoneFrames.ts';
import type { PictureTransform } from './pictureTransform.ts';

export interface StackSeries {
  readonly studyUid: string;
  readonly seriesUid: string;
  /** DICOM JSON of the instances, as `/metadata` gives it. */
  readonly instances: readonly DicomDataset[];
}

export interface StackOptions {
  readonly onGesture: (annotation: ViewAnnotation, kind: 'created' | 'changed') => void;
  readonly makeId: () => string;
  readonly canEdit: () => boolean;
  readonly language: () => 'fr' | 'en';
}

/** Frames of an instance; none for an object without pixels. */
export function framesIn(instance: DicomDataset): number {
  const hasPixels =
    instance['00280010'] !== undefined || instance['00280011'] !== undefined || instance['00280100'] !== undefined;
  const frames = Number(instance['00280008']?.Value?.[0] ?? 1);
  return hasPixels ? Math.min(100_000, Math.max(1, Number.isFinite(frames) ? Math.floor(frames) : 1)) : 0;
}

/** The data set of the instance that a frame belongs to. */
export function datasetOf(
  instances: readonly DicomDataset[] | undefined,
  { attributes }: LoadedFrame,
): DicomDataset | undefined {
  return instances?.find((instance) => instance['00080018']?.Value?.[0] === attributes.sopUid);
}

/** A cross-sectional stack opens in its middle, a cine loop at its first frame. */
export function startIndex(frames: readonly FrameAttributes[]): number {
  const isVolume = frames.length > 8 && frames.every((frame) => frame.frames === 1 && frame.plane);
  return isVolume ? Math.floor(frames.length / 2) : 0;
}

/** Index of the frame nearest to another picture's plane, where both share a frame of reference and a direction. */
export function nearestFrame(frames: readonly FrameAttributes[], other: FrameAttributes): number | undefined {
  const [first] = frames;
  const isShared = first?.frameOfReferenceUid !== '' && first?.frameOfReferenceUid === other.frameOfReferenceUid;
  if (!other.plane || !first?.plane || !isShared) return undefined;
  const normal = cross(first.plane.rowDirection, first.plane.columnDirection);
  const theirs = cross(other.plane.rowDirection, other.plane.columnDirection);
  if (Math.abs(dot(normal, theirs)) < 0.99) return undefined;
  const wanted = dot(other.plane.originMm, normal);
  let nearest: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, { plane }] of frames.entries()) {
    const away = plane ? Math.abs(dot(plane.originMm, normal) - wanted) : Number.POSITIVE_INFINITY;
    if (away < least) {
      least = away;
      nearest = index;
    }
  }
  return nearest;
}

/** How the picture lies on the screen now, asked of Cornerstone's camera. */
export function transformOf(viewport: Types.IStackViewport, { attributes }: LoadedFrame): PictureTransform {
  const { column, row } = drawingSpacing(attributes);
  const at = (x: number, y: number) => viewport.worldToCanvas([x * column, y * row, 0]);
  const origin = at(0, 0);
  const [right, down] = [at(attributes.columns, 0), at(0, attributes.rows)];
  return {
    origin: [origin[0], origin[1]],
    perColumn: [(right[0] - origin[0]) / attributes.columns, (right[1] - origin[1]) / attributes.columns],
    perRow: [(down[0] - origin[0]) / attributes.rows, (down[1] - origin[1]) / attributes.rows],
  };
}
