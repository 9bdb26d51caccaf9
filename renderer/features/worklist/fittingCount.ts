/**
 * How many of the chips that may wait behind a last one fit on the line.
 *
 * @param widths of every chip in order, CSS px; the first `fixed` stay whatever happens
 * @param roomPx the line, CSS px
 * @param gapPx between two chips
 * @param restPx the chip behind which the others wait, which takes its place only when one has to
 */
export function fittingCount(
  widths: readonly number[],
  fixed: number,
  roomPx: number,
  gapPx: number,
  restPx: number,
): number {
  let used = -gapPx;
  let count = 0;
  for (const [index, width] of widths.entries()) {
    used += gapPx + width;
    if (index >= fixed && used + gapPx + restPx <= roomPx) count = index - fixed + 1;
  }
  return used <= roomPx ? widths.length - fixed : count;
}
