import { type Arms, axisYMm, heart, type Posture, pleuraRadius, profile, spineYMm } from './chestShape.ts';
import type { Ellipsoid, Plate, PointMm, Rod } from './softShapes.ts';

/** A solid and the Hounsfield value it is painted with. */
export type Organ = { readonly value: number } & (
  | { readonly kind: 'rod'; readonly shape: Rod }
  | { readonly kind: 'ellipsoid'; readonly shape: Ellipsoid }
);

/** Hounsfield values of the tissues, with contrast medium in the vessels or without. */
export interface TissueValues {
  readonly aorta: number;
  readonly pulmonaryArtery: number;
  readonly vein: number;
  readonly chamber: number;
  readonly myocardium: number;
  readonly lungVessel: number;
  readonly liver: number;
  readonly spleen: number;
  readonly thyroid: number;
}

export const withContrast: TissueValues = {
  aorta: 190,
  pulmonaryArtery: 205,
  vein: 240,
  chamber: 180,
  myocardium: 105,
  lungVessel: 120,
  liver: 95,
  spleen: 112,
  thyroid: 150,
};

export const withoutContrast: TissueValues = {
  aorta: 42,
  pulmonaryArtery: 42,
  vein: 42,
  chamber: 42,
  myocardium: 46,
  lungVessel: 40,
  liver: 58,
  spleen: 50,
  thyroid: 95,
};

const wall = 45;
const air = -990;

/** The organs between the lungs, in the order they are painted: later ones lie over earlier ones. */
export function mediastinalOrgans(tissue: TissueValues): Organ[] {
  const t = tissue;
  const around = (radii: PointMm, shrink: number): PointMm => [radii[0] - shrink, radii[1] - shrink, radii[2] - shrink];
  const turnRad = heart.turnRad;
  return [
    oval(heart.centre, heart.radiiMm, -88, turnRad),
    oval(heart.centre, around(heart.radiiMm, 4.5), wall, turnRad),
    oval(heart.centre, around(heart.radiiMm, 6), t.myocardium, turnRad),
    // Left ventricle, right ventricle, right atrium, left atrium.
    oval([46, -20, -46], [27, 16, 25], t.chamber, 0.75),
    oval([12, -46, -42], [32, 15, 28], t.chamber + 8, 0.55),
    oval([-17, -24, -32], [17, 24, 28], t.chamber + 12, 0.1),
    oval([12, 6, -16], [31, 16, 20], t.chamber - 4, 0),
    ...tube((t.vein + t.liver) / 2, 11, [-12, 0, -200], [-16, -2, -96], [-17, -12, -52]),
    ...tube(t.vein + 20, 9, [-20, -20, -10], [-22, -16, 34], [-22, -22, 66]),
    ...tube(t.vein + 10, 7, [-22, -22, 64], [4, -36, 76], [20, -32, 92], [25, -20, 116], [28, -8, 200]),
    ...tube(t.vein + 10, 7, [-22, -22, 64], [-25, -24, 90], [-27, -18, 116], [-30, -6, 200]),
    ...tube(t.pulmonaryArtery, 13, [16, -40, -8], [20, -32, 12], [20, -20, 24]),
    ...tube(t.pulmonaryArtery, 10, [20, -18, 24], [-6, -4, 20], [-36, 6, 8]),
    ...tube(t.pulmonaryArtery, 10, [20, -20, 26], [40, 8, 14]),
    ...tube(t.chamber, 6, [12, 6, -12], [-30, 2, -10]),
    ...tube(t.chamber, 6, [12, 8, -10], [32, 10, -4]),
    ...tube(t.aorta, 15, [2, -20, -12], [-6, -24, 12], [-8, -22, 36], [-4, -14, 50]),
    ...tube(t.aorta, 13.5, [-4, -14, 50], [6, -2, 58], [16, 14, 56], [24, 28, 44]),
    ...tube(t.aorta, 12, [24, 28, 44], [26, 36, 20], [24, 38, -30], [16, 36, -100], [8, 30, -200]),
    ...tube(t.aorta, 6, [-4, -14, 58], [-14, -10, 84], [-24, -6, 108], [-30, 0, 200]),
    ...tube(t.aorta, 4, [4, -2, 62], [16, 0, 90], [28, 0, 200]),
    ...tube(t.aorta, 5, [14, 8, 60], [25, 14, 100], [34, 10, 128], [70, 4, 136], [130, 0, 132]),
    ...tube(t.vein - 40, 4, [-8, 36, -160], [-9, 34, 20], [-12, 26, 34], [-20, -4, 36]),
    ...tube(wall, 7, [6, 24, 200], [8, 26, 60], [4, 26, 0], [16, 16, -90], [40, -4, -112]),
    ...tube(-700, 2, [6, 23, 120], [8, 25, 60]),
    ...airway(8.6, [0, -6, 200], [0, 4, 100], [-1, 14, 34]),
    ...airway(6.6, [-2, 14, 34], [-20, 12, 20], [-34, 14, 8]),
    ...airway(6, [0, 14, 34], [22, 16, 18], [38, 16, 4]),
    oval([-16, 0, 132], [9, 10, 24], t.thyroid),
    oval([16, 0, 132], [9, 10, 23], t.thyroid),
  ];
}

