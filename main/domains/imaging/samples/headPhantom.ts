import { spaceNoise } from './seededRandom.ts';
import type { PointMm } from './softShapes.ts';

/** Tissues of the head phantom; the value is the index in a contrast table. */
export const headTissue = {
  air: 0,
  fat: 1,
  skin: 2,
  bone: 3,
  diploe: 4,
  fluid: 5,
  grey: 6,
  white: 7,
  muscle: 8,
  deepGrey: 9,
  eye: 10,
} as const;

/** Half axes in mm of the inner table of the skull, the brain's outer limit; the centre is the origin. */
const skullInside = { x: 67, y: 84, up: 70, down: 96 } as const;
const scalpMm = 13;

const ventricle: readonly (readonly [PointMm, PointMm, number])[] = [
  [[9, -38, 10], [10, -16, 20], 5.2],
  [[10, -16, 20], [14, 12, 23], 5],
  [[14, 12, 23], [24, 36, 14], 6],
  [[24, 36, 14], [27, 46, 4], 7],
  [[27, 46, 4], [25, 66, 4], 3.6],
  [[27, 44, 2], [33, 26, -14], 4],
  [[33, 26, -14], [33, -2, -21], 2.6],
];

/**
 * The tissue at a point of the head phantom (patient mm, origin in the middle of the brain): scalp, skull, folded
 * cortex, white matter, ventricles, basal ganglia, cerebellum, brain stem, orbits and the soft tissue of the base.
 */
export function headTissueAt(x: number, y: number, z: number): number {
  const t = headTissue;
  const radius = Math.sqrt(x * x + y * y + z * z) || 1e-6;
  const tall = z / (z > 0 ? skullInside.up : skullInside.down);
  const level = Math.sqrt((x / skullInside.x) ** 2 + (y / skullInside.y) ** 2 + tall * tall);
  // Depth below the inner table, along the line from the middle; negative in the skull and the scalp.
  const depth = radius / level - radius;
  const toSkin = depth + scalpMm;
  if (toSkin < 0) return t.air;
  if (toSkin < 1.6) return t.skin;
  const mirrored = Math.abs(x);
  const eye = Math.hypot(mirrored - 31, y + 70, z + 37);
  if (eye < 11.8) return Math.hypot(mirrored - 31, y + 79, z + 37) < 4 ? t.muscle : t.eye;
  if (eye < 12.6) return t.muscle;
  const hind = hindBrain(x, mirrored, y, z, depth);
  if (hind >= 0) return hind;
  const inBrain = Math.min(depth, 0.85 * (z - brainFloorZMm(mirrored, y)));
  const temporal = Math.min(depth, 21 * (1 - Math.sqrt(ovalLevel(mirrored - 37, y - 2, z + 24, 25, 37, 21))));
  const inside = Math.max(inBrain, temporal);
  if (inside > 0) return brain(x, mirrored, y, z, inside);
  if (z < brainFloorZMm(mirrored, y) && depth > 0) return belowBase(mirrored, y, z, inside, toSkin, eye);
  if (toSkin < 5.8) return t.fat;
  const across = depth < 0 ? -depth / (scalpMm - 5.8) : 0;
  return across > 0.25 && across < 0.72 ? t.diploe : t.bone;
}

/** z of the underside of the cerebrum: frontal floor, the chiasm, then the tentorium. */
function brainFloorZMm(mirrored: number, y: number): number {
  if (y < -16) return -21 + 0.004 * mirrored * mirrored;
  if (y < 4) return -21 + (mirrored < 26 ? ((y + 16) / 20) * 8 : 0);
  return tentoriumZMm(mirrored, y) + 1;
}

function tentoriumZMm(mirrored: number, y: number): number {
  return -13 - 0.0045 * (y - 30) * (y - 30) * (y > 30 ? 1 : 0.3) - 0.16 * mirrored;
}

/** What lies under the skull base; `under` is how far (mm, negative) the point is from the brain. */
function belowBase(mirrored: number, y: number, z: number, under: number, toSkin: number, eye: number): number {
  const t = headTissue;
  if (toSkin < 5) return t.fat;
  if (y < -46 && eye < 19) {
    // Straight muscles of the eye and the optic nerve run back through the fat of the orbit.
    const nerve = Math.hypot(mirrored - 31 + (y + 58) * 0.35, z + 37);
    return eye > 13 && y > -62 && nerve < 2.2 ? t.white : Math.abs(eye - 17.5) < 1 ? t.muscle : t.fat;
  }
  if (under > -3.2) return t.bone;
  if (y < -26 && mirrored < 13 && z < -26) {
    // Septum and turbinates stand in the air of the nose.
    const turbinate = Math.hypot(mirrored - 7.5, (z + 52) % 14) < 3.4;
    return mirrored < 1.2 || turbinate || mirrored > 12 ? t.muscle : t.air;
  }
  if (ovalLevel(mirrored - 28, y + 48, z + 66, 13, 15, 16) < 1) return t.air;
  if (y > 6 && y < 40 && mirrored > 42 && z > -62) {
    return spaceNoise(mirrored / 4, y / 4, z / 4, 31) > 0.1 ? t.air : t.bone;
  }
  if (y > -30 && y < 44 && z > -54) return t.bone;
  const fibre = spaceNoise(mirrored / 7, y / 10, z / 22, 71);
  return fibre > 0.3 ? t.fat : t.muscle;
}

