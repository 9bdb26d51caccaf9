import type { DataSet } from 'dicom-parser';
import { findBytes, findInteger, findText, findUnsigned, findUsOrSs } from './dicomValues.ts';
import type { OverlayPlane } from './pixelDescription.ts';

/** The overlay planes of groups 6000 to 601E (PS3.3 C.9.2); an incomplete one is left out. */
export function findOverlays(dataSet: DataSet): OverlayPlane[] {
  const overlays: OverlayPlane[] = [];
  for (let group = 0x6000; group <= 0x601e; group += 2) {
    const prefix = `x${group.toString(16)}`;
    const rows = findUnsigned(dataSet, `${prefix}0010`);
    const columns = findUnsigned(dataSet, `${prefix}0011`);
    if (!rows || !columns) continue;
    const packed = findBytes(dataSet, `${prefix}3000`);
    const bitsAllocated = findUnsigned(dataSet, `${prefix}0100`) ?? 1;
    const bit = findUnsigned(dataSet, `${prefix}0102`) ?? 0;
    const frames = findInteger(dataSet, `${prefix}0015`) ?? 1;
    if (packed ? packed.length * 8 < rows * columns : bitsAllocated === 1) continue;
    overlays.push({
      group,
      rows,
      columns,
      originRow: findUsOrSs(dataSet, `${prefix}0050`, true, 0) ?? 1,
      originColumn: findUsOrSs(dataSet, `${prefix}0050`, true, 1) ?? 1,
      kind: findText(dataSet, `${prefix}0040`) === 'R' ? 'roi' : 'graphics',
      frames: Math.max(1, frames),
      firstFrame: Math.max(0, (findUnsigned(dataSet, `${prefix}0051`) ?? 1) - 1),
      label: findText(dataSet, `${prefix}1500`) ?? '',
      description: findText(dataSet, `${prefix}0022`) ?? '',
      ...(packed ? { packed } : { embeddedBit: bit }),
    });
  }
  return overlays;
}

/** Unpacks `count` bits from bit `firstBit` on, least significant bit of each byte first (PS3.5 section 8.1.1), to 0/1. */
export function unpackBits(packed: Uint8Array, firstBit: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  let bit = firstBit & 7;
  let at = firstBit >> 3;
  let byte = packed[at] ?? 0;
  for (let i = 0; i < count; i++) {
    out[i] = (byte >> bit) & 1;
    if (++bit === 8) {
      bit = 0;
      byte = packed[++at] ?? 0;
    }
  }
  return out;
}

/**
 * The bits of an overlay for one image frame (0-based): `rows * columns` values of 0 or 1, or undefined when the
 * overlay does not reach that frame or lives in the pixel cells (then see `decodeEmbeddedOverlay`).
 */
export function overlayBitsOfFrame(overlay: OverlayPlane, frameIndex: number): Uint8Array | undefined {
  if (!overlay.packed) return undefined;
  const size = overlay.rows * overlay.columns;
  const overlayFrame = overlay.frames === 1 ? 0 : frameIndex - overlay.firstFrame;
  if (overlayFrame < 0 || overlayFrame >= overlay.frames) return undefined;
  if ((overlayFrame + 1) * size > overlay.packed.length * 8) return undefined;
  return unpackBits(overlay.packed, overlayFrame * size, size);
}
