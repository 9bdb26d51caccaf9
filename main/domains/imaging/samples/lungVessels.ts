import { lungDepthMm } from './chestShape.ts';
import { type SeededRandom, seededRandom } from './seededRandom.ts';
import type { PointMm, Rod } from './softShapes.ts';

/** A vessel of the lung, and whether a bronchus runs beside it. */
export interface LungBranches {
  readonly vessels: readonly Rod[];
  /** Outer walls of the bronchi; the lumen is about two thirds as wide. */
  readonly bronchi: readonly Rod[];
}

/** A region no vessel may enter, so that what is measured there stands free. */
export interface ClearRegion {
  readonly centre: PointMm;
  readonly radiusMm: number;
}

const leavesPerTree = 1500;
const leafRadiusMm = 0.55;

/**
 * Grows arteries, veins and bronchi of both lungs: points are strewn in the lung and gathered towards the hilum by
 * halving the set along its longest side; the width follows Murray's law (the cube of the radius adds up at a fork,
 * Murray 1926).
 */
export function growLungBranches(seed: string, clear: readonly ClearRegion[]): LungBranches {
  const vessels: Rod[] = [];
  const bronchi: Rod[] = [];
  const roots: readonly { readonly hilum: PointMm; readonly left: boolean; readonly artery: boolean }[] = [
    { hilum: [-36, 6, 8], left: false, artery: true },
    { hilum: [40, 8, 14], left: true, artery: true },
    { hilum: [-30, 2, -10], left: false, artery: false },
    { hilum: [32, 10, -4], left: true, artery: false },
  ];
  for (const root of roots) {
    const random = seededRandom(`${seed}:vessels:${root.left}:${root.artery}`);
    const leaves = strewLeaves(random, root.left);
    growFrom(root.hilum, leaves, random, root.artery, { vessels, bronchi }, 0);
  }
  const free = (rod: Rod): boolean => clear.every((region) => !touches(rod, region));
  return { vessels: vessels.filter(free), bronchi: bronchi.filter(free) };
}

function strewLeaves(random: SeededRandom, left: boolean): PointMm[] {
  const leaves: PointMm[] = [];
  while (leaves.length < leavesPerTree) {
    const x = (left ? 1 : -1) * random.between(14, 134);
    const y = random.between(-80, 98);
    const z = random.between(-118, 126);
    if (lungDepthMm(x, y, z) > 4 + 5 * random.next()) leaves.push([x, y, z]);
  }
  return leaves;
}

function growFrom(
  start: PointMm,
  leaves: readonly PointMm[],
  random: SeededRandom,
  withBronchus: boolean,
  into: { readonly vessels: Rod[]; readonly bronchi: Rod[] },
  depth: number,
): void {
  const radius = leafRadiusMm * Math.cbrt(leaves.length) * (depth === 0 ? 0.95 : 1);
  const centre = meanOf(leaves);
  if (leaves.length === 1) {
    into.vessels.push({ from: start, to: centre, fromRadiusMm: radius, toRadiusMm: radius * 0.7 });
    return;
  }
  const share = depth === 0 ? 0.22 : random.between(0.3, 0.46);
  const distance = Math.hypot(centre[0] - start[0], centre[1] - start[1], centre[2] - start[2]);
  const sway = 0.07 * distance;
  const fork: PointMm = [
    start[0] + share * (centre[0] - start[0]) + sway * random.gaussian(),
    start[1] + share * (centre[1] - start[1]) + sway * random.gaussian(),
    start[2] + share * (centre[2] - start[2]) + sway * random.gaussian(),
  ];
  into.vessels.push({ from: start, to: fork, fromRadiusMm: radius, toRadiusMm: radius * 0.9 });
  if (withBronchus && leaves.length > 30) into.bronchi.push(beside(start, fork, radius));
  const [one, other] = halve(leaves, random);
  growFrom(fork, one, random, withBronchus, into, depth + 1);
  growFrom(fork, other, random, withBronchus, into, depth + 1);
}

/** The bronchus that accompanies an artery, on its back and medial side. */
function beside(from: PointMm, to: PointMm, arteryRadiusMm: number): Rod {
  const side = from[0] > 0 ? -1 : 1;
  const gap = arteryRadiusMm * 1.85 + 0.4;
  const shift = (p: PointMm): PointMm => [p[0] + side * gap * 0.5, p[1] + gap * 0.85, p[2]];
  const radius = arteryRadiusMm * 0.85 + 0.35;
  return { from: shift(from), to: shift(to), fromRadiusMm: radius, toRadiusMm: radius * 0.92 };
}

/** Two halves along the longest side, cut a little askew so that the cuts do not line up in a plane. */
function halve(leaves: readonly PointMm[], random: SeededRandom): [PointMm[], PointMm[]] {
  const direction = [0, 0, 0];
  let axis = 0;
  let widest = -1;
  for (let i = 0; i < 3; i++) {
    direction[i] = 0.45 * random.gaussian();
    const values = leaves.map((leaf) => leaf[i]!);
    const extent = (Math.max(...values) - Math.min(...values)) * random.between(0.75, 1.25);
    if (extent > widest) {
      widest = extent;
      axis = i;
    }
  }
  direction[axis] = 1;
  const along = (p: PointMm): number => p[0] * direction[0]! + p[1] * direction[1]! + p[2] * direction[2]!;
  const sorted = [...leaves].sort((a, b) => along(a) - along(b));
  const middle = Math.ceil(sorted.length / 2);
  return [sorted.slice(0, middle), sorted.slice(middle)];
}

function meanOf(points: readonly PointMm[]): PointMm {
  let x = 0;
  let y = 0;
  let z = 0;
  for (const point of points) {
    x += point[0];
    y += point[1];
    z += point[2];
  }
  return [x / points.length, y / points.length, z / points.length];
}

function touches(rod: Rod, region: ClearRegion): boolean {
  const d: PointMm = [rod.to[0] - rod.from[0], rod.to[1] - rod.from[1], rod.to[2] - rod.from[2]];
  const s: PointMm = [region.centre[0] - rod.from[0], region.centre[1] - rod.from[1], region.centre[2] - rod.from[2]];
  const length = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] || 1e-9;
  const t = Math.min(1, Math.max(0, (s[0] * d[0] + s[1] * d[1] + s[2] * d[2]) / length));
  const gap = Math.hypot(s[0] - t * d[0], s[1] - t * d[1], s[2] - t * d[2]);
  return gap < region.radiusMm + Math.max(rod.fromRadiusMm, rod.toRadiusMm);
}
