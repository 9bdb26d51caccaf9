import { getRenderingCapabilities, type Types } from '@cornerstonejs/core';
import type { GreyNode } from './pictureWindow.ts';

interface TransferFunction {
  getMTime(): number;
  /** Points at even distances from one end to the other: red, green, blue of each. */
  buildFunctionFromTable(lower: number, upper: number, points: number, table: Float32Array): void;
  removeAllPoints(): void;
  addRGBPoint(value: number, red: number, green: number, blue: number): number;
  setMappingRange(lower: number, upper: number): void;
}

interface PaintedActor {
  getProperty(): { getRGBTransferFunction(index: number): TransferFunction | null };
  getMapper(): { setColorTextureWidth?(texels: number): boolean };
}

/** Texels of the colour table for everything that is straight between few points (vtk.js's own number). */
const usualTexels = 1024;

/** Width of the widest texture this window's graphics card takes. */
export function mostTexels(): number {
  return Math.max(usualTexels, getRenderingCapabilities().maxTextureSize);
}

/** What was painted last on a function, and when: painting the same again would cost a new texture for every slice. */
const painted = new WeakMap<TransferFunction, { readonly curve: string; readonly at: number }>();

/**
 * Gives a viewport the grey of every value. The range goes through Cornerstone, which makes the function, its points are
 * then replaced: curves, inversion and windows on stored values are decided here and nowhere else.
 *
 * @param texels of the card's colour table, where the nodes are one for each of them; they lie at even distances then
 */
export function paintGrey(
  viewport: Types.IStackViewport | Types.IVolumeViewport,
  nodes: readonly GreyNode[],
  texels?: number,
): void {
  const first = nodes[0];
  const last = nodes[nodes.length - 1];
  if (!first || !last) return;
  const range = { lower: first.value, upper: last.value };
  const curve = texels === undefined ? JSON.stringify(nodes) : undefined;
  const before = functionOf(viewport);
  const known = before && painted.get(before);
  if (before && curve !== undefined && known?.curve === curve && known.at === before.getMTime()) return;
  viewport.setProperties({ voiRange: range });
  const target = functionOf(viewport);
  if (!target) return;
  actorOf(viewport)
    ?.getMapper()
    .setColorTextureWidth?.(texels ?? usualTexels);
  if (texels !== undefined) {
    const table = new Float32Array(nodes.length * 3);
    for (const [index, { grey }] of nodes.entries()) table.fill(grey, index * 3, index * 3 + 3);
    target.buildFunctionFromTable(range.lower, range.upper, nodes.length, table);
  } else {
    target.removeAllPoints();
    for (const { value, grey } of nodes) target.addRGBPoint(value, grey, grey, grey);
  }
  target.setMappingRange(range.lower, range.upper);
  if (curve !== undefined) painted.set(target, { curve, at: target.getMTime() });
}

function actorOf(viewport: Types.IStackViewport | Types.IVolumeViewport): PaintedActor | undefined {
  return viewport.getDefaultActor()?.actor as unknown as PaintedActor | undefined;
}

function functionOf(viewport: Types.IStackViewport | Types.IVolumeViewport): TransferFunction | null | undefined {
  return actorOf(viewport)?.getProperty().getRGBTransferFunction(0);
}
