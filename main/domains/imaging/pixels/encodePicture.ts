import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import type { Picture } from './resample.ts';

/** PNG of a picture: 8-bit grey or RGB, no ancillary chunks, the same bytes for the same picture. */
export function encodePng(picture: Picture): Uint8Array {
  const { data, width, height, channels } = picture;
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const colorType = channels === 1 ? 0 : 2;
  const encoded = PNG.sync.write(png, {
    colorType,
    inputColorType: channels === 1 ? 0 : 6,
    inputHasAlpha: channels === 4,
    bitDepth: 8,
  });
  return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength);
}

/**
 * Baseline JPEG of a picture.
 * @param quality 1 to 100
 */
export function encodeJpeg(picture: Picture, quality = 85): Uint8Array {
  const { width, height, channels } = picture;
  let data = picture.data;
  if (channels === 1) {
    data = new Uint8Array(width * height * 4);
    for (let i = 0, at = 0; i < picture.data.length; i++, at += 4) {
      const grey = picture.data[i] ?? 0;
      data[at] = grey;
      data[at + 1] = grey;
      data[at + 2] = grey;
      data[at + 3] = 255;
    }
  }
  const encoded = jpeg.encode({ data, width, height }, Math.min(100, Math.max(1, Math.round(quality))));
  return new Uint8Array(encoded.data.buffer, encoded.data.byteOffset, encoded.data.byteLength);
}
