import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toDicomJson } from '../../main/dicom/dicomJson.ts';
import { openElements } from '../../main/dicom/elementValues.ts';
import { readHeader } from '../../main/dicom/part10.ts';
import {
  type BuiltObject,
  buildObjects,
  type MarksToBuild,
  type ReportToBuild,
} from '../../main/domains/imaging/objects/buildObjects.ts';
import { sampleNames } from '../../main/domains/imaging/samples/sampleCatalogue.ts';
import { aSlice, type RawElements, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { have, programOf } from '../../scripts/services.ts';
import { samplesFolder } from '../e2e/harness/runningHost.ts';

const ctImage = '1.2.840.10008.5.1.4.1.1.2';
const enhancedCt = '1.2.840.10008.5.1.4.1.1.2.1';
const studyUid = '1.2.826.0.1.77';

interface Case {
  readonly what: string;
  readonly slices: readonly SliceFacts[];
  readonly report?: Partial<ReportToBuild>;
  /** The images' character set is one that DCMTK cannot turn into UTF-8 with every library it is built on. */
  readonly rareSet?: boolean;
}

const named = (name: string, more: RawElements = {}, count = 1): SliceFacts[] =>
  Array.from({ length: count }, (_, index) => ({
    study: studyUid,
    series: `${studyUid}.${1 + Math.floor(index / 10)}`,
    sop: `${studyUid}.9.${index + 1}`,
    number: index + 1,
    name,
    more: { '00200010': ['SH', 'S1'], '00080050': ['SH', 'ACC-77'], '00080090': ['PN', 'Médecin^Traitant'], ...more },
  }));
const image = (index: number, frame: number | null = null) => ({
  studyUid,
  seriesUid: `${studyUid}.${1 + Math.floor(index / 10)}`,
  sopUid: `${studyUid}.9.${index + 1}`,
  sopClassUid: frame === null ? ctImage : enhancedCt,
  frame,
  caption: `lésion ${index + 1}`,
});
const threeFrames: RawElements = {
  '00080016': ['UI', enhancedCt],
  '00280008': ['IS', '3'],
  '7FE00010': ['OW', Buffer.alloc(384)],
};

const cases: readonly Case[] = [
  { what: 'accents and an apostrophe', slices: named("L'Hôpital^Françoise-Éléonore^^Mme") },
  {
    what: 'a name in three scripts, from another character set',
    rareSet: true,
    slices: named('', {
      '00080005': ['CS', '\\ISO 2022 IR 87'],
      '00100010': [
        'PN',
        Buffer.from('Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B', 'latin1'),
      ],
      '00080090': ['PN', 'Suzuki^Ichirou'],
    }),
  },
  {
    what: 'Latin-1 and no accession number',
    slices: named('', {
      '00080005': ['CS', 'ISO_IR 100'],
      '00080050': ['SH', ''],
      '00080090': null,
      '00100010': ['PN', Buffer.from('Brëndle^Zoé ', 'latin1')],
    }),
  },
  {
    what: 'no identity but a name',
    slices: named('Unknown', { '00100020': ['LO', ''], '00100030': ['DA', ''], '00100040': ['CS', ''] }),
  },
  {
    what: 'an addendum without key images',
    slices: named('Doe^Jane'),
    report: { isAddendum: true, reportId: 'addendum' },
  },
  { what: 'one key image', slices: named('Doe^Jane'), report: { images: [image(0)] } },
  {
    what: 'thirty key images of three series',
    slices: named('Doe^Jane', {}, 30),
    report: { images: Array.from({ length: 30 }, (_, index) => image(index)) },
  },
  {
    what: 'frames of a multi-frame image',
    slices: named('Doe^Jane', threeFrames),
    report: { images: [image(0, 3), image(0, 1)] },
  },
  {
    what: 'other identifiers and a time zone',
    slices: named('Doe^Jane', {
      '00080201': ['SH', '-0330'],
      '00101000': ['LO', 'OLD-1\\OLD-2'],
      '00100021': ['LO', 'Hôpital'],
    }),
  },
  { what: 'an English report', slices: named('Doe^Jane'), report: { language: 'en', images: [image(0)] } },
];

/** An odd length: the value needs a byte more than the document has. */
const pdf = Buffer.from(`%PDF-1.7\n${'é'.repeat(4000)}\n%%EOF`, 'utf8');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'salus-objects-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The study's files and the objects made for it, in a folder of their own. */
function make(
  each: Case,
  name: string,
): { files: string[]; documents: string[]; selections: string[]; built: BuiltObject[] } {
  const files = each.slices.map((facts, index) => write(`${name}-${index}.dcm`, aSlice(facts)));
  const { report, marks } = inputOf(readFileSync(files[0] as string), each.report);
  const built = buildObjects(report);
  const documents = [write(`${name}-report.dcm`, (built[0] as BuiltObject).bytes)];
  const selections = [...built.slice(1), ...(report.images.length > 0 ? buildObjects(marks) : [])].map(
    ({ bytes }, index) => write(`${name}-selection${index}.dcm`, bytes),
  );
  return { files, documents, selections, built };
}

function inputOf(
  source: Uint8Array,
  report: Partial<ReportToBuild> = {},
): { report: ReportToBuild; marks: MarksToBuild } {
  const header = readHeader(source);
  if (!header) throw new Error('no DICOM');
  const study = toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
  const common = {
    study,
    studyUid: String(study['0020000D']?.Value?.[0]),
    atMs: Date.UTC(2026, 6, 1, 22, 59, 59),
    timeZone: 'Europe/Paris',
    softwareVersion: '0.1.0',
    siteId: 'site',
    language: 'fr',
  } as const;
  const whole: ReportToBuild = {
    ...common,
    kind: 'report',
    reportId: 'report',
    version: 3,
    title: "Scanner de l'abdomen – œdème",
    isAddendum: false,
    signer: 'Dr Zoë Ångström-Łukasz',
    pdf,
    images: [],
    ...report,
  };
  const images = whole.images.map((one, index) => ({ ...one, markedBy: index % 2 === 0 ? 'Dr A. B' : 'Éric =C^' }));
  return { report: whole, marks: { ...common, kind: 'marks', images } };
}

function write(name: string, bytes: Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}

function said(program: string, args: string[], env: Record<string, string> = {}): string {
  const { stdout, stderr } = spawnSync(programOf(program), args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env },
  });
  return `${stdout}\n${stderr}`;
}
const errorsIn = (text: string) => text.split('\n').filter((line) => /(^|\s)Error\b/.test(line));

