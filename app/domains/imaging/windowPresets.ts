import type { FrameAttributes, VoiWindow } from './frameAttributes.ts';

/** A named window. `key` is the digit that calls it; `name` a key of the imaging texts. */
export interface WindowPreset {
  readonly key: number;
  readonly name: string;
  readonly centre: number;
  readonly width: number;
  /** The curve it stands for: the image's own for its windows, straight for the known ones. */
  readonly function: VoiWindow['function'];
}

type PresetName = readonly [name: string, centre: number, width: number, curve?: VoiWindow['function']];

/** CT windows in HU, as radiology departments commonly set them. */
const softTissue: PresetName = ['softTissue', 50, 400];
const lung: PresetName = ['lung', -600, 1500];
const bone: PresetName = ['bone', 400, 1800];
const brain: PresetName = ['brain', 40, 80];
const subdural: PresetName = ['subdural', 75, 215];
const stroke: PresetName = ['stroke', 40, 40];
const mediastinum: PresetName = ['mediastinum', 50, 350];
const liver: PresetName = ['liver', 70, 150];
const angiography: PresetName = ['angiography', 300, 600];
const temporalBone: PresetName = ['temporalBone', 600, 2800];

/**
 * How a frame in Hounsfield units is first shown when neither a window nor a table says how: soft tissue. All its values
 * at once, from air to metal, would leave every organ the same grey.
 */
export const hounsfieldWindow = { centre: softTissue[1], width: softTissue[2], function: 'LINEAR' } as const;

const byBodyPart: readonly (readonly [RegExp, readonly PresetName[]])[] = [
  [/HEAD|BRAIN|SKULL|NECK/, [brain, subdural, stroke, bone, softTissue, temporalBone, angiography]],
  [/CHEST|THORAX|LUNG/, [lung, mediastinum, bone, softTissue, angiography, liver]],
  [/ABDOMEN|PELVIS|LIVER/, [softTissue, liver, bone, lung, angiography, mediastinum]],
  [/SPINE|EXTREMITY|KNEE|HIP|SHOULDER|HAND|FOOT/, [bone, softTissue, angiography, lung]],
];
const anyBodyPart: readonly PresetName[] = [softTissue, lung, bone, brain, liver, mediastinum, angiography];

/**
 * The windows on the digit keys for a frame: 1 is always the image's own first window. Only CT in Hounsfield units has
 * others with a fixed meaning; for the rest, the image's further windows follow.
 */
export function presetsFor(frame: FrameAttributes, isHounsfield: boolean): WindowPreset[] {
  const own = frame.windows
    .slice(0, isHounsfield ? 1 : 9)
    .map(
      (window, index): PresetName => [
        window.explanation !== '' && index > 0 ? window.explanation : 'image',
        window.centre,
        window.width,
        window.function,
      ],
    );
  const first: readonly PresetName[] = own.length > 0 ? own : [['image', Number.NaN, Number.NaN]];
  const known = isHounsfield
    ? (byBodyPart.find(([pattern]) => pattern.test(frame.bodyPart.toUpperCase()))?.[1] ?? anyBodyPart)
    : [];
  return [...first, ...known].slice(0, 9).map(([name, centre, width, curve], index) => ({
    key: index + 1,
    name,
    centre,
    width,
    function: curve ?? 'LINEAR',
  }));
}

/**
 * The ends of a window, in modality values: at `lower` the picture is black, at `upper` white (PS3.3 C.11.2.1.2 for
 * LINEAR, C.11.2.1.3.2 for LINEAR_EXACT; SIGMOID has no ends and takes those of LINEAR_EXACT).
 */
export function windowRange(window: Pick<VoiWindow, 'centre' | 'width' | 'function'>): {
  lower: number;
  upper: number;
} {
  if (window.function === 'LINEAR') {
    const half = (window.width - 1) / 2;
    return { lower: window.centre - 0.5 - half, upper: window.centre - 0.5 + half };
  }
  return { lower: window.centre - window.width / 2, upper: window.centre + window.width / 2 };
}
