import type { Types } from '@cornerstonejs/core';
import { isHounsfield } from '../../app/domains/imaging/measurementRules.ts';
import { presetsFor, type WindowPreset } from '../../app/domains/imaging/windowPresets.ts';
import { isColour, type LoadedFrame } from './cornerstoneFrames.ts';
import {
  draggedWindow,
  drawableWindow,
  greyNodes,
  type PictureWindow,
  tableCurve,
  wantsVoiTable,
  windowOf,
} from './pictureWindow.ts';
import { mostTexels, paintGrey } from './transferPaint.ts';
import type { DrawnPicture } from './viewState.ts';

/** Through which window a stack is seen: each image's own until somebody chooses one for all. */
export class PictureGrey {
  #chosen: PictureWindow | undefined;
  #source: DrawnPicture['windowSource'] = 'image';
  /** A window over all values is taken once for a stack: one for each slice would flicker. */
  #auto: PictureWindow | undefined;
  isInverted = false;
  /** How far the picture painted last is from its VOI table, 0 to 1; only a table finer than the graphics card's has any. */
  tableDeviation = 0;

  reset(): void {
    this.#chosen = undefined;
    this.#source = 'image';
    this.isInverted = false;
  }

  /** Another stack: nothing of the last one holds. */
  forget(): void {
    this.reset();
    this.#auto = undefined;
  }

  choose(window: PictureWindow | undefined, source: DrawnPicture['windowSource']): void {
    this.#chosen = window && drawableWindow(window);
    this.#source = source;
  }

  presetsOf({ attributes }: LoadedFrame): WindowPreset[] {
    return isColour(attributes) ? [] : presetsFor(attributes, isHounsfield(attributes));
  }

  /** The window on a digit key. The first is each image's own: nothing is imposed on the next one. */
  choosePreset(frame: LoadedFrame, key: number): boolean {
    const preset = this.presetsOf(frame).find((each) => each.key === key);
    if (!preset) return false;
    if (key === 1) this.choose(undefined, 'image');
    else this.choose({ centre: preset.centre, width: preset.width, function: preset.function }, 'preset');
    return true;
  }

  drag(frame: LoadedFrame, dx: number, dy: number): void {
    this.choose(draggedWindow(this.windowFor(frame), dx, dy), 'person');
  }

  windowFor(frame: LoadedFrame): PictureWindow {
    if (this.#chosen) return this.#chosen;
    if (frame.attributes.windows.length > 0) return windowOf(frame);
    this.#auto ??= windowOf(frame);
    return this.#auto;
  }

  sourceFor(frame: LoadedFrame): DrawnPicture['windowSource'] {
    if (this.#chosen) return this.#source;
    if (wantsVoiTable(frame)) return 'table';
    return frame.attributes.windows.length === 0 ? 'auto' : 'image';
  }

  paint(viewport: Types.IStackViewport, frame: LoadedFrame): void {
    this.tableDeviation = 0;
    if (isColour(frame.attributes)) {
      paintGrey(viewport, [
        { value: 0, grey: this.isInverted ? 1 : 0 },
        { value: 255, grey: this.isInverted ? 0 : 1 },
      ]);
      return;
    }
    const table = this.sourceFor(frame) === 'table' ? frame.voiTable : undefined;
    if (table) {
      const { nodes, texels, deviation } = tableCurve(frame, this.isInverted, table, mostTexels());
      this.tableDeviation = deviation;
      paintGrey(viewport, nodes, texels);
    } else paintGrey(viewport, greyNodes(frame, this.windowFor(frame), this.isInverted));
  }
}
