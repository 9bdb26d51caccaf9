import { Failure } from '../../../../app/shared/failure.ts';
import { decodeFrame } from '../pixels/decodeFrame.ts';
import { transformsOfFrame } from '../pixels/frameTransforms.ts';
import { openDicomPixels } from '../pixels/openDicomPixels.ts';
import { modalityFunction, modalityRange } from '../pixels/windowing.ts';

/**
 * The window two contents of an image are shown with side by side, in modality units: the first of the object's own, else
 * the range of its first frame. Null for colour, and where nothing can be decoded.
 */
export async function sharedWindow(bytes: Uint8Array): Promise<{ centre: number; width: number } | null> {
  try {
    const description = openDicomPixels(bytes);
    if (description.samplesPerPixel !== 1 || description.palette) return null;
    const { modality, voi } = transformsOfFrame(description, 0);
    const own = voi.windows[0];
    if (own) return { centre: own.centre, width: own.width };
    const frame = await decodeFrame(description, 0);
    const range = modalityRange(frame.data, modalityFunction(modality), undefined);
    return range ? { centre: (range.min + range.max) / 2, width: Math.max(1, range.max - range.min) } : null;
  } catch (error) {
    // The picture itself says what is wrong with it.
    if (error instanceof Failure) return null;
    throw error;
  }
}
