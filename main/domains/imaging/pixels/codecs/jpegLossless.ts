import { pixelFailure } from '../pixelFailures.ts';
import type { HuffmanTable } from './huffman.ts';
import { forEachScan, type JpegScan } from './jpegScans.ts';
import type { JpegSegments } from './jpegSegments.ts';

/**
 * Lossless JPEG, Huffman coded (ITU-T T.81 annex H): predictors 1 to 7, point transform, restart intervals, precision
 * 2 to 16, components interleaved or one scan each. Written here because the JavaScript decoder the viewer uses reads
 * past the end of a cut stream without saying so, and takes neither three 16-bit components nor a point transform.
 *
 * @returns samples interleaved by pixel, unsigned, as coded
 * @throws Failure imaging.damagedPixelData, imaging.truncatedPixelData, imaging.unsupportedPixelFormat
 */
export function decodeJpegLossless(bytes: Uint8Array, segments: JpegSegments): Uint16Array {
  const { rows, columns, components, precision } = segments;
  if (components.some((component) => component.horizontal !== 1 || component.vertical !== 1)) {
    // one component alone has no other to be subsampled against, whatever its factors say
    if (components.length > 1) {
      throw pixelFailure('imaging.unsupportedPixelFormat', 'lossless JPEG with subsampled components');
    }
  }
  if (precision < 2 || precision > 16) throw pixelFailure('imaging.damagedPixelData', 'an impossible JPEG precision');
  const out = new Uint16Array(rows * columns * components.length);
  const done = new Set<number>();
  forEachScan(bytes, components, (scan) => {
    decodeScan(scan, out, segments);
    for (const component of scan.components) done.add(component.index);
  });
  if (done.size !== components.length) {
    throw pixelFailure('imaging.truncatedPixelData', 'the JPEG stream lacks a scan');
  }
  return out;
}

function predict(predictor: number, left: number, above: number, corner: number): number {
  switch (predictor) {
    case 1:
      return left;
    case 2:
      return above;
    case 3:
      return corner;
    case 4:
      return left + above - corner;
    case 5:
      return left + ((above - corner) >> 1);
    case 6:
      return above + ((left - corner) >> 1);
    default:
      return (left + above) >> 1;
  }
}

function decodeScan(scan: JpegScan, out: Uint16Array, segments: JpegSegments): void {
  const { rows, columns, precision } = segments;
  const stride = segments.components.length;
  const { reader, predictor, pointTransform, restartInterval } = scan;
  if (predictor < 1 || predictor > 7 || pointTransform >= precision) {
    throw pixelFailure('imaging.damagedPixelData', 'an impossible lossless JPEG predictor');
  }
  if (restartInterval % columns !== 0) {
    throw pixelFailure('imaging.damagedPixelData', 'a lossless JPEG restart interval that is no whole number of lines');
  }
  const restartRows = restartInterval / columns;
  const start = 1 << (precision - pointTransform - 1);
  const line = columns * stride;
  const planes = scan.components.map(({ index, dc }) => {
    if (!dc) throw pixelFailure('imaging.damagedPixelData', 'a JPEG scan without its Huffman table');
    return { index, table: dc };
  });
  const difference = (table: HuffmanTable): number => {
    const size = reader.decode(table);
    if (size > 16) throw pixelFailure('imaging.damagedPixelData', 'an impossible lossless JPEG difference');
    return size === 16 ? 32_768 : reader.extended(size);
  };
  let firstRow = 0;
  for (let row = 0; row < rows; row++) {
    if (restartRows > 0 && row > 0 && row % restartRows === 0) {
      reader.restart();
      firstRow = row;
    }
    for (let column = 0; column < columns; column++) {
      for (const plane of planes) {
        const at = row * line + column * stride + plane.index;
        let prediction: number;
        if (row === firstRow) prediction = column === 0 ? start : (out[at - stride] ?? 0);
        else if (column === 0) prediction = out[at - line] ?? 0;
        else {
          prediction = predict(predictor, out[at - stride] ?? 0, out[at - line] ?? 0, out[at - line - stride] ?? 0);
        }
        out[at] = prediction + difference(plane.table);
      }
    }
    reader.assertWithinData();
  }
  if (pointTransform > 0) {
    for (const plane of planes) {
      for (let at = plane.index; at < out.length; at += stride) out[at] = (out[at] ?? 0) << pointTransform;
    }
  }
}