/** dcentvfy compares bytes, in whatever character set: the images as DCMTK, which reads them by itself, writes them in ours. */
function inUtf8(files: readonly string[]): string[] {
  return files.map((file, index) => {
    const out = path.join(folder, `utf8-${index}.dcm`);
    const text = said('dcmconv', ['+U8', file, out]);
    expect(text).not.toMatch(/^[EF]:/m);
    return out;
  });
}

describe('objects of a report', () => {
  it.each(cases.map((each, index) => [each.what, each, index] as const))(
    '%s: the same bytes each time',
    (_what, each, index) => {
      const once = make(each, `once-${index}`);
      const twice = make(each, `twice-${index}`);
      expect(twice.built.map(({ bytes }) => bytes)).toEqual(once.built.map(({ bytes }) => bytes));
    },
  );

  it('carry the document byte for byte, and its true length', () => {
    const { documents } = make(cases[0] as Case, 'bytes');
    const header = readHeader(readFileSync(documents[0] as string));
    const element = header?.elements['x00420011'];
    const length = header?.elements['x00420015'];
    if (!header || !element || !length) throw new Error('no document');
    expect(pdf.length % 2).toBe(1);
    expect(element.length).toBe(pdf.length + 1);
    expect(Buffer.from(header.bytes).readUInt32LE(length.dataOffset)).toBe(pdf.length);
    expect(Buffer.from(header.bytes).subarray(element.dataOffset, element.dataOffset + pdf.length)).toEqual(pdf);
  });

  it('never carry the title of an order to hide or to delete', () => {
    for (const [index, each] of cases.entries()) {
      for (const file of make(each, `titles-${index}`).selections) {
        const text = readFileSync(file).toString('latin1');
        expect(text).toMatch(/113000|113020/);
        expect(text).not.toMatch(/113001|113037|113038|113039/);
      }
    }
  });
});

