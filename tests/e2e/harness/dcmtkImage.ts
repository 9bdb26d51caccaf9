import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { programOf } from '../../../scripts/services.ts';

/** What DCMTK says of a native grey image: the witness that our numbers are compared with. */
export interface DcmtkImage {
  readonly file: string;
  readonly sopUid: string;
  readonly seriesUid: string;
  readonly studyUid: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly instanceNumber: number;
  readonly rows: number;
  readonly columns: number;
  readonly isSigned: boolean;
  readonly slope: number;
  readonly intercept: number;
  /** Between rows, between columns (PS3.3 10.7.1.3), mm. */
  readonly pixelSpacing: readonly [number, number];
  /** Image Position (Patient), mm. */
  readonly position: readonly [number, number, number];
  /** Stored values as DCMTK wrote them, row by row. */
  readonly stored: Int16Array | Uint16Array;
  huAt(column: number, row: number): number;
}

/** One value of `dcmdump +P`. Empty when the element is absent. */
function dump(file: string): Map<string, string> {
  const text = execFileSync(programOf('dcmdump'), ['+Un', '+L', '-q', file], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\(([0-9a-f]{4}),([0-9a-f]{4})\) (\w\w) (.*?)\s+#\s+/.exec(line);
    if (match) values.set(`${match[1]}${match[2]}`, (match[4] ?? '').replace(/^\[(.*)\]$/, '$1').trim());
  }
  return values;
}

/**
 * Reads a file with DCMTK: elements by dcmdump, pixels by its raw writer.
 *
 * @throws Error for a file that is not a native 16-bit grey image
 */
export function readWithDcmtk(file: string): DcmtkImage {
  const values = dump(file);
  const get = (tag: string): string => values.get(tag) ?? '';
  const numbers = (tag: string): number[] => get(tag).split('\\').map(Number);
  if (get('00280100') !== '16') throw new Error('not a 16-bit image');
  const folder = mkdtempSync(path.join(tmpdir(), 'salus-dcmtk-'));
  let raw: Buffer;
  try {
    execFileSync(programOf('dcmdump'), ['-q', '+W', folder, file], { stdio: ['ignore', 'ignore', 'ignore'] });
    const [written] = readdirSync(folder);
    if (!written) throw new Error('DCMTK wrote no pixels');
    raw = readFileSync(path.join(folder, written));
  } finally {
    rmSync(folder, { recursive: true });
  }
  const isSigned = get('00280103') === '1';
  const bytes = new Uint8Array(raw).buffer;
  const [rows = 0] = numbers('00280010');
  const [columns = 0] = numbers('00280011');
  const stored = isSigned ? new Int16Array(bytes, 0, rows * columns) : new Uint16Array(bytes, 0, rows * columns);
  const slope = Number(get('00281053') || '1');
  const intercept = Number(get('00281052') || '0');
  return {
    file,
    sopUid: get('00080018'),
    seriesUid: get('0020000e'),
    studyUid: get('0020000d'),
    patientName: get('00100010'),
    patientId: get('00100020'),
    instanceNumber: Number(get('00200013')),
    rows,
    columns,
    isSigned,
    slope,
    intercept,
    pixelSpacing: numbers('00280030') as [number, number],
    position: numbers('00200032') as [number, number, number],
    stored,
    huAt: (column, row) => (stored[row * columns + column] ?? Number.NaN) * slope + intercept,
  };
}

/** SOP Instance UID and file of every object under a folder, read by DCMTK in one go. */
export function sopUidsIn(folder: string): [string, string][] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile());
  const found: [string, string][] = [];
  for (const file of files) {
    const said = execFileSync(programOf('dcmdump'), ['-q', '+P', '0008,0018', file], { encoding: 'latin1' });
    const uid = /\[([\d.]+)\]/.exec(said)?.[1];
    if (uid) found.push([uid, file]);
  }
  return found;
}
