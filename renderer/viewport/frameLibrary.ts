import type { Types } from '@cornerstonejs/core';
import { cache, imageLoader, metaData } from '@cornerstonejs/core';
import type { DicomDataset } from '../../app/domains/imaging/dicomElements.ts';
import { type FrameAttributes, frameAttributesOf } from '../../app/domains/imaging/frameAttributes.ts';
import { valueScaleOf } from '../../app/domains/imaging/measurementRules.ts';
import {
  cornerstoneImage,
  framePath,
  frameScheme,
  imageIdOf,
  isColour,
  type LoadedFrame,
  layoutOf,
  plainPlane,
  type SalusImage,
} from './cornerstoneFrames.ts';
import type { DecodePool } from './decodePool.ts';
import { type FetchAsset, FrameError, fetchFrame } from './frameTransfer.ts';
import { lookupTableOf } from './tableValues.ts';

interface Entry {
  readonly attributes: FrameAttributes;
  /** Open series that hold the frame: the last one to leave removes it. */
  holders: number;
}

/**
 * Transfers at a time: a browser has six connections to a host (HTTP/1.1). One is kept for what the eye asks for, which
 * would otherwise wait for one of the frames ahead of it to arrive.
 */
const parallelTransfers = 6;
const parallelAhead = 5;

export type Urgency = 'seen' | 'near' | 'ahead';
const rank: Record<Urgency, number> = { seen: 0, near: 1, ahead: 2 };

interface Job {
  readonly imageId: string;
  urgency: Urgency;
  readonly run: () => Promise<void>;
}

/** Decoded frames kept in memory: a quarter of what the machine admits to, at most 2 GiB. */
function memoryBudget(): number {
  const gibibytes = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return Math.min(2, gibibytes / 4) * 2 ** 30;
}

/**
 * Every frame this window knows: description, loading by urgency, and Cornerstone's view of it. Cornerstone gets the
 * stored values and a plain plane of its own (one unit a column, at the origin); where a pixel lies in the patient, what
 * it measures and which window it wants are answered by the rules in app, from the attributes.
 */
export class FrameLibrary {
  readonly #entries = new Map<string, Entry>();
  /** Decoded frames, the least recently used first. Only what is drawn goes on to Cornerstone's own cache. */
  readonly #images = new Map<string, SalusImage>();
  readonly #pending = new Map<string, Promise<SalusImage>>();
  #bytes = 0;
  readonly #budget = memoryBudget();
  readonly #waiting: Job[] = [];
  readonly #controllers = new Map<string, AbortController>();
  #running = 0;
  readonly #fetchAsset: FetchAsset;
  readonly #pool: DecodePool;

  constructor(fetchAsset: FetchAsset, pool: DecodePool) {
    this.#fetchAsset = fetchAsset;
    this.#pool = pool;
    imageLoader.registerImageLoader(frameScheme, (imageId: string) => ({
      promise: this.load(imageId, 'seen') as Promise<Types.IImage>,
    }));
    cache.setMaxCacheSize(4 * 2 ** 30);
    metaData.addProvider(this.#provide, 10_000);
  }

  /** Holds a series' frames. Returns their image ids, in the order given. */
  hold(
    instances: readonly DicomDataset[],
    framesOf: (instance: DicomDataset) => number,
  ): { imageIds: string[]; frames: FrameAttributes[] } {
    const frames: FrameAttributes[] = [];
    for (const dataset of instances) {
      const count = framesOf(dataset);
      for (let frame = 1; frame <= count; frame += 1) {
        const attributes = frameAttributesOf(dataset, frame);
        const imageId = imageIdOf(attributes);
        const known = this.#entries.get(imageId);
        if (known) known.holders += 1;
        else this.#entries.set(imageId, { attributes, holders: 1 });
        frames.push(attributes);
      }
    }
    return { imageIds: frames.map(imageIdOf), frames };
  }

  /** Lets go of frames: what nobody else holds leaves every cache, and its loading stops. */
  release(imageIds: readonly string[]): void {
    for (const imageId of imageIds) {
      const entry = this.#entries.get(imageId);
      if (!entry) continue;
      entry.holders -= 1;
      if (entry.holders > 0) continue;
      this.#entries.delete(imageId);
      this.#controllers.get(imageId)?.abort();
      const waitingAt = this.#waiting.findIndex((job) => job.imageId === imageId);
      // A job whose entry is gone ends at once, with the reason.
      if (waitingAt >= 0) void this.#waiting.splice(waitingAt, 1)[0]!.run();
      // Who asks again, even while the old request is being broken off, gets a new one.
      this.#pending.delete(imageId);
      this.#forget(imageId);
    }
  }

  #forget(imageId: string): void {
    const image = this.#images.get(imageId);
    if (image) this.#bytes -= image.sizeInBytes;
    this.#images.delete(imageId);
    if (cache.isLoaded(imageId)) cache.removeImageLoadObject(imageId, { force: true });
  }

