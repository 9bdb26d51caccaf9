import type { FrameAttributes, Vector3 } from './frameAttributes.ts';

/** A letter of the patient's directions: left, right, anterior, posterior, head, feet (PS3.3 C.7.6.1.1.1). */
export type DirectionLetter = 'L' | 'R' | 'A' | 'P' | 'H' | 'F';

/** Letters at the edges of a picture, main direction first; an empty list where the orientation is not known. */
export interface EdgeLetters {
  readonly top: readonly DirectionLetter[];
  readonly right: readonly DirectionLetter[];
  readonly bottom: readonly DirectionLetter[];
  readonly left: readonly DirectionLetter[];
}

export const noLetters: EdgeLetters = { top: [], right: [], bottom: [], left: [] };

/** The share of a direction below which it gets no letter of its own: sin 5.7°. */
const smallShare = 0.1;

const opposite: Record<DirectionLetter, DirectionLetter> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };

/** The letters of a direction in the patient (LPS), strongest first, at most three. */
export function lettersOf(direction: Vector3): DirectionLetter[] {
  const parts: [number, DirectionLetter][] = [
    [direction[0], direction[0] > 0 ? 'L' : 'R'],
    [direction[1], direction[1] > 0 ? 'P' : 'A'],
    [direction[2], direction[2] > 0 ? 'H' : 'F'],
  ];
  return parts
    .filter(([share]) => Math.abs(share) > smallShare)
    .sort((a, b) => Math.abs(b[0]) - Math.abs(a[0]))
    .map(([, letter]) => letter);
}

export function oppositeLetters(letters: readonly DirectionLetter[]): DirectionLetter[] {
  return letters.map((letter) => opposite[letter]);
}

/** Reads one value of Patient Orientation (0020,0020); anything but the six letters of a biped makes it unknown. */
function parseLetters(value: string | undefined): DirectionLetter[] {
  const letters = [...(value ?? '')];
  return letters.length > 0 && letters.length <= 3 && letters.every((letter) => letter in opposite)
    ? (letters as DirectionLetter[])
    : [];
}

/**
 * The letters a frame's own axes point to: along growing columns and along growing rows. From the orientation in the
 * patient, else from Patient Orientation, else unknown. Nothing is ever guessed from the body part.
 */
export function axisLettersOf(frame: FrameAttributes): { row: DirectionLetter[]; column: DirectionLetter[] } {
  if (frame.directions)
    return { row: lettersOf(frame.directions.rowDirection), column: lettersOf(frame.directions.columnDirection) };
  const row = parseLetters(frame.patientOrientation[0]);
  const column = parseLetters(frame.patientOrientation[1]);
  return row.length > 0 && column.length > 0 ? { row, column } : { row: [], column: [] };
}

/**
 * Letters at the edges of a drawn picture.
 *
 * @param axes       where the image's columns and rows point to in the patient
 * @param rowOnScreen    the screen direction [right, down] of growing column index, any length
 * @param columnOnScreen the screen direction [right, down] of growing row index
 *
 * Turned by anything but a multiple of 90°, an edge takes the axis nearest to it; exactly between two, none.
 */
export function edgeLetters(
  axes: { readonly row: readonly DirectionLetter[]; readonly column: readonly DirectionLetter[] },
  rowOnScreen: readonly [number, number],
  columnOnScreen: readonly [number, number],
): EdgeLetters {
  if (axes.row.length === 0 || axes.column.length === 0) return noLetters;
  const toward = (x: number, y: number): DirectionLetter[] => {
    const candidates = [
      { share: cosine(rowOnScreen, x, y), letters: axes.row },
      { share: cosine(columnOnScreen, x, y), letters: axes.column },
    ].sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
    const [best, second] = candidates;
    if (!best || !second || Math.abs(best.share) - Math.abs(second.share) < 0.05) return [];
    return best.share > 0 ? [...best.letters] : oppositeLetters(best.letters);
  };
  return { top: toward(0, -1), right: toward(1, 0), bottom: toward(0, 1), left: toward(-1, 0) };
}

function cosine([x, y]: readonly [number, number], toX: number, toY: number): number {
  const length = Math.hypot(x, y);
  return length > 0 ? (x * toX + y * toY) / length : 0;
}
