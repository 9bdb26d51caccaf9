import {
  abdominalOrgans,
  mediastinalOrgans,
  type Organ,
  type Skeleton,
  skeleton,
  type TissueValues,
  vertebraZMm,
} from './chestAnatomy.ts';
import {
  type Arms,
  angleSteps,
  apexZMm,
  axisYMm,
  chestOutlines,
  diaphragmZMm,
  mediastinumHalfWidthMm,
  type Posture,
  profile,
  spineYMm,
} from './chestShape.ts';
import { growLungBranches, type LungBranches } from './lungVessels.ts';
import { lumpTile, type NoiseTile } from './seededRandom.ts';
import {
  type Ellipsoid,
  type Plane,
  type PlaneGrid,
  type PointMm,
  paintEllipsoid,
  paintPlate,
  paintRod,
  paintSphere,
} from './softShapes.ts';

/** A ball in the lung whose place, size and density are stated. */
export interface PhantomNodule {
  readonly centreMm: PointMm;
  readonly diameterMm: number;
  readonly hu: number;
}

/** Who lies in the phantom. */
export interface ChestPhantomOptions {
  readonly seed: string;
  readonly posture: Posture;
  readonly arms: Arms;
  readonly tissue: TissueValues;
  readonly nodules: readonly PhantomNodule[];
  readonly breasts: boolean;
  readonly table: boolean;
}

/** A phantom ready to be sampled on one grid. */
export interface ChestPhantom {
  /** Hounsfield values of the plane at `zMm`, noise-free, row-major; the array is reused by the next call. */
  planeAt(zMm: number): Float32Array;
}

const compactBone = 780;
const marrow = 240;
const air = -1000;

/**
 * A thorax as a mathematical phantom: body wall, lungs with vessels and bronchi, heart and great vessels, diaphragm
 * with liver, stomach and spleen, spine, ribs, sternum, shoulder girdle, and a CT table. Values in Hounsfield units,
 * coordinates in patient millimetres (LPS).
 */
export function chestPhantom(options: ChestPhantomOptions, grid: PlaneGrid): ChestPhantom {
  const clear = options.nodules.map((nodule) => ({ centre: nodule.centreMm, radiusMm: nodule.diameterMm / 2 + 4 }));
  const scene: Scene = {
    options,
    grid,
    maps: gridMaps(grid),
    texture: lumpTile(`${options.seed}:texture`, 512, 32, 0.7),
    branches: growLungBranches(options.seed, clear),
    bones: skeleton(options.arms),
    mediastinum: mediastinalOrgans(options.tissue),
    abdomen: abdominalOrgans(options.tissue, options.posture),
    values: new Float32Array(grid.columns * grid.rows),
    lung: new Float32Array(grid.columns * grid.rows),
    belly: new Float32Array(grid.columns * grid.rows),
    outside: new Float32Array(grid.columns * grid.rows),
  };
  return { planeAt: (zMm) => paintPlane(scene, zMm) };
}

interface Scene {
  readonly options: ChestPhantomOptions;
  readonly grid: PlaneGrid;
  readonly maps: GridMaps;
  readonly texture: NoiseTile;
  readonly branches: LungBranches;
  readonly bones: Skeleton;
  readonly mediastinum: readonly Organ[];
  readonly abdomen: readonly Organ[];
  readonly values: Float32Array;
  readonly lung: Float32Array;
  readonly belly: Float32Array;
  readonly outside: Float32Array;
}

function paintPlane(scene: Scene, zMm: number): Float32Array {
  const { grid, values, lung, belly, outside, options } = scene;
  const plane: Plane = { grid, zMm, values };
  fillTissues(scene, zMm);
  if (options.table) paintTable(plane);
  if (options.breasts) paintBreasts(plane, outside);
  for (const organ of scene.abdomen) paintOrgan(plane, organ, belly);
  for (const vessel of scene.branches.vessels) paintRod(plane, vessel, options.tissue.lungVessel, lung);
  for (const bronchus of scene.branches.bronchi) paintRod(plane, bronchus, -250, lung);
  for (const bronchus of scene.branches.bronchi) paintRod(plane, shrink(bronchus, 0.68, 0), -970, lung);
  for (const organ of scene.mediastinum) paintOrgan(plane, organ);
  paintSpine(plane);
  const { bones, plates, cartilages, heads } = scene.bones;
  for (const cartilage of cartilages) paintRod(plane, cartilage, 95);
  for (const plate of plates) paintPlate(plane, plate, 620);
  for (const bone of bones) paintRod(plane, bone, compactBone);
  for (const head of heads) paintEllipsoid(plane, head, compactBone);
  for (const bone of bones) paintRod(plane, shrink(bone, 1, 1.3), marrow);
  for (const head of heads) paintEllipsoid(plane, inner(head, 2), marrow);
  for (const nodule of options.nodules) paintSphere(plane, nodule.centreMm, nodule.diameterMm, nodule.hu);
  return values;
}

/** What of the tissue map depends on the grid alone, worked out once. */
interface GridMaps {
  readonly radius: Float32Array;
  readonly angle: Float32Array;
  /** Extent of a pixel along the line from the axis. */
  readonly radialWidth: Float32Array;
  readonly apex: Float32Array;
  readonly diaphragm: Float32Array;
}

