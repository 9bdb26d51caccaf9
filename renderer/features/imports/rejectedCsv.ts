/** One rejected file, in words. */
export interface RejectedLine {
  readonly path: string;
  readonly code: string;
  readonly text: string;
}

function cell(text: string): string {
  // A cell that a spreadsheet would take for a formula is kept as text; file names come from strangers.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** Rejected files as CSV (RFC 4180) with a byte order mark, so that spreadsheets read the accents. */
export function rejectedCsv(lines: readonly RejectedLine[], header: readonly [string, string, string]): string {
  const rows = [header, ...lines.map((line) => [line.path, line.code, line.text] as const)];
  return `\ufeff${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
