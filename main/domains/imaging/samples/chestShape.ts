/**
 * Outlines of the thorax phantom as closed formulas: skin, chest wall, lungs, mediastinum, diaphragm. Everything is in
 * patient millimetres (LPS) with z = 0 a little below the carina; the outlines are star-shaped about the axis
 * x = 0, y = {@link axisYMm}, so that one radius per angle describes each.
 */

/** y of the axis that the outlines are drawn around. */
export const axisYMm = 5;

/** Steps of the angle tables; angle 0 points to the patient's left, a quarter turn on to the back. */
export const angleSteps = 1024;

/** Where the spine runs: y of the vertebral body centres (a thoracic kyphosis). */
export function spineYMm(zMm: number): number {
  return 58 - 0.0012 * (zMm + 15) * (zMm + 15);
}

/** A curve through (z, value) points with level tangents at each point; constant beyond the ends. */
export function profile(points: readonly (readonly [z: number, value: number])[], zMm: number): number {
  const first = points[0]!;
  if (zMm <= first[0]) return first[1];
  for (let i = 1; i < points.length; i++) {
    const [z1, v1] = points[i]!;
    if (zMm > z1) continue;
    const [z0, v0] = points[i - 1]!;
    const t = (zMm - z0) / (z1 - z0);
    return v0 + (v1 - v0) * t * t * (3 - 2 * t);
  }
  return points[points.length - 1]![1];
}

/** Lying or standing: where the air in the stomach collects. */
export type Posture = 'supine' | 'standing';

/** Arms over the head (CT, lateral view) or down with the shoulders rolled forward (postero-anterior view). */
export type Arms = 'raised' | 'down';

const bodyHalfWidth = {
  raised: [
    [-190, 158],
    [-120, 158],
    [-40, 160],
    [50, 164],
    [105, 171],
    [200, 168],
  ],
  down: [
    [-190, 160],
    [-40, 161],
    [20, 170],
    [70, 200],
    [112, 200],
    [150, 112],
    [172, 62],
    [220, 58],
  ],
} as const;
const bodyFront = {
  raised: [
    [-190, 96],
    [-120, 98],
    [-40, 104],
    [40, 102],
    [100, 88],
    [160, 76],
    [200, 76],
  ],
  down: [
    [-190, 96],
    [-120, 98],
    [-40, 104],
    [40, 102],
    [100, 88],
    [130, 70],
    [160, 58],
    [200, 58],
  ],
} as const;
const bodyBack = {
  raised: [
    [-190, 106],
    [-60, 114],
    [40, 118],
    [100, 114],
    [160, 90],
    [200, 86],
  ],
  down: [
    [-190, 106],
    [-60, 114],
    [40, 118],
    [100, 114],
    [130, 96],
    [160, 74],
    [200, 70],
  ],
} as const;
const chestHalfWidth = [
  [-190, 134],
  [-100, 137],
  [-30, 134],
  [40, 124],
  [85, 104],
  [118, 76],
  [150, 52],
  [200, 40],
] as const;
const chestFront = [
  [-190, 78],
  [-100, 84],
  [-30, 86],
  [40, 82],
  [85, 66],
  [118, 48],
  [150, 38],
  [200, 36],
] as const;
const chestBack = [
  [-190, 84],
  [-60, 92],
  [20, 93],
  [85, 80],
  [118, 60],
  [150, 48],
  [200, 44],
] as const;

/** Radii in mm from the axis, one per angle step, of the three outlines of a plane. */
export interface ChestOutlines {
  readonly skin: Float32Array;
  readonly muscle: Float32Array;
  readonly pleura: Float32Array;
}

/** The outlines of the plane at `zMm`. */
export function chestOutlines(zMm: number, arms: Arms): ChestOutlines {
  const skin = new Float32Array(angleSteps + 1);
  const muscle = new Float32Array(angleSteps + 1);
  const pleura = new Float32Array(angleSteps + 1);
  const neck = profile(
    [
      [115, 0],
      [155, 1],
    ],
    zMm,
  );
  const side = profile(bodyHalfWidth[arms], zMm);
  const front = profile(bodyFront[arms], zMm);
  const back = profile(bodyBack[arms], zMm);
  for (let step = 0; step <= angleSteps; step++) {
    const angle = (step / angleSteps) * 2 * Math.PI;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const outer = superRadius(cos, sin, side, front, back, 2.35);
    // Shallow furrow over the spine, and less fat at the back than at the flanks.
    const furrow = sin > 0 ? 4 * Math.exp(-((cos * outer) ** 2) / 200) : 0;
    skin[step] = outer - furrow;
    const fat = (1 - 0.6 * neck) * (9 + 6 * Math.abs(cos) + (sin < 0 ? 3 : 1) * Math.abs(sin) ** 3);
    muscle[step] = outer - furrow - fat;
    pleura[step] = pleuraRadius(cos, sin, zMm);
  }
  return { skin, muscle, pleura };
}