function gridMaps(grid: PlaneGrid): GridMaps {
  const size = grid.columns * grid.rows;
  const maps: GridMaps = {
    radius: new Float32Array(size),
    angle: new Float32Array(size),
    radialWidth: new Float32Array(size),
    apex: new Float32Array(size),
    diaphragm: new Float32Array(size),
  };
  for (let row = 0; row < grid.rows; row++) {
    const y = grid.originYMm + row * grid.spacingYMm;
    const dy = y - axisYMm;
    for (let column = 0; column < grid.columns; column++) {
      const x = grid.originXMm + column * grid.spacingXMm;
      const index = row * grid.columns + column;
      const radius = Math.hypot(x, dy) || 1e-6;
      maps.radius[index] = radius;
      maps.angle[index] = ((Math.atan2(dy, x) / (2 * Math.PI) + 1) % 1) * angleSteps;
      maps.radialWidth[index] = (Math.abs(x) * grid.spacingXMm + Math.abs(dy) * grid.spacingYMm) / radius;
      maps.apex[index] = apexZMm(x, y);
      maps.diaphragm[index] = diaphragmZMm(x, y);
    }
  }
  return maps;
}

/** Body wall, chest cavity and lung tissue of a plane, and the shares of lung, belly and outside air per pixel. */
function fillTissues(scene: Scene, zMm: number): void {
  const { grid, maps, values, lung, belly, outside, texture } = scene;
  const { skin, muscle, pleura } = chestOutlines(zMm, scene.options.arms);
  const zWidth = 0.75 * grid.thicknessMm + 0.5 * grid.spacingXMm;
  const tileMask = texture.size - 1;
  // Two slowly rotating views of the texture tile, so that it changes from plane to plane without jumping.
  const phase = zMm / 9;
  const weightA = Math.cos(phase);
  const weightB = Math.sin(phase);
  const grainStep = grid.spacingXMm / 0.7;
  // Fat between the lungs, muscle in the root of the neck.
  const filling = profile(
    [
      [104, -98],
      [134, 38],
    ],
    zMm,
  );
  for (let row = 0; row < grid.rows; row++) {
    const y = grid.originYMm + row * grid.spacingYMm;
    const tileRow = Math.floor((row * grid.spacingYMm) / 0.7);
    const rowA = (tileRow & tileMask) * texture.size;
    const rowB = ((tileRow + 197) & tileMask) * texture.size;
    const right = mediastinumHalfWidthMm(y, zMm, false);
    const left = mediastinumHalfWidthMm(y, zMm, true);
    const lungTissue = -872 + 0.28 * (y + 40);
    for (let column = 0; column < grid.columns; column++) {
      const index = row * grid.columns + column;
      lung[index] = 0;
      belly[index] = 0;
      const step = Math.floor(maps.angle[index]!);
      const between = maps.angle[index]! - step;
      const radius = maps.radius[index]!;
      const width = maps.radialWidth[index]!;
      const depth = skin[step]! + between * (skin[step + 1]! - skin[step]!) - radius;
      const body = share(depth / width);
      outside[index] = 1 - body;
      if (body === 0) {
        values[index] = air;
        continue;
      }
      const tileColumn = Math.floor(column * grainStep);
      const lump =
        weightA * texture.values[rowA + (tileColumn & tileMask)]! +
        weightB * texture.values[rowB + ((tileColumn + 311) & tileMask)]!;
      let value = depth < 1.9 ? 5 : -104 + 7 * lump;
      const muscled = share((muscle[step]! + between * (muscle[step + 1]! - muscle[step]!) - radius) / width);
      if (muscled > 0) {
        const within = pleura[step]! + between * (pleura[step + 1]! - pleura[step]!) - radius;
        const across = -within / (muscle[step]! - pleura[step]!);
        value += muscled * (55 + 6 * lump - 120 * fatPlane(across, lump) - value);
        const cavity = share((within + 1) / width);
        if (cavity > 0) {
          const overDiaphragm = zMm - maps.diaphragm[index]!;
          const dome = overDiaphragm < 0 && overDiaphragm > -3.5 ? 55 : filling + 10 * lump;
          value += cavity * (dome - value);
          belly[index] = cavity * share((-overDiaphragm - 3) / zWidth);
          const x = grid.originXMm + column * grid.spacingXMm;
          const aside = x > 0 ? x - left : -x - right;
          let lungShare = Math.min(share(within / width), share(aside / grid.spacingXMm));
          if (lungShare > 0) {
            lungShare = Math.min(
              lungShare,
              share((0.75 * overDiaphragm) / zWidth),
              share((0.6 * (maps.apex[index]! - zMm)) / zWidth),
            );
          }
          if (lungShare > 0) {
            lung[index] = lungShare;
            const fissure = (y - 78 - 0.9 * (zMm - 62) - 0.0016 * x * x) / 1.35;
            const sheet = fissure > -3 && fissure < 3 ? 190 * Math.exp(-fissure * fissure) : 0;
            value += lungShare * (lungTissue + 16 * lump + sheet - value);
          }
        }
      }
      values[index] = air + body * (value - air);
    }
  }
}

