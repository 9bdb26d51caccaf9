import { describe, expect, it } from 'vitest';
import { chestPhantom } from './chestPhantom.ts';
import {
  makeChestRadiograph,
  projectThickness,
  radiographPhantomOptions,
  radiographRays,
  relativeAttenuation,
} from './chestRadiographStudy.ts';
import { numbersOf, readImage } from './sampleReader.ts';
import { type RadiographTruth, radiographTruth } from './samplesTruth.ts';

const files = new Map<string, Uint8Array>();
for (const file of makeChestRadiograph()) files.set(file.relativePath, file.bytes);

describe('chest-radiograph', () => {
  const truth = radiographTruth();

  it('gives lengths at the detector only', () => {
    for (const bytes of files.values()) {
      const { dataset } = readImage(bytes);
      expect(numbersOf(dataset, 'x00181164')).toEqual([0.4, 0.4]);
      expect(dataset.elements['x00280030']).toBeUndefined();
      expect(dataset.elements['x00181114']).toBeUndefined();
    }
  });

  it.each(truth.views.map((view, index) => [view.view, view, index] as const))(
    '%s is the projection of the phantom',
    { timeout: 90_000 },
    (_, view, index) => {
      const image = readImage(files.get(`chest-radiograph/0${index + 1}/0001.dcm`)!);
      expect(image.dataset.string('x00280004')).toBe(view.photometric);
      const mm = (row: number, column: number): number => {
        // Mean over 6 × 6 pixels, brought back to millimetres of water.
        let sum = 0;
        for (let j = -3; j < 3; j++)
          for (let i = -3; i < 3; i++) sum += image.pixels[(row + j) * image.columns + column + i]!;
        const stored = view.photometric === 'MONOCHROME1' ? 4095 - sum / 36 : sum / 36;
        return stored / truth.storedPerMm;
      };
      const options = radiographPhantomOptions(truth, view.view);
      const thickness = projectThickness(options, truth, view.view);
      const without = projectThickness({ ...options, nodules: [{ ...truth.nodule, hu: -860 }] }, truth, view.view);
      for (const [row, column] of [
        [200, 512],
        [420, 300],
        [500, 700],
        [640, 512],
        [760, 400],
        [900, 512],
      ] as const) {
        let expected = 0;
        for (let j = -2; j < 1; j++)
          for (let i = -2; i < 1; i++)
            expected += thickness[(row / 2 + j + 1) * radiographRays + column / 2 + i + 1]! / 9;
        expect(Math.abs(mm(row, column) - Math.min(409.5, expected))).toBeLessThan(4);
      }
      // The same rays sampled anew, five times as finely along the ray and by themselves.
      for (const [ray, row] of [
        [150, 200],
        [256, 300],
        [330, 240],
      ] as const) {
        const again = rayThickness(truth, view.view, ray, row);
        expect(Math.abs(thickness[row * radiographRays + ray]! / again - 1)).toBeLessThan(0.03);
      }
      // The nodule alone: where its shadow lies, how wide it is and how much it absorbs.
      let sum = 0;
      let rows = 0;
      let columns = 0;
      let deepest = 0;
      for (let i = 0; i < thickness.length; i++) {
        const more = thickness[i]! - without[i]!;
        if (more <= 0.2) continue;
        sum += more;
        rows += more * (2 * Math.floor(i / radiographRays) + 0.5);
        columns += more * (2 * (i % radiographRays) + 0.5);
        deepest = Math.max(deepest, more);
      }
      expect(rows / sum).toBeCloseTo(view.nodulePlace.row, 0);
      expect(columns / sum).toBeCloseTo(view.nodulePlace.column, 0);
      const chord = truth.nodule.diameterMm * (1 + truth.nodule.hu / 1000 - 0.14);
      expect(Math.abs(deepest - chord)).toBeLessThan(2);
    },
  );

  it('shows air black in both photometric interpretations', () => {
    expect(readImage(files.get('chest-radiograph/01/0001.dcm')!).pixels[5]).toBe(0);
    expect(readImage(files.get('chest-radiograph/02/0001.dcm')!).pixels[5]).toBe(4095);
  });
});

/** Water-equivalent thickness along one ray, straight from the phantom at 0.5 mm steps. */
function rayThickness(truth: RadiographTruth, view: 'PA' | 'LL', ray: number, row: number): number {
  const raySpacing = (2 * truth.imagerPixelSpacingMm) / truth.magnification;
  const acrossMm = (ray - (radiographRays - 1) / 2) * raySpacing + (view === 'LL' ? truth.centreYMm : 0);
  const zMm = truth.centreZMm - (row - (radiographRays - 1) / 2) * raySpacing;
  const steps = 840;
  const along = { count: steps, origin: -210, spacing: 0.5 };
  const across = { count: 1, origin: acrossMm, spacing: raySpacing };
  const [x, y] = view === 'PA' ? [across, along] : [along, across];
  const grid = {
    columns: x.count,
    rows: y.count,
    originXMm: x.origin,
    originYMm: y.origin,
    spacingXMm: x.spacing,
    spacingYMm: y.spacing,
    thicknessMm: raySpacing,
  };
  const plane = chestPhantom(radiographPhantomOptions(truth, view), grid).planeAt(zMm);
  return plane.reduce((sum, hu) => sum + (hu > -1000 ? relativeAttenuation(hu) * 0.5 : 0), 0);
}
