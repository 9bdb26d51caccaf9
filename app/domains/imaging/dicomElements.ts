/**
 * Reads values from the DICOM JSON model (PS3.18 annex F), as `/metadata` serves it. A tag is eight upper-case hex
 * digits. A value of the wrong type reads as absent: these objects come from outside and are not to be trusted.
 */
export interface DicomElement {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
}

export type DicomDataset = Readonly<Record<string, DicomElement | undefined>>;

/** All numbers of an element; text that is a number (IS, DS served as text) counts, anything else is left out. */
export function numbersOf(dataset: DicomDataset | undefined, tag: string): number[] {
  const numbers: number[] = [];
  for (const value of dataset?.[tag]?.Value ?? []) {
    const number =
      typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
    if (Number.isFinite(number)) numbers.push(number);
  }
  return numbers;
}

export function numberOf(dataset: DicomDataset | undefined, tag: string): number | undefined {
  return numbersOf(dataset, tag)[0];
}

export function textsOf(dataset: DicomDataset | undefined, tag: string): string[] {
  return (dataset?.[tag]?.Value ?? []).map((value) => {
    if (typeof value === 'string') return value.trim();
    if (typeof value === 'number') return String(value);
    // Person names are objects with up to three component groups.
    if (typeof value === 'object' && value !== null && 'Alphabetic' in value) {
      const name = (value as { Alphabetic?: unknown }).Alphabetic;
      return typeof name === 'string' ? name.trim() : '';
    }
    return '';
  });
}

export function textOf(dataset: DicomDataset | undefined, tag: string): string {
  return textsOf(dataset, tag)[0] ?? '';
}

/** The items of a sequence; a null or foreign item reads as an empty one, so that indexes keep their meaning. */
export function itemsOf(dataset: DicomDataset | undefined, tag: string): DicomDataset[] {
  return (dataset?.[tag]?.Value ?? []).map((item) =>
    typeof item === 'object' && item !== null ? (item as DicomDataset) : {},
  );
}