function brain(x: number, mirrored: number, y: number, z: number, depth: number): number {
  const t = headTissue;
  if (depth < 1.7) return t.fluid;
  const deep = deepStructures(mirrored, y, z);
  if (deep >= 0) return deep;
  // Midline cleft down to the corpus callosum, and the lateral (Sylvian) fissure, both a little wavy.
  const wave = 1.4 * spaceNoise(y / 11, z / 11, 3.5, 41);
  const callosum = 27 - 0.0085 * (y - 2) * (y - 2);
  const buried = y > -52 && y < 50 ? Math.max(0, callosum - z) : 0;
  const cleft = Math.hypot(x + 0.5 * wave, buried);
  const opening = Math.hypot(Math.max(0, 38 - mirrored), Math.max(0, y - 24, -28 - y));
  const sylvian = Math.hypot((z + 6 - 0.62 * (y + 12) + 2 * wave) * 0.85, opening);
  const furrow = Math.min(cleft, sylvian);
  if (furrow < 1.1) return t.fluid;
  // Around the ventricles there is white matter, however near the cleft's bottom is.
  const folded = buried > 0 ? Math.min(sylvian, cleft + 2 * buried) : furrow;
  return foldedCortex(x, y, z, Math.min(depth - 1.7, folded - 1.1));
}

/**
 * Cortex folded along the zero surfaces of a smooth noise. The distance to such a surface is |n| / |∇n|, which keeps
 * the ribbon of cortex about three millimetres thick; furrows thin out towards the depth.
 */
function foldedCortex(x: number, y: number, z: number, surface: number): number {
  const t = headTissue;
  if (surface > 26) return t.white;
  const here = foldNoise(x, y, z);
  const step = 0.8;
  const gx = foldNoise(x + step, y, z) - here;
  const gy = foldNoise(x, y + step, z) - here;
  const gz = foldNoise(x, y, z + step) - here;
  const slope = Math.sqrt(gx * gx + gy * gy + gz * gz) / step;
  const away = Math.abs(here) / Math.max(slope, 0.035);
  const reach = 15 + 5 * spaceNoise(x / 21, y / 21, z / 21, 53);
  const open = 1 - surface / reach;
  if (open > 0 && away < 0.25 + 0.75 * open) return t.fluid;
  if (surface < 2.8) return t.grey;
  return open > -0.16 && away < 3.3 ? t.grey : t.white;
}

function foldNoise(x: number, y: number, z: number): number {
  return spaceNoise(x / 14, y / 14, z / 16, 11) + 0.32 * spaceNoise(x / 6.5, y / 6.5, z / 7.5, 12);
}

/** Cerebellum, brain stem, the fluid and bone around them; −1 where the point is not under the tentorium. */
function hindBrain(x: number, mirrored: number, y: number, z: number, depth: number): number {
  const t = headTissue;
  const stemRadius = z > -24 ? 14.5 : z > -50 ? 14 : 8.2;
  const stem = Math.hypot(x, (y - 15 - 0.1 * (-20 - z)) * 1.05);
  if (z < -11 && stem < stemRadius) return z > -50 && z < -26 && y < 15 && stem < 9 ? t.deepGrey : t.white;
  const tentorium = tentoriumZMm(mirrored, y);
  if (z > tentorium || depth < 0) return -1;
  if (Math.hypot(x / 1.2, y - 36, (z + 36) / 1.4) < 5.6) return t.fluid;
  if (stem < stemRadius + 3.6) return t.fluid;
  const lobe = Math.sqrt(ovalLevel(mirrored - 17, y - 47, z + 32, 35, 30, 32));
  const vermis = Math.sqrt(ovalLevel(mirrored, y - 47, z + 32, 14, 28, 30));
  const inside = Math.min(lobe, vermis);
  const toEdge = Math.min(28 * (1 - inside), depth, tentorium - z);
  if (y < 6) return -1;
  if (toEdge < 0) return toEdge < -1.5 ? -1 : t.fluid;
  if (toEdge < 0.9) return t.fluid;
  // Thin leaves around a white core.
  if (inside < 0.5 && lobe < vermis) return t.white;
  const bend = 2.2 * spaceNoise(x / 13, y / 13, z / 13, 23);
  const leaf = Math.sin(1.7 * Math.hypot(mirrored * 0.45, y - 24, (z + 30) * 1.3) + bend);
  return leaf > 0.9 ? t.fluid : leaf < -0.6 && inside < 0.9 ? t.white : t.grey;
}

/** Ventricles, thalamus, caudate and lentiform nucleus; −1 elsewhere. */
function deepStructures(mirrored: number, y: number, z: number): number {
  const t = headTissue;
  if (mirrored > 46 || y < -50 || y > 72 || z < -28 || z > 34) return -1;
  for (const [from, to, width] of ventricle) {
    const ux = to[0] - from[0];
    const uy = to[1] - from[1];
    const uz = to[2] - from[2];
    const px = mirrored - from[0];
    const py = y - from[1];
    const pz = z - from[2];
    let along = (px * ux + py * uy + pz * uz) / (ux * ux + uy * uy + uz * uz);
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    // Taller than wide.
    const distance = Math.hypot((px - along * ux) * 1.15, py - along * uy, (pz - along * uz) * 0.85);
    if (distance < width) return t.fluid;
  }
  if (mirrored < 1.9 && y > -16 && y < 17 && z > -12 && z < 11) return t.fluid;
  if (ovalLevel(mirrored - 11.5, y - 8, z - 4, 9, 15, 9) < 1) return t.deepGrey;
  if (ovalLevel(mirrored - 15, y + 24, z - 11, 4.6, 11, 10) < 1) return t.deepGrey;
  if (ovalLevel(mirrored - 26, y + 4, z - 2, 6, 19, 12) < 1) return t.deepGrey;
  return -1;
}

function ovalLevel(dx: number, dy: number, dz: number, rx: number, ry: number, rz: number): number {
  return (dx / rx) ** 2 + (dy / ry) ** 2 + (dz / rz) ** 2;
}
