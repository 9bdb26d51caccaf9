import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deidentificationSchema } from '../../app/domains/imaging/deidentificationSchema.ts';
import { openConfidentiality } from '../../main/dicom/deidentify/confidentiality.ts';
import { type Deidentification, deidentifyDataset } from '../../main/dicom/deidentify/deidentifyDataset.ts';
import { NotDeidentifiable } from '../../main/dicom/deidentify/notDeidentifiable.ts';
import { openPseudonyms } from '../../main/dicom/deidentify/pseudonyms.ts';
import { readHeader } from '../../main/dicom/part10.ts';
import { rewriteDataset } from '../../main/dicom/rewriteDataset.ts';
import { asPart10, datasetStart, fromBytes } from '../../main/domains/exchange/sending/objectSource.ts';
import { decodeFrame } from '../../main/domains/imaging/pixels/decodeFrame.ts';
import { openDicomPixels } from '../../main/domains/imaging/pixels/openDicomPixels.ts';
import { have, programOf } from '../../scripts/services.ts';
import { samplesFolder } from '../e2e/harness/runningHost.ts';

const root = join(import.meta.dirname, '../..');
const shared = join(root, '../shared/dicom-samples');
const knowledge = join(root, 'resources/knowledge/deidentification.json');
const how: Deidentification = {
  confidentiality: openConfidentiality(deidentificationSchema.parse(JSON.parse(readFileSync(knowledge, 'utf8')))),
  pseudonyms: openPseudonyms(new Uint8Array(32).fill(1)),
  patientId: 'patient-1',
};
/** Of a long stack of alike slices, one in so many. */
const slicesBetween = 60;
const native = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']);