  attributesOf(imageId: string): FrameAttributes | undefined {
    return this.#entries.get(imageId)?.attributes;
  }

  /** The loaded frame, or undefined while it is not in memory. */
  loaded(imageId: string): LoadedFrame | undefined {
    return this.#images.get(imageId)?.salus;
  }

  isLoaded(imageId: string): boolean {
    return this.#images.has(imageId);
  }

  /** Loads a frame, or brings a waiting one forward. @throws FrameError or Failure, each with a code */
  load(imageId: string, urgency: Urgency): Promise<SalusImage> {
    const image = this.#images.get(imageId);
    if (image) {
      this.#images.delete(imageId);
      this.#images.set(imageId, image);
      return Promise.resolve(image);
    }
    const job = this.#waiting.find((each) => each.imageId === imageId);
    if (job && rank[urgency] < rank[job.urgency]) {
      job.urgency = urgency;
      this.#advance();
    }
    const pending = this.#pending.get(imageId) ?? this.#enqueue(imageId, urgency);
    return pending;
  }

  /** How many frames like this one the memory has room for, with some to spare. */
  roomFor(imageId: string | undefined): number {
    const attributes = imageId === undefined ? undefined : this.#entries.get(imageId)?.attributes;
    if (!attributes) return 0;
    const { rows, columns, samplesPerPixel, bitsAllocated } = attributes;
    const bytes = Math.max(1, rows * columns * samplesPerPixel * Math.max(1, bitsAllocated / 8));
    return Math.max(1, Math.floor((0.8 * this.#budget) / bytes));
  }

  /** The eye of one viewport moved on: of its own waiting frames the near ones go first, the others behind. */
  reorder(own: ReadonlySet<string>, near: ReadonlySet<string>): void {
    for (const job of this.#waiting) if (own.has(job.imageId)) job.urgency = near.has(job.imageId) ? 'near' : 'ahead';
  }

  get counts(): {
    entries: number;
    waiting: number;
    running: number;
    images: number;
    bytes: number;
    cornerstoneBytes: number;
  } {
    return {
      entries: this.#entries.size,
      waiting: this.#waiting.length,
      running: this.#running,
      images: this.#images.size,
      bytes: this.#bytes,
      cornerstoneBytes: cache.getCacheSize(),
    };
  }

  close(): void {
    for (const controller of this.#controllers.values()) controller.abort();
    const ids = [...this.#entries.keys()];
    for (const entry of this.#entries.values()) entry.holders = 1;
    this.release(ids);
    metaData.removeProvider(this.#provide);
  }

  #enqueue(imageId: string, urgency: Urgency): Promise<SalusImage> {
    const pending = new Promise<SalusImage>((resolve, reject) => {
      const run = async () => {
        try {
          const image = await this.#fetchAndDecode(imageId);
          this.#keep(imageId, image);
          resolve(image);
        } catch (error) {
          reject(error);
        } finally {
          if (this.#pending.get(imageId) === pending) this.#pending.delete(imageId);
        }
      };
      this.#waiting.push({ imageId, urgency, run });
    });
    this.#pending.set(imageId, pending);
    this.#advance();
    return pending;
  }

  #keep(imageId: string, image: SalusImage): void {
    if (!this.#entries.has(imageId)) return;
    this.#images.set(imageId, image);
    this.#bytes += image.sizeInBytes;
    for (const oldest of this.#images.keys()) {
      if (this.#bytes <= this.#budget || oldest === imageId) break;
      this.#forget(oldest);
    }
  }

  #advance(): void {
    while (this.#running < parallelTransfers && this.#waiting.length > 0) {
      let best = 0;
      this.#waiting.forEach((job, index) => {
        if (rank[job.urgency] < rank[this.#waiting[best]!.urgency]) best = index;
      });
      if (this.#running >= parallelAhead && this.#waiting[best]?.urgency !== 'seen') return;
      const [job] = this.#waiting.splice(best, 1);
      this.#running += 1;
      void job!.run().finally(() => {
        this.#running -= 1;
        this.#advance();
      });
    }
  }

  async #fetchAndDecode(imageId: string): Promise<SalusImage> {
    const entry = this.#entries.get(imageId);
    if (!entry) throw new FrameError('imaging.frameUnavailable', 'the frame belongs to no open series');
    const controller = new AbortController();
    this.#controllers.set(imageId, controller);
    try {
      return await this.#imageOf(imageId, entry, controller.signal);
    } finally {
      if (this.#controllers.get(imageId) === controller) this.#controllers.delete(imageId);
    }
  }

  async #imageOf(imageId: string, { attributes }: Entry, signal: AbortSignal): Promise<SalusImage> {
    const { rows, columns } = attributes;
    if (rows < 1 || columns < 1) throw new FrameError('imaging.missingDimensions', 'rows or columns are missing');
    if (rows * columns > 2 ** 28) throw new FrameError('imaging.absurdDimensions', 'the frame is too large to draw');
    const { bytes, syntaxUid, repaired } = await fetchFrame(this.#fetchAsset, framePath(attributes), signal);
    const decoded = await this.#pool.decode(bytes, syntaxUid, attributes);
    const scale = valueScaleOf(attributes);
    const [voiItem] = attributes.voiLuts;
    const { modalityTransform } = attributes;
    // Its input is the modality value, which is signed behind a negative intercept (PS3.3 C.11.2.1.1).
    const isSigned = attributes.signed || (modalityTransform.kind === 'linear' && modalityTransform.intercept < 0);
    const voiTable = voiItem && (await lookupTableOf(voiItem, '00283002', '00283006', isSigned, this.#fetchAsset));
    const { stored, minimum, maximum } = decoded;
    return cornerstoneImage(imageId, decoded, {
      attributes,
      stored,
      scale,
      minimum,
      maximum,
      syntaxUid,
      repaired,
      voiTable,
    });
  }

  /** Cornerstone's metadata: a plain plane and the least it needs, so that it never draws conclusions of its own. */
  readonly #provide = (type: string, imageId: unknown): unknown => {
    if (typeof imageId !== 'string') return undefined;
    const attributes = this.#entries.get(imageId)?.attributes;
    if (!attributes) return undefined;
    switch (type) {
      case 'imagePlaneModule':
        return plainPlane(attributes);
      case 'imagePixelModule':
        return {
          ...layoutOf(attributes),
          pixelRepresentation: attributes.signed ? 1 : 0,
          // The host resolves palettes and YBR, MONOCHROME1 is resolved by the window it is given.
          photometricInterpretation: isColour(attributes) ? 'RGB' : 'MONOCHROME2',
          samplesPerPixel: isColour(attributes) ? 3 : 1,
        };
      case 'generalSeriesModule':
        return { modality: 'OT', seriesInstanceUID: attributes.seriesUid };
      case 'voiLutModule':
      case 'modalityLutModule':
      case 'sopCommonModule':
        return {};
      default:
        return undefined;
    }
  };
}
