/**
 * Painting of solid shapes into a sampled plane with soft edges, so that a voxel that a surface crosses holds the
 * mixture a scanner would measure (partial volume) instead of a stair-step.
 */

/** A point in patient millimetres (LPS: x to the left, y to the back, z to the head). */
export type PointMm = readonly [x: number, y: number, z: number];

/** The sampling of one axial plane: pixel centres at `originMm + index · spacingMm`, z is the same for all. */
export interface PlaneGrid {
  readonly columns: number;
  readonly rows: number;
  readonly originXMm: number;
  readonly originYMm: number;
  readonly spacingXMm: number;
  readonly spacingYMm: number;
  readonly thicknessMm: number;
}

/** One plane being painted; `values` is row-major, `columns × rows`. */
export interface Plane {
  readonly grid: PlaneGrid;
  readonly zMm: number;
  readonly values: Float32Array;
}

/** A tapered rod with round ends from one point to another; `flatten` > 1 makes it taller than wide (in z). */
export interface Rod {
  readonly from: PointMm;
  readonly to: PointMm;
  readonly fromRadiusMm: number;
  readonly toRadiusMm: number;
  readonly flatten?: number;
}

/** An ellipsoid with axes along x, y, z, or turned about z by `turnRad`. */
export interface Ellipsoid {
  readonly centre: PointMm;
  readonly radiiMm: PointMm;
  readonly turnRad?: number;
}

/** A plate: a triangle in space thickened by `radiusMm` on both sides. */
export interface Plate {
  readonly corners: readonly [PointMm, PointMm, PointMm];
  readonly radiusMm: number;
}

/**
 * Mixes `value` into the plane where the rod is, by the share of each voxel it fills. Rods thinner than a voxel keep
 * their volume: they are painted a voxel wide and fainter.
 *
 * @param share per-pixel factor (0–1) the mixture is limited to, e.g. the lung a vessel must stay in
 */
export function paintRod(plane: Plane, rod: Rod, value: number, share?: Float32Array): void {
  const { grid, zMm, values } = plane;
  const squash = 1 / (rod.flatten ?? 1);
  const [ax, ay] = rod.from;
  const [bx, by] = rod.to;
  const az = (rod.from[2] - zMm) * squash;
  const bz = (rod.to[2] - zMm) * squash;
  const halfThick = (grid.thicknessMm / 2) * squash;
  const widest = Math.max(rod.fromRadiusMm, rod.toRadiusMm);
  const reach = Math.max(widest, (grid.spacingXMm + grid.spacingYMm) / 4) + halfThick;
  if (Math.min(az, bz) > reach || Math.max(az, bz) < -reach) return;
  const ux = bx - ax;
  const uy = by - ay;
  const uz = bz - az;
  const lengthSquared = ux * ux + uy * uy + uz * uz || 1e-9;
  // Voxel extent across the rod decides how thin is too thin.
  const axialShare = (uz * uz) / lengthSquared;
  const fine = Math.min(grid.spacingXMm, grid.spacingYMm);
  const across = (Math.sqrt(1 - axialShare) * 2 * halfThick + fine) / 2 + (axialShare * fine) / 2;
  const margin = reach + Math.max(grid.spacingXMm, grid.spacingYMm);
  const span = columnSpan(grid, Math.min(ax, bx) - margin, Math.max(ax, bx) + margin);
  const rows = rowSpan(grid, Math.min(ay, by) - margin, Math.max(ay, by) + margin);
  for (let row = rows.first; row <= rows.last; row++) {
    const y = grid.originYMm + row * grid.spacingYMm;
    const py = y - ay;
    for (let column = span.first; column <= span.last; column++) {
      const px = grid.originXMm + column * grid.spacingXMm - ax;
      let t = (px * ux + py * uy - az * uz) / lengthSquared;
      if (t < 0) t = 0;
      else if (t > 1) t = 1;
      const dx = px - t * ux;
      const dy = py - t * uy;
      const dz = -az - t * uz;
      const distance = Math.sqrt(dx * dx + dy * dy + dz * dz);
      const radius = rod.fromRadiusMm + t * (rod.toRadiusMm - rod.fromRadiusMm);
      const drawn = radius > across / 2 ? radius : across / 2;
      if (distance > drawn + margin) continue;
      const near = distance > 1e-6 ? 1 / distance : 0;
      const width =
        distance > 1e-6
          ? (Math.abs(dx) * grid.spacingXMm + Math.abs(dy) * grid.spacingYMm + Math.abs(dz) * 2 * halfThick) * near
          : fine;
      let coverage = 0.5 + (drawn - distance) / width;
      if (coverage <= 0) continue;
      if (coverage > 1) coverage = 1;
      if (drawn > radius) coverage *= (radius * radius) / (drawn * drawn);
      const index = row * grid.columns + column;
      if (share) coverage *= share[index]!;
      values[index] = values[index]! + coverage * (value - values[index]!);
    }
  }
}

