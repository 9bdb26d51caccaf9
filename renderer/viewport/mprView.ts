import { cache, type Types, volumeLoader } from '@cornerstonejs/core';
import type { FrameAttributes, Vector3 } from '../../app/domains/imaging/frameAttributes.ts';
import {
  addScaled,
  dot,
  type ProvenVolume,
  proveVolume,
  subtract,
  type VolumeRefusal,
} from '../../app/domains/imaging/geometryRules.ts';
import { isHounsfield } from '../../app/domains/imaging/measurementRules.ts';
import { type EdgeLetters, lettersOf, noLetters, oppositeLetters } from '../../app/domains/imaging/orientationRules.ts';
import { presetsFor, type WindowPreset } from '../../app/domains/imaging/windowPresets.ts';
import { imageIdOf, type LoadedFrame } from './cornerstoneFrames.ts';
import type { DrawingBoard } from './drawingBoard.ts';
import { volumeFidelity } from './fidelity.ts';
import type { FrameLibrary } from './frameLibrary.ts';
import { codeOf } from './frameTransfer.ts';
import { MprPlane, type PlaneName, planeNames } from './mprPlane.ts';
import { draggedWindow, drawableWindow, greyNodes, type PictureWindow, windowOf } from './pictureWindow.ts';
import { framesIn, type StackSeries } from './stackFrames.ts';
import { type Fidelity, Watched } from './viewState.ts';

/** One plane as it is drawn. */
export interface PlaneState {
  readonly name: PlaneName;
  readonly letters: EdgeLetters;
  /** Where the plane lies along its normal: patient mm, growing to L, P or H. */
  readonly positionMm: number;
  /** Screen pixels a millimetre takes. */
  readonly pxPerMm: number;
}

export interface MprState {
  readonly status: 'empty' | 'loading' | 'shown' | 'refused' | 'failed' | 'lost';
  readonly refusal: VolumeRefusal | undefined;
  readonly failureCode: string | undefined;
  readonly loadedCount: number;
  readonly count: number;
  /** Attributes that hold for the whole volume: its first slice's. */
  readonly attributes: FrameAttributes | undefined;
  readonly window: PictureWindow | undefined;
  readonly isInverted: boolean;
  /** Of all slices together; undefined until they are there. */
  readonly fidelity: Fidelity | undefined;
  readonly planes: readonly PlaneState[];
  /** The crosshair, patient mm, and the value of the voxel there. */
  readonly pointMm: Vector3 | undefined;
  readonly value: { readonly value: number; readonly unit: string } | undefined;
}

const emptyState: MprState = {
  status: 'empty',
  refusal: undefined,
  failureCode: undefined,
  loadedCount: 0,
  count: 0,
  attributes: undefined,
  window: undefined,
  isInverted: false,
  fidelity: undefined,
  planes: [],
  pointMm: undefined,
  value: undefined,
};

type VoxelArray = Uint8Array | Int16Array | Uint16Array | Float32Array;

let volumes = 0;

/** Three planes through one proven volume, held together by a crosshair. What is not a proven volume is refused, with the reason. */
export class MprView {
  readonly state = new Watched<MprState>(emptyState);
  readonly planes: readonly MprPlane[];
  readonly #library: FrameLibrary;
  readonly #isTrusted: () => boolean;
  #generation = 0;
  #imageIds: readonly string[] = [];
  #volumeId: string | undefined;
  #volume: ProvenVolume | undefined;
  #slices: readonly LoadedFrame[] = [];
  #voxels: VoxelArray | undefined;
  #point: Vector3 | undefined;
  #window: PictureWindow | undefined;
  #isInverted = false;

  constructor(
    roots: readonly [HTMLElement, HTMLElement, HTMLElement],
    board: DrawingBoard,
    library: FrameLibrary,
    isTrusted: () => boolean,
    onActivated: (plane: number) => void,
  ) {
    this.#library = library;
    this.#isTrusted = isTrusted;
    this.planes = planeNames.map(
      (name, index) =>
        new MprPlane(name, roots[index]!, board, {
          moveTo: (point) => this.moveTo(point),
          scrollBy: (steps, normal) => this.#scroll(steps, normal),
          dragWindow: (dx, dy) => this.dragWindow(dx, dy),
          reattached: () => void this.#mount(),
          lost: () => this.#set({ status: 'lost' }),
          drawn: () => this.#drawn(),
          activated: () => onActivated(index),
        }),
    );
  }

