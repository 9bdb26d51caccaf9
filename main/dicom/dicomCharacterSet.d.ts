declare module 'dicom-character-set' {
  /** Decodes DICOM text. Throws on a character set it does not know and on an escape sequence that was not announced. */
  export function convertBytes(
    specificCharacterSet: string | undefined,
    bytes: Uint8Array,
    options?: { vr?: string },
  ): string;
}