/** Mixes `value` into the plane where the ellipsoid is; see {@link paintRod} for the mixing. */
export function paintEllipsoid(plane: Plane, shape: Ellipsoid, value: number, share?: Float32Array): void {
  const { grid, zMm, values } = plane;
  const [cx, cy, cz] = shape.centre;
  const [rx, ry, rz] = shape.radiiMm;
  const dz = zMm - cz;
  if (Math.abs(dz) > rz + grid.thicknessMm) return;
  const cos = Math.cos(shape.turnRad ?? 0);
  const sin = Math.sin(shape.turnRad ?? 0);
  const reach = Math.max(rx, ry) + Math.max(grid.spacingXMm, grid.spacingYMm);
  const span = columnSpan(grid, cx - reach, cx + reach);
  const rows = rowSpan(grid, cy - reach, cy + reach);
  const zTerm = dz / rz;
  for (let row = rows.first; row <= rows.last; row++) {
    const py = grid.originYMm + row * grid.spacingYMm - cy;
    for (let column = span.first; column <= span.last; column++) {
      const px = grid.originXMm + column * grid.spacingXMm - cx;
      const u = (px * cos + py * sin) / rx;
      const v = (py * cos - px * sin) / ry;
      const level = u * u + v * v + zTerm * zTerm;
      if (level > 4) continue;
      // First-order distance to the surface: (|p|ₑ − 1) / |∇|, the gradient taken where the point is.
      const norm = Math.sqrt(level) || 1e-6;
      const gx = u / rx / norm;
      const gy = v / ry / norm;
      const gz = zTerm / rz / norm;
      const turnedX = Math.abs(gx * cos - gy * sin);
      const turnedY = Math.abs(gx * sin + gy * cos);
      const width = turnedX * grid.spacingXMm + turnedY * grid.spacingYMm + Math.abs(gz) * grid.thicknessMm || 1e-6;
      const coverage = 0.5 + (1 - norm) / width;
      if (coverage <= 0) continue;
      const index = row * grid.columns + column;
      const amount = (coverage > 1 ? 1 : coverage) * (share ? share[index]! : 1);
      values[index] = values[index]! + amount * (value - values[index]!);
    }
  }
}

/**
 * Mixes a sphere into the plane exactly: coverage by 5 × 5 × 9 samples of every voxel its surface crosses. For shapes
 * whose size is a stated answer.
 */
export function paintSphere(plane: Plane, centre: PointMm, diameterMm: number, value: number): void {
  const { grid, zMm, values } = plane;
  const radius = diameterMm / 2;
  if (Math.abs(zMm - centre[2]) > radius + grid.thicknessMm) return;
  const span = columnSpan(grid, centre[0] - radius - grid.spacingXMm, centre[0] + radius + grid.spacingXMm);
  const rows = rowSpan(grid, centre[1] - radius - grid.spacingYMm, centre[1] + radius + grid.spacingYMm);
  for (let row = rows.first; row <= rows.last; row++) {
    const py = grid.originYMm + row * grid.spacingYMm - centre[1];
    for (let column = span.first; column <= span.last; column++) {
      const px = grid.originXMm + column * grid.spacingXMm - centre[0];
      let inside = 0;
      for (let k = 0; k < 9; k++) {
        const sz = zMm - centre[2] + ((k - 4) / 9) * grid.thicknessMm;
        for (let j = 0; j < 5; j++) {
          const sy = py + ((j - 2) / 5) * grid.spacingYMm;
          for (let i = 0; i < 5; i++) {
            const sx = px + ((i - 2) / 5) * grid.spacingXMm;
            if (sx * sx + sy * sy + sz * sz <= radius * radius) inside++;
          }
        }
      }
      const index = row * grid.columns + column;
      if (inside > 0) values[index] = values[index]! + (inside / 225) * (value - values[index]!);
    }
  }
}

