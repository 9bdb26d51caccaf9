import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/**
 * Independent decodings of a frame: DCMTK and GDCM from the command line, pydicom through `decode_pixels.py`. Each
 * returns undefined when that peer is not there or can't read the object.
 */

export interface ReferenceFrame {
  /** Samples interleaved by pixel. */
  readonly values: ArrayLike<number>;
  readonly reader: string;
}

const found = new Map<string, boolean>();

/** True when a command is on the PATH. */
export function hasCommand(name: string): boolean {
  const known = found.get(name);
  if (known !== undefined) return known;
  const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' });
  found.set(name, !error);
  return !error;
}

function scratch<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'salus-reference-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** First value of each tag, as dcmdump prints it; empty where absent. */
function attributes(file: string, tags: readonly string[]): Map<string, string> {
  const wanted = tags.flatMap((tag) => ['+P', tag]);
  const { stdout } = spawnSync('dcmdump', ['-q', ...wanted, file], { encoding: 'utf8' });
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const match = /^\((\w{4},\w{4})\) \w\w (?:\[(.*?)\]|(\S+))/.exec(line);
    if (match?.[1] && !values.has(match[1])) values.set(match[1], (match[2] ?? match[3] ?? '').trim());
  }
  return values;
}

interface RawImage {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly allocated: number;
  readonly stored: number;
  readonly signed: boolean;
  readonly planar: boolean;
}

/** One frame of an uncompressed image from its raw little-endian bytes. */
function frameOf(image: RawImage, frameIndex: number): ArrayLike<number> | undefined {
  const { bytes, rows, columns, samples, allocated, stored, signed, planar } = image;
  const count = rows * columns * samples;
  const out = new Float64Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (Math.ceil(((frameIndex + 1) * count * allocated) / 8) > bytes.length) return undefined;
  for (let i = 0; i < count; i++) {
    const from = frameIndex * count + (planar ? (i % samples) * rows * columns + Math.floor(i / samples) : i);
    let value: number;
    if (allocated === 1) value = ((bytes[from >> 3] ?? 0) >> (from & 7)) & 1;
    else if (allocated === 8) value = view.getUint8(from);
    else if (allocated === 16) value = view.getUint16(from * 2, true);
    else value = view.getUint32(from * 4, true);
    const top = 2 ** stored;
    value %= top;
    out[i] = signed && value >= top / 2 ? value - top : value;
  }
  return out;
}

type RawGeometry = Omit<RawImage, 'bytes'>;

function rawGeometry(file: string): RawGeometry | undefined {
  const tags = ['0028,0002', '0028,0004', '0028,0006', '0028,0010', '0028,0011', '0028,0100', '0028,0101', '0028,0103'];
  const values = attributes(file, tags);
  const number = (tag: string): number => Number(values.get(tag) ?? 0);
  // a decoder that left YBR does not tell what a person would see
  if (values.get('0028,0004')?.startsWith('YBR')) return undefined;
  const allocated = number('0028,0100');
  return {
    rows: number('0028,0010'),
    columns: number('0028,0011'),
    samples: number('0028,0002') || 1,
    allocated,
    stored: number('0028,0101') || allocated,
    signed: values.get('0028,0103') === '1',
    planar: values.get('0028,0006') === '1',
  };
}

const DCMTK_DECODERS: readonly (readonly [pattern: RegExp, command: string, ...options: string[]])[] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.(50|51|57|70)$/, 'dcmdjpeg', '+cp'],
  [/^1\.2\.840\.10008\.1\.2\.4\.8[01]$/, 'dcmdjpls'],
  [/^1\.2\.840\.10008\.1\.2\.5$/, 'dcmdrle'],
  [/^1\.2\.840\.10008\.1\.2(\.1|\.2|\.1\.99)?$/, 'dcmconv', '+te'],
];

/** Frames decoded by DCMTK (dcmdjpeg, dcmdjpls, dcmdrle, dcmconv), one per index asked. */
export function dcmtkFrames(
  file: string,
  transferSyntaxUid: string,
  frames: readonly number[],
): (ReferenceFrame | undefined)[] {
  const decoder = DCMTK_DECODERS.find(([pattern]) => pattern.test(transferSyntaxUid));
  const [, command, ...options] = decoder ?? [];
  if (!command || !hasCommand(command) || !hasCommand('dcmdump')) return frames.map(() => undefined);
  return uncompressedFrames(command, (target) => [...options, file, target], frames);
}

/** Frames decoded by GDCM (gdcmconv --raw). */
export function gdcmFrames(file: string, frames: readonly number[]): (ReferenceFrame | undefined)[] {
  if (!hasCommand('gdcmconv') || !hasCommand('dcmdump')) return frames.map(() => undefined);
  return uncompressedFrames('gdcmconv', (target) => ['--raw', file, target], frames);
}

