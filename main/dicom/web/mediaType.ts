/** A media type with its parameters (RFC 9110 8.3.1). */
export interface MediaType {
  /** Lower case: `multipart/related`. */
  readonly type: string;
  /** Lower-case names; values as they came, without their quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

const longest = 1000;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/** Reads a Content-Type; null when it is none. A parameter that comes twice counts as it came first. */
export function parseMediaType(header: string): MediaType | null {
  if (header.length > longest) return null;
  const head = new RegExp(`^\\s*(${token}/${token})\\s*`).exec(header);
  if (!head) return null;
  const parameters = new Map<string, string>();
  // Boundaries with characters that want quotes (':', '/', '=') come without them from some servers.
  const next = new RegExp(`;\\s*(?:(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;"\\s]*)))?\\s*`, 'y');
  next.lastIndex = head[0].length;
  while (next.lastIndex < header.length) {
    const match = next.exec(header);
    if (!match) return null;
    const name = match[1]?.toLowerCase();
    const value = match[2] === undefined ? (match[3] ?? '') : match[2].replace(/\\(.)/g, '$1');
    if (name !== undefined && !parameters.has(name)) parameters.set(name, value);
  }
  return { type: (head[1] as string).toLowerCase(), parameters };
}
