/** The day by the clock of this machine, which is what a person means by one, as DICOM DA text: 20261120. */
export function localDay(atMs: number): string {
  const date = new Date(atMs);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}
