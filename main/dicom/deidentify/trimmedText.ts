/**
 * Latin-1 text of a value without blanks around it and without the NULs and blanks at its end. Looked at from the end: a
 * pattern would begin anew at each blank of a value that is made of them.
 */
export function trimmedText(value: Uint8Array | undefined): string {
  return value === undefined ? '' : trimmed(latin1(value));
}

/** The values of a text of several, each as `trimmedText`. */
export function trimmedTexts(value: Uint8Array | undefined): string[] {
  return value === undefined ? [''] : latin1(value).split('\\').map(trimmed);
}

function latin1(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
}

function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0 || text.charCodeAt(end - 1) === 0x20)) end -= 1;
  return text.slice(0, end).trim();
}