/** How much fat there is between the muscle layers, by the share of the way from the pleura to the subcutis. */
function fatPlane(across: number, lump: number): number {
  const nearest = Math.min(Math.abs(across - 0.46 - 0.018 * lump), Math.abs(across - 0.78 - 0.014 * lump));
  return nearest < 0.04 ? 0.75 * (1 - nearest / 0.04) : 0;
}

function paintOrgan(plane: Plane, organ: Organ, limit?: Float32Array): void {
  if (organ.kind === 'rod') paintRod(plane, organ.shape, organ.value, limit);
  else paintEllipsoid(plane, organ.shape, organ.value, limit);
}

/** Vertebral bodies with end plates and discs, and the canal with the cord behind them. */
function paintSpine(plane: Plane): void {
  const { zMm, grid } = plane;
  const y = spineYMm(zMm);
  const wide = profileWidth(zMm);
  let nearest = Number.POSITIVE_INFINITY;
  for (let number = -3; number <= 15; number++) {
    const offset = zMm - vertebraZMm(number);
    if (Math.abs(offset) < Math.abs(nearest)) nearest = offset;
  }
  const half = zMm > 120 ? 6.6 : 8.6;
  const bone = share((half - Math.abs(nearest)) / grid.thicknessMm);
  const plate = bone * share((Math.abs(nearest) - half + 1.6) / grid.thicknessMm);
  const shell = 90 + bone * (620 - 90);
  const core = 90 + bone * (190 - 90) + plate * 330;
  const waist = 1 - 0.05 * (1 - Math.min(1, Math.abs(nearest) / half));
  const body = (inset: number): Ellipsoid => ({
    centre: [0, y, zMm],
    radiiMm: [wide * waist - inset, wide * 0.8 * waist - inset, 1e5],
  });
  paintEllipsoid(plane, body(0), shell);
  paintEllipsoid(plane, body(1.5), core);
  paintEllipsoid(plane, { centre: [0, y + 22, zMm], radiiMm: [9.5, 8, 1e5] }, 0);
  paintEllipsoid(plane, { centre: [0, y + 22, zMm], radiiMm: [5, 4.2, 1e5] }, 42);
}

function profileWidth(zMm: number): number {
  return zMm > 120 ? 13 : 16 + Math.min(4, Math.max(0, -zMm / 40));
}

function paintBreasts(plane: Plane, outside: Float32Array): void {
  for (const side of [-1, 1] as const) {
    const layer = (inset: number): Ellipsoid => ({
      centre: [side * 84, -78, -16],
      radiiMm: [60 - inset, 38 - inset, 60 - inset],
      turnRad: side * 0.38,
    });
    paintEllipsoid(plane, layer(0), 5, outside);
    paintEllipsoid(plane, layer(1.9), -104, outside);
    for (const [x, y, z, radius] of glandLobules) {
      const lobule: Ellipsoid = {
        centre: [side * x, y, z],
        radiiMm: [radius * 1.6, radius * 0.7, radius],
        turnRad: side * 0.3,
      };
      paintEllipsoid(plane, lobule, 10, outside);
    }
  }
}

const glandLobules = [
  [88, -99, -12, 14],
  [74, -102, -20, 10],
  [98, -97, -4, 9],
  [84, -104, -32, 9],
  [92, -105, -18, 8],
] as const;

/** A carbon shell with a foam core; the patient lies in its hollow. */
function paintTable(plane: Plane): void {
  const { grid, values } = plane;
  for (let row = 0; row < grid.rows; row++) {
    const y = grid.originYMm + row * grid.spacingYMm;
    if (y < 60) continue;
    for (let column = 0; column < grid.columns; column++) {
      const x = grid.originXMm + column * grid.spacingXMm;
      const top = y - (128 - (x * x) / 720);
      const bottom = 150 - (x * x) / 1900 - y;
      const inside = share(Math.min(top, bottom) / grid.spacingYMm);
      if (inside === 0) continue;
      const index = row * grid.columns + column;
      const material = Math.min(top, bottom) < 1.8 ? -160 : -935;
      values[index] = values[index]! + inside * (material - values[index]!);
    }
  }
}

function shrink<T extends { readonly fromRadiusMm: number; readonly toRadiusMm: number }>(
  rod: T,
  factor: number,
  byMm: number,
): T {
  return {
    ...rod,
    fromRadiusMm: Math.max(0.2, rod.fromRadiusMm * factor - byMm),
    toRadiusMm: Math.max(0.2, rod.toRadiusMm * factor - byMm),
  };
}

function inner(shape: Ellipsoid, byMm: number): Ellipsoid {
  const [x, y, z] = shape.radiiMm;
  return { ...shape, radiiMm: [x - byMm, y - byMm, z - byMm] };
}

/** The share of a pixel inside a surface `distance` pixel widths away (positive inside). */
function share(distance: number): number {
  return distance >= 0.5 ? 1 : distance <= -0.5 ? 0 : 0.5 + distance;
}