/** Organs under the diaphragm. */
export function abdominalOrgans(tissue: TissueValues, posture: Posture): Organ[] {
  const gas = posture === 'supine' ? oval([62, -44, -106], [27, 15, 24], air) : oval([64, -6, -82], [30, 26, 13], air);
  return [
    oval([-58, 2, -122], [96, 104, 92], tissue.liver),
    oval([14, -46, -118], [62, 36, 44], tissue.liver),
    oval([60, -20, -112], [44, 46, 44], 60),
    oval([60, -20, -112], [41, 43, 41], 18),
    gas,
    oval([104, 44, -108], [25, 42, 40], tissue.spleen, -0.5),
  ];
}

/** The bones: outsides (compact bone) and insides (marrow) are painted one after the other. */
export interface Skeleton {
  readonly bones: readonly Rod[];
  readonly plates: readonly Plate[];
  readonly cartilages: readonly Rod[];
  readonly heads: readonly Ellipsoid[];
}

/** z of the middle of a vertebral body; 1 is the first thoracic one, 0 and below are cervical, 13 on lumbar. */
export function vertebraZMm(number: number): number {
  return number >= 1 ? 118 - 21.5 * (number - 1) : 118 + 17 * (1 - number);
}

export function skeleton(arms: Arms): Skeleton {
  const bones: Rod[] = [];
  const cartilages: Rod[] = [];
  const plates: Plate[] = [];
  const heads: Ellipsoid[] = [];
  for (const side of [-1, 1] as const) {
    for (let number = 1; number <= 12; number++) addRib(number, side, bones, cartilages);
    const at = (x: number, y: number, z: number): PointMm => [side * x, y, z];
    bones.push(...chain(5.2, 1, [at(17, -62, 80), at(44, -64, 92), at(82, -50, 106), at(138, -12, 118)]));
    const inferior = at(94, 93, -4);
    const superior = at(70, 78, 100);
    const glenoid = at(136, 36, 108);
    plates.push({ corners: [inferior, superior, glenoid], radiusMm: 1.9 });
    bones.push(...chain(3.6, 1, [inferior, at(122, 68, 58), glenoid]));
    bones.push(...chain(2.6, 1, [inferior, superior]));
    bones.push(...chain(3.6, 1.4, [at(76, 86, 80), at(112, 76, 106), at(146, 34, 128)]));
    if (arms === 'raised') {
      heads.push({ centre: at(141, 8, 132), radiiMm: [21, 22, 22] });
      bones.push(...chain(12, 1, [at(139, 4, 140), at(120, -8, 220)]));
    } else {
      heads.push({ centre: at(160, 14, 112), radiiMm: [23, 23, 23] });
      bones.push(...chain(12, 1, [at(166, 12, 104), at(186, 16, -20)]));
    }
  }
  for (const x of [-9, -6, -3, 0, 3, 6, 9]) {
    bones.push(
      ...chain(5, 1, [at3(x * 1.9, 78), at3(x * 1.7, 52)]),
      ...chain(4.8, 1, [at3(x, 50), at3(x, 0), at3(x * 1.2, -52)]),
    );
  }
  bones.push(...chain(3.5, 1, [at3(0, -52), at3(0, -74)]));
  for (let number = -3; number <= 15; number++) addArch(vertebraZMm(number), bones);
  return { bones, plates, cartilages, heads };
}

