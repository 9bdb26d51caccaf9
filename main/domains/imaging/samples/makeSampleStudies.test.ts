import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countSampleFiles, makeSampleStudies } from './makeSampleStudies.ts';
import { numbersOf, readImage } from './sampleReader.ts';
import { chestCtTruth, type SampleName, sampleNames, sampleStudies } from './samplesTruth.ts';

const files = new Map<string, Uint8Array>();
const folder = mkdtempSync(join(tmpdir(), 'salus-samples-'));
const hasDicom3tools = spawnSync('dciodvfy', ['-h']).error === undefined;

beforeAll(() => {
  for (const file of makeSampleStudies()) files.set(file.relativePath, file.bytes);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the set', () => {
  it('has the files it says', () => {
    expect(files.size).toBe(countSampleFiles());
    for (const name of sampleNames) expect(pathsOf(name)).toHaveLength(countSampleFiles({ only: [name] }));
  });

  it('has the same bytes every time', { timeout: 60_000 }, () => {
    const again: Iterable<{ relativePath: string; bytes: Uint8Array }>[] = [
      makeSampleStudies({ only: ['head-mr', 'mammogram', 'ultrasound', 'chest-radiograph'] }),
      first(12, makeSampleStudies({ only: ['chest-ct'] })),
      first(6, makeSampleStudies({ only: ['chest-ct-prior'] })),
    ];
    let compared = 0;
    for (const run of again) {
      for (const { relativePath, bytes } of run) {
        expect(sha256(bytes), relativePath).toBe(sha256(files.get(relativePath)!));
        compared++;
      }
    }
    expect(compared).toBe(80 + 4 + 1 + 2 + 12 + 6);
  });

  it('has five persons, six studies, and no UID twice', () => {
    const instances = new Set<string>();
    const studies = new Map<string, string>();
    for (const bytes of files.values()) {
      const { dataset } = readImage(bytes);
      instances.add(dataset.string('x00080018')!);
      studies.set(dataset.string('x0020000d')!, dataset.string('x00100020')!);
      for (const tag of ['x00080018', 'x0020000d', 'x0020000e'])
        expect(dataset.string(tag)).toMatch(/^2\.25\.\d{1,39}$/);
    }
    expect(instances.size).toBe(files.size);
    expect(studies.size).toBe(6);
    expect(new Set(studies.values()).size).toBe(5);
  });

  it('writes each name in the character set it declares', () => {
    const nameBytes = (name: SampleName): Buffer => {
      const bytes = files.get(pathsOf(name)[0]!)!;
      const element = readImage(bytes).dataset.elements['x00100010']!;
      return Buffer.from(bytes.subarray(element.dataOffset, element.dataOffset + element.length));
    };
    for (const name of sampleNames) {
      const { patient } = sampleStudies[name];
      const encoding = patient.characterSet === 'ISO_IR 192' ? 'utf8' : 'latin1';
      expect(nameBytes(name).toString(encoding).trimEnd()).toBe(patient.name);
    }
    expect(sampleStudies['chest-radiograph'].patient.characterSet).toBe('ISO_IR 100');
  });

  it('makes another study of another slice count', () => {
    const [one] = [...first(1, makeSampleStudies({ only: ['chest-ct'], chestSlices: 200 }))];
    const { dataset } = readImage(one!.bytes);
    expect(numbersOf(dataset, 'x00180050')).toEqual([1.5]);
    expect(dataset.string('x0020000d')).not.toBe(
      readImage(files.get('chest-ct/02/0001.dcm')!).dataset.string('x0020000d'),
    );
    expect(() => chestCtTruth(201)).toThrow(RangeError);
  });
});

describe.skipIf(!hasDicom3tools)('the set before the validators (needs dicom3tools)', () => {
  it('passes dciodvfy without an error', { timeout: 120_000 }, () => {
    for (const path of files.keys()) {
      const { stderr, stdout } = spawnSync('dciodvfy', [join(folder, path)], { encoding: 'utf8' });
      expect(
        `${stdout}${stderr}`.split('\n').filter((line) => /error|abort/i.test(line)),
        path,
      ).toEqual([]);
    }
  });

  it('passes dcentvfy study by study', { timeout: 60_000 }, () => {
    for (const name of sampleNames) {
      const paths = pathsOf(name).map((path) => join(folder, path));
      const { status, stderr, stdout } = spawnSync('dcentvfy', paths, { encoding: 'utf8' });
      expect(`${stdout}${stderr}`.trim(), name).toBe('');
      expect(status).toBe(0);
    }
  });

  it('would say so if an object were wrong', () => {
    const path = join(folder, 'broken.dcm');
    const broken = new Uint8Array(files.get('chest-ct/02/0001.dcm')!);
    const element = readImage(broken).dataset.elements['x00080020']!;
    broken[element.dataOffset] = 'X'.charCodeAt(0);
    writeFileSync(path, broken);
    const { stderr, stdout } = spawnSync('dciodvfy', [path], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toMatch(/Error/);
    rmSync(path);
  });
});

describe.skipIf(spawnSync('dcmdump', ['--version']).error !== undefined)('read by DCMTK (needs DCMTK)', () => {
  it('gives the stated names and numbers', () => {
    const dump = execFileSync('dcmdump', ['-q', join(folder, 'head-mr/03/0001.dcm')], { encoding: 'utf8' });
    expect(dump).toContain('SAINT-EXUPÉRY^Anne-Sophie^Éléonore^Mme');
    expect(dump).toMatch(/\(0028,0030\) DS \[0\.9\\0\.9\]/);
  });
});

function pathsOf(name: SampleName): string[] {
  return [...files.keys()].filter((path) => path.startsWith(`${name}/`));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function* first<T>(count: number, values: Iterable<T>): Generator<T> {
  let made = 0;
  for (const value of values) {
    yield value;
    if (++made === count) return;
  }
}