interface Made {
  readonly name: string;
  readonly before: Buffer;
  readonly beforePath: string;
  readonly path: string;
  readonly after: Buffer;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

async function fileOf(
  item: { sopClassUid: string; sopUid: string },
  bytes: Uint8Array,
  syntax: string,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of asPart10(item as Parameters<typeof asPart10>[0], fromBytes(bytes, syntax)).open())
    pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The same image, saying that no text is burned into it: so that kinds are looked at that would stay here. */
function declaredClean(bytes: Buffer, syntax: string): Buffer | null {
  if (!native.has(syntax)) return null;
  const start = datasetStart(bytes);
  const isExplicit = syntax !== '1.2.840.10008.1.2';
  const no = new Map([[0x0028_0301, { vr: 'CS', value: Buffer.from('NO') }]]);
  const dataset = rewriteDataset(bytes, start, { explicit: isExplicit, littleEndian: true }, isExplicit, no);
  return Buffer.concat([bytes.subarray(0, start), dataset]);
}

describe.skipIf(!have('dicom3tools', 'pydicom'))(
  'de-identified objects (needs dicom3tools and python3-pydicom)',
  () => {
    let folder: string;
    const made: Made[] = [];
    const refused = new Map<string, string>();

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'salus-deidentified-'));
      const all = [...filesBelow(samplesFolder()), ...filesBelow(shared)];
      const chosen = all.filter(
        (path, index) => !/ct-phantom|chest-ct|head-mr|mr-brain/.test(path) || index % slicesBetween === 0,
      );
      for (const path of chosen) {
        const name = relative(path.startsWith(shared) ? shared : root, path);
        const given = readFileSync(path);
        const header = readHeader(given);
        if (!header?.hasPreamble || header.ending !== 'complete') continue;
        const syntax = header.transferSyntaxUid;
        for (const [label, before] of [
          ['', given],
          [' declared clean', declaredClean(given, syntax)],
        ] as const) {
          if (before === null || (label !== '' && refused.get(name) !== 'mayShowText')) continue;
          try {
            const object = deidentifyDataset(before.subarray(datasetStart(before)), syntax, how);
            const { sopClassUid, sopInstanceUid: sopUid } = object;
            const after = await fileOf({ sopClassUid, sopUid }, Buffer.concat(object.pieces), syntax);
            const out = join(folder, `${made.length}.dcm`);
            const beforePath = label === '' ? path : join(folder, `${made.length}.before`);
            if (label !== '') writeFileSync(beforePath, before);
            writeFileSync(out, after);
            made.push({ name: name + label, before, beforePath, path: out, after });
          } catch (error) {
            if (!(error instanceof NotDeidentifiable)) throw error;
            refused.set(name + label, error.reason);
          }
        }
      }
    }, 120_000);
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('have no fault that the originals had not (dciodvfy)', { timeout: 180_000 }, () => {
      expect(made.length).toBeGreaterThan(existsSync(shared) ? 60 : 5);
      const worse: Record<string, string[]> = {};
      for (const { name, beforePath, path } of made) {
        const after = errorsOf(path);
        const before = new Set(after.length === 0 ? [] : errorsOf(beforePath));
        const more = after.filter((line) => !before.has(line));
        if (more.length > 0) worse[name] = more;
      }
      expect(worse).toEqual({});
    });

    it('show what the originals show, frame by frame and value by value', { timeout: 180_000 }, async () => {
      let compared = 0;
      for (const { name, before, after } of made) {
        const original = await framesOf(before);
        if (original === null) continue;
        const same = await framesOf(after);
        expect(same?.length, name).toBe(original.length);
        for (const [index, frame] of original.entries()) {
          const other = same?.[index];
          expect(other && Buffer.compare(frame, other), `${name}, frame ${index}`).toBe(0);
        }
        compared += 1;
      }
      expect(compared).toBeGreaterThan(existsSync(shared) ? 60 : 5);
    });

    it('hold, for another reader, nothing but pseudonyms, dummies and technical words', { timeout: 120_000 }, () => {
      const program = join(import.meta.dirname, 'listTexts.py');
      const said = execFileSync('/usr/bin/python3', [program, ...made.map(({ path }) => path)], {
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      });
      const lines = said.trim().split('\n');
      const read = new Set<string>();
      for (const line of lines) {
        const { file, tag, vr, value, isPrivate } = JSON.parse(line) as Record<string, string> & { isPrivate: boolean };
        read.add(file as string);
        const where = `${made.find(({ path }) => path === file)?.name} ${tag}`;
        expect(isPrivate, where).toBe(false);
        if (value === '') continue;
        if (vr === 'PN') expect(value, where).toMatch(/^([0-9A-Z]{16}|REMOVED)$/);
        else if (vr === 'UI') expect(value, where).toMatch(/^(1\.2\.840\.10008\.[0-9.]+|2\.25\.\d+)$/);
        else if (vr === 'DA') expect(value, where).toBe('19000101');
        else if (vr === 'TM') expect(Number(value), where).toBe(0);
        else if (vr === 'DT') expect(value, where).toBe('19000101000000');
        else
          expect(['AE', 'AS', 'LT', 'ST', 'UT', 'UR', 'UN'].includes(vr as string) && value !== 'REMOVED', where).toBe(
            false,
          );
      }
      expect(read.size).toBe(made.length);
    });

    it('are made of what is an image and may show no name, and of nothing else', () => {
      const reasons = new Set(refused.values());
      for (const reason of reasons)
        expect(['notAnImage', 'mayShowText', 'burnedIn', 'coding', 'damaged']).toContain(reason);
      if (existsSync(shared)) {
        expect(refused.get('sr-tid1500/sr-arrow.dcm')).toBe('notAnImage');
        expect(refused.get('pydicom/SC_rgb.dcm')).toBe('mayShowText');
      }
    });
  },
);

/** Faults without the values in them, which differ. */
function errorsOf(path: string): string[] {
  const { stderr, stdout } = spawnSync(programOf('dciodvfy'), ['-new', path], {
    encoding: 'latin1',
    maxBuffer: 1 << 27,
  });
  return `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /^Error\b/.test(line))
    .map((line) => line.replace(/= <[^>]*>/g, '').replace(/\b2\.25\.\d+|\b[0-2](\.\d+){5,}/g, 'UID'));
}

async function framesOf(bytes: Buffer): Promise<Buffer[] | null> {
  try {
    const description = openDicomPixels(bytes);
    const count = Math.min(description.numberOfFrames, 3);
    const frames: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      const { data } = await decodeFrame(description, index);
      frames.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
    return frames;
  } catch {
    // What could not be shown before is no matter after.
    return null;
  }
}
