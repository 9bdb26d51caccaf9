/** What the order of a series is found from. Position in mm (LPS), orientation as six direction cosines; empty when unknown. */
export interface PlacedInstance {
  readonly instanceNumber: number | null;
  readonly positionMm: readonly number[];
  readonly orientation: readonly number[];
  readonly frames: number;
}

/** Largest difference of two direction cosines that is still one orientation (a tenth of a degree). */
const sameDirection = 0.002;
/** Slices closer than this along the normal are at one place, mm. */
const samePlaceMm = 0.001;

/**
 * The order in which the instances of a series are shown. By their place along the common normal (PS3.3 C.7.6.2.1.1)
 * when that is proven: every instance is one plane with a position, all orientations are equal, and no two lie at one
 * place. The end that has the lower instance number comes first. Otherwise by instance number, those without one last.
 *
 * @returns indexes into `instances`
 */
export function displayOrder(instances: readonly PlacedInstance[]): number[] {
  const byNumber = instances
    .map((_, index) => index)
    .sort((left, right) => compareNumbers(instances[left], instances[right]) || left - right);
  const places = placesAlongNormal(instances);
  if (places === null) return byNumber;
  const order = instances
    .map((_, index) => index)
    .sort((left, right) => (places[left] as number) - (places[right] as number));
  for (let index = 1; index < order.length; index += 1) {
    if ((places[order[index] as number] as number) - (places[order[index - 1] as number] as number) < samePlaceMm)
      return byNumber;
  }
  const first = instances[order[0] as number]?.instanceNumber;
  const last = instances[order.at(-1) as number]?.instanceNumber;
  return typeof first === 'number' && typeof last === 'number' && first > last ? order.reverse() : order;
}

function placesAlongNormal(instances: readonly PlacedInstance[]): number[] | null {
  const reference = instances[0]?.orientation;
  if (instances.length < 2 || reference === undefined || reference.length !== 6) return null;
  const [rowX, rowY, rowZ, columnX, columnY, columnZ] = reference as [number, number, number, number, number, number];
  const normal = [
    rowY * columnZ - rowZ * columnY,
    rowZ * columnX - rowX * columnZ,
    rowX * columnY - rowY * columnX,
  ] as const;
  // Cosines that are no unit vectors at right angles prove nothing.
  if (Math.abs(Math.hypot(...normal) - 1) > 0.01) return null;
  const places: number[] = [];
  for (const { positionMm, orientation, frames } of instances) {
    if (frames !== 1 || positionMm.length !== 3 || orientation.length !== 6) return null;
    if (orientation.some((cosine, index) => Math.abs(cosine - (reference[index] as number)) > sameDirection))
      return null;
    places.push(
      normal[0] * (positionMm[0] as number) +
        normal[1] * (positionMm[1] as number) +
        normal[2] * (positionMm[2] as number),
    );
  }
  return places;
}

function compareNumbers(left: PlacedInstance | undefined, right: PlacedInstance | undefined): number {
  const a = left?.instanceNumber ?? Number.POSITIVE_INFINITY;
  const b = right?.instanceNumber ?? Number.POSITIVE_INFINITY;
  return a === b ? 0 : a - b;
}