/** Radius in mm from the axis to the inside of the ribs in the direction (cos, sin), at height `zMm`. */
export function pleuraRadius(cos: number, sin: number, zMm: number): number {
  const plain = superRadius(
    cos,
    sin,
    profile(chestHalfWidth, zMm),
    profile(chestFront, zMm),
    profile(chestBack, zMm),
    2.3,
  );
  if (sin <= 0) return plain * (1 - 0.05 * Math.exp(-((cos * plain) ** 2) / 900));
  // The vertebral column stands into the chest; the lungs lie in the gutters beside it.
  const toSpine = Math.max(20, spineYMm(zMm) - 14 - axisYMm);
  return plain - (plain - toSpine) * Math.exp(-((cos * plain) ** 2) / 620);
}

/** Half-width in mm of the mediastinum between the lungs, at the depth and height given; right (−x) or left side. */
export function mediastinumHalfWidthMm(yMm: number, zMm: number, left: boolean): number {
  const front = profile(
    [
      [-60, 26],
      [-10, 14],
      [40, 7],
      [90, 22],
    ],
    zMm,
  );
  const middle =
    profile(
      [
        [-60, 34],
        [10, 31],
        [60, 29],
        [125, 27],
      ],
      zMm,
    ) + (left ? 3 : 0);
  const back =
    profile(
      [
        [-60, 21],
        [40, 19],
        [125, 24],
      ],
      zMm,
    ) + (left ? 5 : 0);
  return profile(
    [
      [-80, front],
      [-28, middle],
      [14, middle - 2],
      [44, back],
      [70, back],
    ],
    yMm,
  );
}

/** z in mm of the top of the lung over a point of the transverse plane. */
export function apexZMm(xMm: number, yMm: number): number {
  const dx = (Math.abs(xMm) - 46) / 40;
  const dy = (yMm - 16) / 44;
  return 128 - 26 * (dx * dx + dy * dy);
}

/** z in mm of the diaphragm under a point of the transverse plane; the right dome is higher. */
export function diaphragmZMm(xMm: number, yMm: number): number {
  const lateral = (Math.abs(xMm) - 66) / (Math.abs(xMm) > 66 ? 66 : 105);
  const deep = yMm > 0 ? yMm / 88 : yMm / 112;
  const fall = lateral * lateral + deep * deep;
  const toLeft = profile(
    [
      [-30, 0],
      [30, 1],
    ],
    xMm,
  );
  return Math.max(-124, -46 - 12 * toLeft - (66 - 6 * toLeft) * fall);
}

/** The heart's outline (with the fat around it), which the lungs give way to. */
export const heart = { centre: [24, -26, -36], radiiMm: [60, 46, 50], turnRad: 0.62 } as const;

/**
 * How deep in mm a point lies inside a lung (negative outside): the least distance to chest wall, mediastinum, apex,
 * diaphragm and heart. Approximate away from the surface.
 */
export function lungDepthMm(xMm: number, yMm: number, zMm: number): number {
  const dy = yMm - axisYMm;
  const radius = Math.hypot(xMm, dy) || 1e-6;
  const wall = pleuraRadius(xMm / radius, dy / radius, zMm) - radius;
  const medial = Math.abs(xMm) - mediastinumHalfWidthMm(yMm, zMm, xMm > 0);
  const top = 0.6 * (apexZMm(xMm, yMm) - zMm);
  const bottom = 0.75 * (zMm - diaphragmZMm(xMm, yMm));
  return Math.min(wall, medial, top, bottom, heartDistanceMm(xMm, yMm, zMm));
}

function heartDistanceMm(xMm: number, yMm: number, zMm: number): number {
  const cos = Math.cos(heart.turnRad);
  const sin = Math.sin(heart.turnRad);
  const px = xMm - heart.centre[0];
  const py = yMm - heart.centre[1];
  const u = (px * cos + py * sin) / heart.radiiMm[0];
  const v = (py * cos - px * sin) / heart.radiiMm[1];
  const w = (zMm - heart.centre[2]) / heart.radiiMm[2];
  return (Math.sqrt(u * u + v * v + w * w) - 1) * 48;
}

function superRadius(cos: number, sin: number, side: number, front: number, back: number, power: number): number {
  const across = Math.abs(cos) / side;
  const deep = Math.abs(sin) / (sin < 0 ? front : back);
  return (across ** power + deep ** power) ** (-1 / power);
}
