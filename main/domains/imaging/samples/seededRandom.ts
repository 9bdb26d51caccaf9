import { createHash } from 'node:crypto';

/** A source of numbers that is the same on every machine and every run for the same seed. */
export interface SeededRandom {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Gaussian of mean 0 and standard deviation 1 (Box–Muller). */
  gaussian(): number;
}

/** xoshiro128** seeded from SHA-256 of the text (Blackman and Vigna, 2018). */
export function seededRandom(seed: string): SeededRandom {
  const digest = createHash('sha256').update(seed).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let d = digest.readUInt32LE(12) | 1;
  const next = (): number => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return scrambled / 4294967296;
  };
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    gaussian: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** A UUID-derived UID (PS3.5 B.2, version 8 UUID of RFC 9562) that depends on the seed alone. */
export function seededUid(seed: string): string {
  const bytes = createHash('sha256').update(`salus-sample:${seed}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

/** A square tile of values that repeats without a seam; `size` is a power of two. */
export interface NoiseTile {
  readonly size: number;
  readonly values: Float32Array;
}

/** White Gaussian noise blurred by a 3×3 binomial kernel (a CT kernel's grain), mean 0, standard deviation 1. */
export function grainTile(seed: string, size: number): NoiseTile {
  const random = seededRandom(seed);
  const white = new Float32Array(size * size);
  for (let i = 0; i < white.length; i++) white[i] = random.gaussian();
  return { size, values: standardise(blurWrapped(white, size)) };
}

/**
 * Smooth lumps: octaves of wrapped, interpolated white noise, mean 0, standard deviation 1.
 *
 * @param cell size of the largest lump in pixels (a power of two)
 * @param falloff amplitude of each octave relative to the one before (0.5 smooth, 0.8 rough)
 */
export function lumpTile(seed: string, size: number, cell: number, falloff: number): NoiseTile {
  const random = seededRandom(seed);
  const sum = new Float32Array(size * size);
  let amplitude = 1;
  for (let step = cell; step >= 2; step /= 2) {
    const cells = size / step;
    const lattice = new Float32Array(cells * cells);
    for (let i = 0; i < lattice.length; i++) lattice[i] = random.gaussian();
    addLattice(sum, size, lattice, cells, amplitude);
    amplitude *= falloff;
  }
  return { size, values: standardise(sum) };
}

/** Hashes three lattice coordinates to [0, 1). */
function latticeValue(x: number, y: number, z: number, seed: number): number {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(z, 0x1b873593) ^ seed;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Smooth noise in space, range [−1, 1], feature size 1: trilinear lattice values with quintic fade. */
export function spaceNoise(x: number, y: number, z: number, seed: number): number {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const zi = Math.floor(z);
  const u = fade(x - xi);
  const v = fade(y - yi);
  const w = fade(z - zi);
  const low = bilinear(xi, yi, zi, u, v, seed);
  const high = bilinear(xi, yi, zi + 1, u, v, seed);
  return 2 * (low + (high - low) * w) - 1;
}

function bilinear(xi: number, yi: number, zi: number, u: number, v: number, seed: number): number {
  const a = latticeValue(xi, yi, zi, seed);
  const b = latticeValue(xi + 1, yi, zi, seed);
  const c = latticeValue(xi, yi + 1, zi, seed);
  const d = latticeValue(xi + 1, yi + 1, zi, seed);
  const top = a + (b - a) * u;
  return top + (c + (d - c) * u - top) * v;
}

function fade(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function blurWrapped(values: Float32Array, size: number): Float32Array {
  const mask = size - 1;
  const rows = new Float32Array(values.length);
  for (let y = 0; y < size; y++) {
    const base = y * size;
    for (let x = 0; x < size; x++) {
      rows[base + x] =
        0.25 * values[base + ((x - 1) & mask)]! + 0.5 * values[base + x]! + 0.25 * values[base + ((x + 1) & mask)]!;
    }
  }
  const out = new Float32Array(values.length);
  for (let y = 0; y < size; y++) {
    const above = ((y - 1) & mask) * size;
    const below = ((y + 1) & mask) * size;
    for (let x = 0; x < size; x++) {
      out[y * size + x] = 0.25 * rows[above + x]! + 0.5 * rows[y * size + x]! + 0.25 * rows[below + x]!;
    }
  }
  return out;
}

function addLattice(sum: Float32Array, size: number, lattice: Float32Array, cells: number, amplitude: number): void {
  const step = size / cells;
  const mask = cells - 1;
  for (let y = 0; y < size; y++) {
    const cy = Math.floor(y / step);
    const v = fade(y / step - cy);
    const top = (cy & mask) * cells;
    const bottom = ((cy + 1) & mask) * cells;
    for (let x = 0; x < size; x++) {
      const cx = Math.floor(x / step);
      const u = fade(x / step - cx);
      const left = cx & mask;
      const right = (cx + 1) & mask;
      const a = lattice[top + left]! + (lattice[top + right]! - lattice[top + left]!) * u;
      const b = lattice[bottom + left]! + (lattice[bottom + right]! - lattice[bottom + left]!) * u;
      const index = y * size + x;
      sum[index] = sum[index]! + amplitude * (a + (b - a) * v);
    }
  }
}

function standardise(values: Float32Array): Float32Array {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const deviation = Math.sqrt(squares / values.length - mean * mean);
  for (let i = 0; i < values.length; i++) values[i] = (values[i]! - mean) / deviation;
  return values;
}
