import type { DicomDataset } from '../../app/domains/imaging/dicomElements.ts';
import type { LoadedFrame } from './cornerstoneFrames.ts';
import type { FetchAsset } from './frameTransfer.ts';
import { type OverlayPicture, overlayGroups, overlaysOf } from './overlayPicture.ts';
import type { PictureTransform } from './pictureTransform.ts';

/** Draws the overlay planes of the drawn frame over it, where they lie, or nothing at all. */
export class OverlayCanvas {
  readonly canvas = document.createElement('canvas');
  #pictures: readonly OverlayPicture[] = [];
  #for: LoadedFrame | undefined;
  #transform: PictureTransform | undefined;
  #isShown = true;
  readonly #fetchAsset: FetchAsset;
  readonly #changed: () => void;

  constructor(fetchAsset: FetchAsset, changed: () => void) {
    this.#fetchAsset = fetchAsset;
    this.#changed = changed;
    this.canvas.className = 'viewport-overlays';
  }

  get isShown(): boolean {
    return this.#isShown;
  }

  get hasPictures(): boolean {
    return this.#pictures.length > 0;
  }

  setShown(isShown: boolean): void {
    this.#isShown = isShown;
    this.#draw();
  }

  setPicture(
    frame: LoadedFrame | undefined,
    transform: PictureTransform | undefined,
    dataset: DicomDataset | undefined,
  ): void {
    this.#transform = transform;
    if (frame !== this.#for) {
      this.#for = frame;
      this.#drop();
      if (frame && dataset && overlayGroups(dataset).length > 0) void this.#load(frame, dataset);
    }
    this.#draw();
  }

  close(): void {
    this.#for = undefined;
    this.#drop();
  }

  async #load(frame: LoadedFrame, dataset: DicomDataset): Promise<void> {
    const pictures = await overlaysOf(dataset, frame.attributes.frame, this.#fetchAsset).catch(() => []);
    if (this.#for !== frame) {
      for (const { bitmap } of pictures) bitmap.close();
      return;
    }
    this.#pictures = pictures;
    this.#draw();
    if (pictures.length > 0) this.#changed();
  }

  #drop(): void {
    for (const { bitmap } of this.#pictures) bitmap.close();
    this.#pictures = [];
  }

  #draw(): void {
    const { canvas } = this;
    const isNeeded = this.#isShown && this.#pictures.length > 0 && this.#transform !== undefined;
    canvas.style.display = isNeeded ? 'block' : 'none';
    if (!isNeeded || !this.#transform) return;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const context = canvas.getContext('2d');
    if (!context) return;
    const { origin, perColumn, perRow } = this.#transform;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(
      perColumn[0] * ratio,
      perColumn[1] * ratio,
      perRow[0] * ratio,
      perRow[1] * ratio,
      origin[0] * ratio,
      origin[1] * ratio,
    );
    context.imageSmoothingEnabled = false;
    // A pixel's centre is at its number: its picture begins half a pixel before.
    for (const { column, row, bitmap } of this.#pictures) context.drawImage(bitmap, column - 0.5, row - 0.5);
  }
}