describe.skipIf(!have('dicom3tools', 'dcmtk'))(
  'objects of a report keep to the standard (needs dicom3tools, DCMTK)',
  () => {
    it.each(cases.map((each, index) => [each.what, each, index] as const))('%s', (_what, each, index) => {
      const { files, documents, selections } = make(each, `case-${index}`);
      for (const [iod, found] of [
        ['EncapsulatedPDF', documents],
        ['KeyObjectSelectionDocument', selections],
      ] as const) {
        for (const file of found) {
          const text = said('dciodvfy', [file]);
          expect(text).toMatch(new RegExp(`^${iod}$`, 'm'));
          expect(errorsIn(text)).toEqual([]);
        }
      }
      expect(errorsIn(said('dcentvfy', [...(each.rareSet ? [] : inUtf8(files)), ...documents, ...selections]))).toEqual(
        [],
      );
    });

    it.each(sampleNames)('beside the images of %s', (name) => {
      const files = readdirSync(path.join(samplesFolder(), name), { recursive: true, encoding: 'utf8' })
        .map((each) => path.join(samplesFolder(), name, each))
        .filter((file) => file.endsWith('.dcm'))
        .sort()
        .slice(0, 20);
      expect(files.length).toBeGreaterThan(0);
      const images = files.slice(0, 3).map((file) => {
        const header = readHeader(readFileSync(file));
        if (!header) throw new Error('no DICOM');
        const json = toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
        const uid = (tag: string) => String(json[tag]?.Value?.[0]);
        const frame = json['00280008'] ? 2 : null;
        const [sopClassUid, sopUid, seriesUid] = [uid('00080016'), uid('00080018'), uid('0020000E')];
        return { studyUid: uid('0020000D'), seriesUid, sopUid, sopClassUid, frame, caption: '' };
      });
      const { report, marks } = inputOf(readFileSync(files[0] as string), { images });
      const objects = [...buildObjects(report), ...buildObjects(marks)].map(({ bytes }, index) =>
        write(`${name}-object${index}.dcm`, bytes),
      );
      for (const file of objects) expect(errorsIn(said('dciodvfy', [file]))).toEqual([]);
      expect(errorsIn(said('dcentvfy', [...inUtf8(files), ...objects]))).toEqual([]);
    });
  },
);

describe.skipIf(!have('dcmtk'))('objects of a report as DCMTK reads them (needs DCMTK)', () => {
  it('dsrdump reads the selection: its title, who chose, and each image with its frame', () => {
    const each = cases.find(({ what }) => what.includes('multi-frame')) as Case;
    const [selection = ''] = make(each, 'dsr').selections;
    const text = said('dsrdump', ['-Er', '+Pl', '+Pc', selection]);
    expect(text).toContain('For Report Attachment');
    expect(text).toContain('Dr Zoë Ångström-Łukasz');
    expect(text).toMatch(/IMAGE:=\(CTe image,[^)]*,3\)[\s\S]*IMAGE:=\(CTe image,[^)]*,1\)/);
    expect(text).not.toMatch(/^E:/m);
  });

  it('dcm2pdf gives the document back', () => {
    const { documents } = make(cases[0] as Case, 'pdf');
    const out = path.join(folder, 'out.pdf');
    said('dcm2pdf', [documents[0] as string, out]);
    // Without (0042,0015), which older versions do not read, the padding comes along.
    expect(readFileSync(out).subarray(0, pdf.length)).toEqual(pdf);
  });

  it('dcmdump finds the person in UTF-8, in every script', () => {
    const { documents } = make(cases[1] as Case, 'script');
    const text = said('dcmdump', ['-Un', documents[0] as string]);
    expect(text).toContain('[ISO_IR 192]');
    expect(text).toContain('[Yamada^Tarou=山田^太郎=やまだ^たろう]');
  });
});

describe.skipIf(!have('pixelmed'))('selections keep to TID 2010 (needs PixelMed)', () => {
  // Java's limit on XPath is below what PixelMed's own style sheets need.
  const env = {
    JAVA_TOOL_OPTIONS: ['TotalOp', 'ExprGrp', 'ExprOp'].map((what) => `-Djdk.xml.xpath${what}Limit=0`).join(' '),
  };

  it('as PixelMed reads them', () => {
    const each = cases.find(({ what }) => what.startsWith('thirty')) as Case;
    const { selections } = make(each, 'pixelmed');
    expect(selections).toHaveLength(3);
    for (const file of selections.slice(0, 2)) {
      const text = said('DicomSRValidator', [file], env);
      expect(text).toContain('TID_2010');
      expect(text).toContain('IOD validation complete');
      expect(errorsIn(text)).toEqual([]);
    }
  });
});