/** Mixes `value` into the plane where the plate is; see {@link paintRod} for the mixing. */
export function paintPlate(plane: Plane, plate: Plate, value: number): void {
  const { grid, zMm, values } = plane;
  const [a, b, c] = plate.corners;
  const reach = plate.radiusMm + grid.thicknessMm / 2;
  if (Math.min(a[2], b[2], c[2]) - reach > zMm || Math.max(a[2], b[2], c[2]) + reach < zMm) return;
  const fine = Math.min(grid.spacingXMm, grid.spacingYMm);
  const margin = plate.radiusMm + Math.max(grid.spacingXMm, grid.spacingYMm);
  const span = columnSpan(grid, Math.min(a[0], b[0], c[0]) - margin, Math.max(a[0], b[0], c[0]) + margin);
  const rows = rowSpan(grid, Math.min(a[1], b[1], c[1]) - margin, Math.max(a[1], b[1], c[1]) + margin);
  for (let row = rows.first; row <= rows.last; row++) {
    const y = grid.originYMm + row * grid.spacingYMm;
    for (let column = span.first; column <= span.last; column++) {
      const x = grid.originXMm + column * grid.spacingXMm;
      const distance = distanceToTriangle([x, y, zMm], a, b, c);
      const coverage = 0.5 + (plate.radiusMm - distance) / fine;
      if (coverage <= 0) continue;
      const index = row * grid.columns + column;
      values[index] = values[index]! + Math.min(coverage, 1) * (value - values[index]!);
    }
  }
}

/** Distance in mm from a point to a triangle (Ericson, Real-Time Collision Detection, §5.1.5). */
function distanceToTriangle(p: PointMm, a: PointMm, b: PointMm, c: PointMm): number {
  const ab = subtract(b, a);
  const ac = subtract(c, a);
  const ap = subtract(p, a);
  const d1 = dot(ab, ap);
  const d2 = dot(ac, ap);
  if (d1 <= 0 && d2 <= 0) return Math.sqrt(dot(ap, ap));
  const bp = subtract(p, b);
  const d3 = dot(ab, bp);
  const d4 = dot(ac, bp);
  if (d3 >= 0 && d4 <= d3) return Math.sqrt(dot(bp, bp));
  const cp = subtract(p, c);
  const d5 = dot(ab, cp);
  const d6 = dot(ac, cp);
  if (d6 >= 0 && d5 <= d6) return Math.sqrt(dot(cp, cp));
  const vc = d1 * d4 - d3 * d2;
  if (vc <= 0 && d1 >= 0 && d3 <= 0) return distanceTo(p, a, ab, d1 / (d1 - d3));
  const vb = d5 * d2 - d1 * d6;
  if (vb <= 0 && d2 >= 0 && d6 <= 0) return distanceTo(p, a, ac, d2 / (d2 - d6));
  const va = d3 * d6 - d5 * d4;
  if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    return distanceTo(p, b, subtract(c, b), (d4 - d3) / (d4 - d3 + (d5 - d6)));
  }
  const total = va + vb + vc;
  const v = vb / total;
  const w = vc / total;
  const nearest = subtract(ap, [ab[0] * v + ac[0] * w, ab[1] * v + ac[1] * w, ab[2] * v + ac[2] * w]);
  return Math.sqrt(dot(nearest, nearest));
}

function distanceTo(p: PointMm, start: PointMm, direction: PointMm, t: number): number {
  const d = subtract(subtract(p, start), [direction[0] * t, direction[1] * t, direction[2] * t]);
  return Math.sqrt(dot(d, d));
}

function subtract(a: PointMm, b: PointMm): PointMm {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function dot(a: PointMm, b: PointMm): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function columnSpan(grid: PlaneGrid, lowMm: number, highMm: number): Span {
  return {
    first: Math.max(0, Math.floor((lowMm - grid.originXMm) / grid.spacingXMm)),
    last: Math.min(grid.columns - 1, Math.ceil((highMm - grid.originXMm) / grid.spacingXMm)),
  };
}

function rowSpan(grid: PlaneGrid, lowMm: number, highMm: number): Span {
  return {
    first: Math.max(0, Math.floor((lowMm - grid.originYMm) / grid.spacingYMm)),
    last: Math.min(grid.rows - 1, Math.ceil((highMm - grid.originYMm) / grid.spacingYMm)),
  };
}
