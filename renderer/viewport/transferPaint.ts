import type { Types } from '@cornerstonejs/core';
import type { GreyNode } from './pictureWindow.ts';

interface TransferFunction {
  removeAllPoints(): void;
  addRGBPoint(value: number, red: number, green: number, blue: number): number;
  setMappingRange(lower: number, upper: number): void;
}

interface PaintedActor {
  getProperty(): { getRGBTransferFunction(index: number): TransferFunction | null };
}

/**
 * Gives a viewport the grey of every value. The range goes through Cornerstone, which makes the function, its points are
 * then replaced: curves, inversion and windows on stored values are decided here and nowhere else.
 */
export function paintGrey(viewport: Types.IStackViewport | Types.IVolumeViewport, nodes: readonly GreyNode[]): void {
  const first = nodes[0];
  const last = nodes[nodes.length - 1];
  if (!first || !last) return;
  const range = { lower: first.value, upper: last.value };
  viewport.setProperties({ voiRange: range });
  const actor = viewport.getDefaultActor()?.actor as unknown as PaintedActor | undefined;
  const painted = actor?.getProperty().getRGBTransferFunction(0);
  if (!painted) return;
  painted.removeAllPoints();
  for (const { value, grey } of nodes) painted.addRGBPoint(value, grey, grey, grey);
  painted.setMappingRange(range.lower, range.upper);
}