  /** Cuts a series in three planes, once it is proven to be a volume and all of it is here. */
  async showSeries(series: StackSeries): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#leave();
    const held = this.#library.hold(series.instances, framesIn);
    this.#imageIds = held.imageIds;
    const proof = proveVolume(held.frames);
    if ('refusal' in proof) {
      this.#set({ status: 'refused', refusal: proof.refusal, count: held.frames.length, attributes: held.frames[0] });
      return;
    }
    this.#volume = proof.volume;
    this.#set({ status: 'loading', count: held.frames.length, attributes: proof.volume.frames[0] });
    try {
      await this.#load(proof.volume, generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#set({ status: 'failed', failureCode: codeOf(error) });
    }
  }

  /** Puts the crosshair at a place in the patient, held inside the volume. */
  moveTo(pointMm: Vector3): void {
    const volume = this.#volume;
    if (!volume) return;
    const offset = subtract(pointMm, volume.originMm);
    const axes = [volume.rowDirection, volume.columnDirection, volume.normal];
    let inside = volume.originMm;
    axes.forEach((axis, index) => {
      const most = (volume.dimensions[index]! - 1) * volume.spacingMm[index]!;
      inside = addScaled(inside, axis, Math.min(most, Math.max(0, dot(offset, axis))));
    });
    this.#point = inside;
    for (const plane of this.planes) plane.cutAt(inside);
    this.#publish();
  }

  /** Moves a plane along its normal by whole voxels, as the wheel does. */
  scrollPlane(index: number, steps: number): void {
    const plane = this.planes[index] ?? this.planes[0];
    if (plane) this.#scroll(-steps, plane.positiveNormal);
  }

  get presets(): WindowPreset[] {
    const attributes = this.#volume?.frames[0];
    return attributes ? presetsFor(attributes, isHounsfield(attributes)) : [];
  }

  applyPreset(key: number): boolean {
    const preset = this.presets.find((each) => each.key === key);
    const [first] = this.#slices;
    if (!preset || !first) return false;
    this.setWindow(key === 1 ? windowOf(first) : preset);
    return true;
  }

  setWindow(window: PictureWindow): void {
    this.#window = drawableWindow(window);
    this.#paint();
  }

  dragWindow(dx: number, dy: number): void {
    if (this.#window) this.setWindow(draggedWindow(this.#window, dx, dy));
  }

  toggleInverted(): void {
    this.#isInverted = !this.#isInverted;
    this.#paint();
  }

  reset(): void {
    const [first] = this.#slices;
    this.#isInverted = false;
    if (first) this.#window = windowOf(first);
    for (const plane of this.planes) plane.reset();
    this.#paint();
    const volume = this.#volume;
    if (volume) this.moveTo(centreOf(volume));
  }

  /** The slice of the series nearest to the crosshair, to go back to it. */
  get nearestSlice(): FrameAttributes | undefined {
    const volume = this.#volume;
    if (!volume || !this.#point) return undefined;
    const along = dot(subtract(this.#point, volume.originMm), volume.normal) / volume.spacingMm[2];
    return volume.frames[Math.min(volume.frames.length - 1, Math.max(0, Math.round(along)))];
  }

  close(): void {
    this.#generation += 1;
    for (const plane of this.planes) plane.close();
    this.#leave();
  }

  #leave(): void {
    for (const plane of this.planes) plane.blank();
    if (this.#volumeId) {
      const slices = Array.from(
        { length: this.#volume?.dimensions[2] ?? 0 },
        (_, index) => `${this.#volumeId}_slice_${index}`,
      );
      if (cache.getVolume(this.#volumeId)) cache.removeVolumeLoadObject(this.#volumeId);
      for (const imageId of slices) if (cache.isLoaded(imageId)) cache.removeImageLoadObject(imageId, { force: true });
    }
    this.#library.release(this.#imageIds);
    this.#imageIds = [];
    this.#volumeId = undefined;
    this.#volume = undefined;
    this.#slices = [];
    this.#voxels = undefined;
    this.#point = undefined;
    this.state.set(emptyState);
  }

  async #load(volume: ProvenVolume, generation: number): Promise<void> {
    let loadedCount = 0;
    let lastTold = 0;
    const slices = await Promise.all(
      volume.frames.map(async (frame) => {
        const image = await this.#library.load(imageIdOf(frame), 'near');
        loadedCount += 1;
        if (generation === this.#generation && performance.now() - lastTold > 200) {
          lastTold = performance.now();
          this.#set({ loadedCount });
        }
        return image.salus;
      }),
    );
    if (generation !== this.#generation) return;
    this.#slices = slices;
    this.#window ??= windowOf(slices[Math.floor(slices.length / 2)]!);
    this.#voxels = joined(slices, volume);
    this.#set({ fidelity: volumeFidelity(slices, this.#isTrusted()) });
    this.#point = centreOf(volume);
    await this.#mount();
  }

  async #mount(): Promise<void> {
    const volume = this.#volume;
    const voxels = this.#voxels;
    if (!volume || !voxels || !this.#point) return;
    const generation = this.#generation;
    if (!this.#volumeId) {
      volumes += 1;
      this.#volumeId = `salus-volume-${volumes}`;
      const [x, y, z] = [volume.rowDirection, volume.columnDirection, volume.normal];
      volumeLoader.createLocalVolume(this.#volumeId, {
        scalarData: voxels,
        dimensions: [...volume.dimensions] as Types.Point3,
        spacing: [...volume.spacingMm] as Types.Point3,
        origin: [...volume.originMm] as Types.Point3,
        direction: [...x, ...y, ...z] as unknown as Types.Mat3,
        metadata: {
          FrameOfReferenceUID: volume.frames[0]!.frameOfReferenceUid,
          Modality: 'OT',
          voiLut: [{ windowCenter: 0, windowWidth: 1 }],
        } as unknown as Types.Metadata,
      });
    }
    for (const plane of this.planes) await plane.mount(this.#volumeId);
    if (generation !== this.#generation) return;
    this.#paint();
    this.#set({ status: 'shown', loadedCount: volume.frames.length });
    this.moveTo(this.#point);
    for (const plane of this.planes) plane.show();
    await this.#drawAgain(generation);
  }

  /**
   * The texture of a volume is filled while its first plane is drawn, which may come out black though Cornerstone says
   * it was rendered. So every plane is drawn once more when the first pass is over.
   */
  async #drawAgain(generation: number): Promise<void> {
    for (let pass = 0; pass < 2; pass += 1) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (generation !== this.#generation) return;
      for (const plane of this.planes) plane.show();
    }
  }

  #paint(): void {
    const [first] = this.#slices;
    if (!first || !this.#window) return;
    for (const plane of this.planes) plane.paint(greyNodes(first, this.#window, this.#isInverted));
    this.#publish();
  }

  #scroll(steps: number, normal: Vector3): void {
    const volume = this.#volume;
    if (!volume || !this.#point) return;
    const axes = [volume.rowDirection, volume.columnDirection, volume.normal];
    // One step is one voxel of the axis that lies nearest to the plane's normal.
    const best = axes.reduce(
      (found, axis, index) => (Math.abs(dot(axis, normal)) > Math.abs(dot(axes[found]!, normal)) ? index : found),
      0,
    );
    this.moveTo(addScaled(this.#point, normal, steps * volume.spacingMm[best]!));
  }

  #valueAt(pointMm: Vector3): MprState['value'] {
    const volume = this.#volume;
    if (!volume) return undefined;
    const offset = subtract(pointMm, volume.originMm);
    const [column, row, slice] = [volume.rowDirection, volume.columnDirection, volume.normal].map((axis, index) =>
      Math.round(dot(offset, axis) / volume.spacingMm[index]!),
    );
    const frame = this.#slices[slice!];
    const stored = frame?.stored[row! * volume.dimensions[0] + column!];
    if (!frame || stored === undefined) return undefined;
    return { value: frame.scale.toModality(stored), unit: this.#isTrusted() ? frame.scale.unit : '1' };
  }

  #drawn(): void {
    if (this.state.get().status === 'shown') this.#publish();
  }

  #publish(): void {
    const point = this.#point;
    const planes = this.planes.map((plane): PlaneState => {
      const drawn = plane.drawnDirections();
      const letters = drawn
        ? {
            right: lettersOf(drawn.right),
            left: oppositeLetters(lettersOf(drawn.right)),
            bottom: lettersOf(drawn.down),
            top: oppositeLetters(lettersOf(drawn.down)),
          }
        : noLetters;
      return {
        name: plane.name,
        letters,
        positionMm: point ? dot(point, plane.positiveNormal) : 0,
        pxPerMm: this.#isTrusted() ? plane.pxPerMm() : 0,
      };
    });
    this.#set({
      planes,
      pointMm: point,
      value: point && this.#valueAt(point),
      window: this.#window,
      isInverted: this.#isInverted,
    });
  }

  #set(change: Partial<MprState>): void {
    this.state.set({ ...this.state.get(), ...change });
  }
}

function centreOf(volume: ProvenVolume): Vector3 {
  const half = (index: number) => Math.floor((volume.dimensions[index]! - 1) / 2) * volume.spacingMm[index]!;
  return addScaled(
    addScaled(addScaled(volume.originMm, volume.rowDirection, half(0)), volume.columnDirection, half(1)),
    volume.normal,
    half(2),
  );
}

/** All slices in one array of the type they share; floats where the graphics card has no such type. */
function joined(slices: readonly LoadedFrame[], volume: ProvenVolume): VoxelArray {
  const [columns, rows, count] = volume.dimensions;
  const length = columns * rows;
  const first = slices[0]!.stored;
  const total = length * count;
  const voxels: VoxelArray =
    first instanceof Uint8Array
      ? new Uint8Array(total)
      : first instanceof Int16Array || first instanceof Int8Array
        ? new Int16Array(total)
        : first instanceof Uint16Array
          ? new Uint16Array(total)
          : new Float32Array(total);
  for (const [index, { stored }] of slices.entries()) voxels.set(stored, index * length);
  return voxels;
}