function uncompressedFrames(
  command: string,
  argumentsFor: (target: string) => string[],
  frames: readonly number[],
): (ReferenceFrame | undefined)[] {
  return scratch((folder) => {
    const target = join(folder, 'decoded.dcm');
    const { status } = spawnSync(command, argumentsFor(target), { stdio: 'ignore' });
    if (status !== 0) return frames.map(() => undefined);
    spawnSync('dcmdump', ['-q', '+W', folder, target], { stdio: 'ignore' });
    const raw = readdirSync(folder).find((name) => name.endsWith('.raw'));
    if (!raw) return frames.map(() => undefined);
    const geometry = rawGeometry(target);
    const bytes = new Uint8Array(readFileSync(join(folder, raw)));
    return frames.map((index) => {
      const values = geometry && frameOf({ bytes, ...geometry }, index);
      return values && { values, reader: command };
    });
  });
}

/**
 * First frames of many uncompressed little-endian files of one geometry, read by DCMTK in one go: for a whole series.
 * Keys are file names.
 */
export function dcmtkSeries(files: readonly string[]): Map<string, ReferenceFrame> {
  return scratch((folder) => {
    const out = new Map<string, ReferenceFrame>();
    spawnSync('dcmdump', ['-q', '+W', folder, ...files], { stdio: 'ignore', maxBuffer: 1 << 28 });
    const first = files[0];
    if (!first) return out;
    const names = readdirSync(folder);
    const geometry = rawGeometry(first);
    for (const file of files) {
      const raw = names.find((name) => name.startsWith(`${basename(file)}.`));
      if (!raw || !geometry) continue;
      const values = frameOf({ bytes: new Uint8Array(readFileSync(join(folder, raw))), ...geometry }, 0);
      if (values) out.set(file, { values, reader: 'dcmdump' });
    }
    return out;
  });
}

/** Samples of a binary PGM or PPM of 8 bits, or of 16 bits (most significant byte first). */
function anymapSamples(bytes: Uint8Array): ArrayLike<number> {
  const fields: number[] = [];
  let at = 2;
  while (fields.length < 3) {
    while ((bytes[at] ?? 0) <= 0x20) at++;
    if (bytes[at] === 0x23) while (bytes[at] !== 0x0a) at++;
    else {
      let text = '';
      while ((bytes[at] ?? 0) > 0x20) text += String.fromCharCode(bytes[at++] ?? 0);
      fields.push(Number(text));
    }
  }
  const body = bytes.subarray(at + 1);
  if ((fields[2] ?? 255) < 256) return body;
  return Uint16Array.from({ length: body.length / 2 }, (_, i) => (body[2 * i]! << 8) | body[2 * i + 1]!);
}

const OPENJPEG = 'opj_decompress';

/** The only frame of a JPEG 2000 or HTJ2K object, decoded by OpenJPEG (opj_decompress of 2.5 or newer). */
export function openjpegFrame(file: string): ReferenceFrame | undefined {
  if (!hasCommand(OPENJPEG)) return undefined;
  return scratch((folder) => {
    const bytes = readFileSync(file);
    // SOC and SIZ begin a codestream; whatever follows its end mark is ignored
    const start = bytes.indexOf(Uint8Array.of(0xff, 0x4f, 0xff, 0x51));
    if (start < 0) return undefined;
    const stream = join(folder, 'frame.j2k');
    const target = join(folder, 'frame.ppm');
    writeFileSync(stream, bytes.subarray(start));
    const { status } = spawnSync(OPENJPEG, ['-i', stream, '-o', target], { stdio: 'ignore' });
    if (status !== 0) return undefined;
    return { values: anymapSamples(new Uint8Array(readFileSync(target))), reader: OPENJPEG };
  });
}

let python: { command: string; modules: Record<string, string> } | undefined | null = null;

/**
 * A Python with pydicom: the one named by SALUS_REFERENCE_PYTHON, else the first of `python3` and `/usr/bin/python3`
 * that has it. Decoders for HTJ2K come from pip (pylibjpeg-openjpeg), outside the repository.
 */
export function referencePython(): { command: string; modules: Record<string, string> } | undefined {
  if (python !== null) return python;
  python = undefined;
  for (const command of [process.env['SALUS_REFERENCE_PYTHON'], 'python3', '/usr/bin/python3']) {
    if (!command) continue;
    const { stdout, status } = spawnSync(command, [decoderScript, '--capabilities'], { encoding: 'utf8' });
    if (status !== 0) continue;
    const modules = JSON.parse(stdout) as Record<string, string>;
    if (modules['pydicom'] && modules['numpy']) {
      python = { command, modules };
      break;
    }
  }
  return python;
}

const decoderScript = join(import.meta.dirname, 'decode_pixels.py');

const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

/**
 * One frame decoded by pydicom and what plug-ins it has.
 * @param rgb palettes applied, the upper 8 bits of each colour
 */
export function pydicomFrame(file: string, frameIndex: number, rgb = false): ReferenceFrame | undefined {
  const interpreter = referencePython();
  if (!interpreter) return undefined;
  return scratch((folder) => {
    const target = join(folder, 'frame.raw');
    const stdout = execFileSync(
      interpreter.command,
      [decoderScript, file, String(frameIndex), target, ...(rgb ? ['rgb'] : [])],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    const answer = JSON.parse(stdout) as { error?: string; dtype?: keyof typeof arrays; reader?: string };
    if (answer.error !== undefined || !answer.dtype) return undefined;
    const bytes = new Uint8Array(readFileSync(target));
    const values = new arrays[answer.dtype](bytes.buffer);
    return { values, reader: answer.reader ?? 'pydicom' };
  });
}
