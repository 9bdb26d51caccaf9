/** An 8-bit picture: grey (1 channel) or RGBA (4), rows from the top, no padding. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 4;
}

interface Weights {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** `taps` weights per output position. */
  readonly values: Float64Array;
  readonly taps: number;
}

/** Weights along one axis: area average when it shrinks, linear interpolation when it grows. */
function axisWeights(from: number, to: number): Weights {
  const scale = from / to;
  const taps = scale > 1 ? Math.ceil(scale) + 2 : 2;
  const first = new Int32Array(to);
  const counts = new Int32Array(to);
  const values = new Float64Array(to * taps);
  for (let i = 0; i < to; i++) {
    if (scale > 1) {
      const start = i * scale;
      const end = Math.min(from, start + scale);
      const begin = Math.floor(start);
      first[i] = begin;
      let count = 0;
      for (let at = begin; at < end; at++) {
        values[i * taps + count++] = (Math.min(end, at + 1) - Math.max(start, at)) / (end - start);
      }
      counts[i] = count;
    } else {
      const centre = Math.min(from - 1, Math.max(0, (i + 0.5) * scale - 0.5));
      const begin = Math.min(Math.floor(centre), Math.max(0, from - 2));
      first[i] = begin;
      counts[i] = from > 1 ? 2 : 1;
      values[i * taps] = from > 1 ? 1 - (centre - begin) : 1;
      values[i * taps + 1] = centre - begin;
    }
  }
  return { first, counts, values, taps };
}

/** Scales a picture to a size in pixels: area average down, bilinear up. */
export function resample(picture: Picture, width: number, height: number): Picture {
  if (width === picture.width && height === picture.height) return picture;
  const { channels, data } = picture;
  const horizontal = axisWeights(picture.width, width);
  const vertical = axisWeights(picture.height, height);
  const rows = new Float64Array(picture.height * width * channels);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        const count = horizontal.counts[x] ?? 0;
        let at = (y * picture.width + (horizontal.first[x] ?? 0)) * channels + channel;
        for (let k = 0; k < count; k++, at += channels) {
          sum += (data[at] ?? 0) * (horizontal.values[x * horizontal.taps + k] ?? 0);
        }
        rows[(y * width + x) * channels + channel] = sum;
      }
    }
  }
  const out = new Uint8Array(width * height * channels);
  const line = width * channels;
  for (let y = 0; y < height; y++) {
    const count = vertical.counts[y] ?? 0;
    const begin = (vertical.first[y] ?? 0) * line;
    for (let x = 0; x < line; x++) {
      let sum = 0;
      for (let k = 0; k < count; k++)
        sum += (rows[begin + k * line + x] ?? 0) * (vertical.values[y * vertical.taps + k] ?? 0);
      out[y * line + x] = Math.round(sum);
    }
  }
  return { data: out, width, height, channels };
}

/**
 * The largest size within a box that keeps a shape; at least one pixel each way.
 * @param aspect width divided by height of the picture as it should look
 */
export function fitWithin(aspect: number, boxWidth: number, boxHeight: number): { width: number; height: number } {
  const byWidth = boxWidth / aspect;
  const width = byWidth <= boxHeight ? boxWidth : boxHeight * aspect;
  const height = byWidth <= boxHeight ? byWidth : boxHeight;
  return { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) };
}