/** A point in the middle of the sternum's thickness. */
function at3(x: number, zMm: number): PointMm {
  return [
    x,
    axisYMm -
      profile(
        [
          [-80, 92],
          [0, 92],
          [50, 87],
          [80, 72],
        ],
        zMm,
      ),
    zMm,
  ];
}

const ribDropMm = [28, 44, 56, 66, 73, 78, 82, 84, 82, 72, 48, 28];
const ribEndRad = [2.45, 2.5, 2.52, 2.5, 2.46, 2.42, 2.36, 2.25, 2.12, 1.95, 1.45, 1.05];
const sternumEndZMm = [70, 48, 22, -4, -24, -42, -54];

function addRib(number: number, side: -1 | 1, bones: Rod[], cartilages: Rod[]): void {
  const start = 0.3;
  const end = ribEndRad[number - 1]!;
  const drop = ribDropMm[number - 1]!;
  const path: PointMm[] = [];
  const steps = Math.ceil((end - start) / 0.09);
  for (let step = 0; step <= steps; step++) {
    const turn = start + ((end - start) * step) / steps;
    const share = (turn - start) / (2.5 - start);
    // Ribs leave the spine level and fall fastest along the flank.
    const z = vertebraZMm(number) + 4 - drop * share ** 1.35 * (number === 1 ? 0.9 : 1);
    const cos = Math.sin(turn);
    const sin = Math.cos(turn);
    const radius = pleuraRadius(cos, sin, z) + 5;
    path.push([side * cos * radius, axisYMm + sin * radius, z]);
  }
  bones.push(...chain(number === 1 ? 3.9 : 3.5, number === 1 ? 1 : 1.75, path));
  const sternumZ = sternumEndZMm[number - 1];
  const last = path[path.length - 1]!;
  if (sternumZ !== undefined) {
    const target = at3(side * 19, sternumZ);
    const bend: PointMm = [
      (last[0] + target[0]) / 2,
      Math.min(last[1], target[1]) + 3,
      Math.min(last[2], sternumZ) + 2,
    ];
    cartilages.push(...chain(4.4, 1.4, [last, bend, target]));
  }
}

function addArch(zMm: number, bones: Rod[]): void {
  const y = spineYMm(zMm);
  for (const side of [-1, 1] as const) {
    bones.push(rod([side * 11, y + 9, zMm + 4], [side * 14, y + 22, zMm + 4], 4, 4));
    bones.push(rod([side * 13, y + 24, zMm - 10], [side * 13, y + 24, zMm + 10], 4.2, 4.2));
    bones.push(rod([side * 14, y + 23, zMm + 3], [side * 33, y + 31, zMm + 5], 4, 3.6));
    bones.push(rod([side * 12, y + 27, zMm], [0, y + 34, zMm - 4], 3.2, 3.2));
  }
  bones.push(rod([0, y + 34, zMm - 4], [0, y + 49, zMm - 22], 3.4, 2.8));
}

function rod(from: PointMm, to: PointMm, fromRadiusMm: number, toRadiusMm: number, flatten = 1): Rod {
  return { from, to, fromRadiusMm, toRadiusMm, flatten };
}

function chain(radiusMm: number, flatten: number, path: readonly PointMm[]): Rod[] {
  return path.slice(1).map((to, index) => rod(path[index]!, to, radiusMm, radiusMm, flatten));
}

function tube(value: number, radiusMm: number, ...path: PointMm[]): Organ[] {
  return chain(radiusMm, 1, path).map((shape) => ({ kind: 'rod', shape, value }));
}

function airway(radiusMm: number, ...path: PointMm[]): Organ[] {
  return [...tube(wall, radiusMm + 1.6, ...path), ...tube(air, radiusMm, ...path)];
}

function oval(centre: PointMm, radiiMm: PointMm, value: number, turnRad = 0): Organ {
  return { kind: 'ellipsoid', shape: { centre, radiiMm, turnRad }, value };
}
