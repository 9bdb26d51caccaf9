import { type DicomDataset, numberOf, numbersOf } from '../../app/domains/imaging/dicomElements.ts';
import type { FetchAsset } from './frameTransfer.ts';
import { binaryOf } from './tableValues.ts';

/** One overlay plane of an image (PS3.3 C.9.2): bits over pixels, at a place that may lie outside the image. */
export interface OverlayPicture {
  /** 0-based column and row of the image where the overlay's first pixel lies. */
  readonly column: number;
  readonly row: number;
  readonly bitmap: ImageBitmap;
}

const colour = [255, 214, 102, 235] as const;

/** Group numbers 6000 to 601E whose plane the data set holds. */
export function overlayGroups(dataset: DicomDataset): string[] {
  return Array.from({ length: 16 }, (_, index) => (0x6000 + index * 2).toString(16).toUpperCase()).filter(
    (group) => dataset[`${group}3000`] !== undefined,
  );
}

/** Reads the overlays that lie over a frame (1-based). A plane whose data is short is left out. */
export async function overlaysOf(
  dataset: DicomDataset,
  frame: number,
  fetchAsset: FetchAsset,
): Promise<OverlayPicture[]> {
  const pictures: OverlayPicture[] = [];
  for (const group of overlayGroups(dataset)) {
    const rows = numberOf(dataset, `${group}0010`);
    const columns = numberOf(dataset, `${group}0011`);
    const [originRow = 1, originColumn = 1] = numbersOf(dataset, `${group}0050`);
    const frames = numberOf(dataset, `${group}0015`) ?? 1;
    const firstFrame = numberOf(dataset, `${group}0051`) ?? 1;
    const index = frames > 1 ? frame - firstFrame : 0;
    const bytes = await binaryOf(dataset, `${group}3000`, fetchAsset);
    if (!rows || !columns || rows * columns > 2 ** 26 || !bytes || index < 0 || index >= frames) continue;
    const firstBit = index * rows * columns;
    if (bytes.length * 8 < firstBit + rows * columns) continue;
    const pixels = new ImageData(columns, rows);
    for (let pixel = 0; pixel < rows * columns; pixel += 1) {
      const bit = firstBit + pixel;
      if ((bytes[bit >> 3]! >> (bit & 7)) & 1) pixels.data.set(colour, pixel * 4);
    }
    pictures.push({ column: originColumn - 1, row: originRow - 1, bitmap: await createImageBitmap(pixels) });
  }
  return pictures;
}
