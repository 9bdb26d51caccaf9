import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labelPlace, renderReportPdf } from './reportPdf.ts';
import type { ReportPdfInput } from './reportPdfInput.ts';

const font = (name: string): Uint8Array =>
  readFileSync(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));

function aKeyImage(): Uint8Array {
  const png = new PNG({ width: 64, height: 48 });
  for (let index = 0; index < 64 * 48; index += 1)
    png.data.set([index % 256, index % 256, index % 256, 255], index * 4);
  return PNG.sync.write(png);
}

function anInput(change: Partial<ReportPdfInput> = {}): ReportPdfInput {
  return {
    language: 'fr',
    draft: false,
    siteName: 'Clinique du Nord',
    title: 'Scanner du thorax',
    reportId: '01931f0e-0000-7000-8000-000000000001',
    documentId: '01931f0e-0000-7000-8000-000000000002',
    version: 3,
    patient: {
      displayName: 'LEFÈVRE-D’AUBIGNÉ Jeanne',
      identifier: '40 221 873',
      issuer: 'IPP',
      birthDate: '19410215',
      sex: 'F',
    },
    study: {
      description: 'Thorax sans injection',
      modalities: ['CT'],
      date: '20261120',
      time: '140322',
      accessionNumber: 'A-2026-11842',
      referringPhysician: 'KELLER S.',
      studyUid: '2.25.1',
    },
    addendumTo: null,
    sections: [
      {
        key: 'findings',
        title: 'Résultats',
        required: true,
        paragraphs: [
          { content: [{ kind: 'text', text: 'Plèvre :' }] },
          {
            content: [
              { kind: 'text', text: 'Nodule solide de ' },
              {
                kind: 'measurement',
                annotationId: '01931f0e-0000-7000-8000-000000000003',
                annotationVersion: 1,
                text: '12,4\u00a0mm',
              },
              { kind: 'text', text: ' du segment S6 gauche. Œdème, cœur, naïf, ÿ.' },
            ],
          },
          { list: true, content: [{ kind: 'text', text: 'mot'.repeat(120) }] },
        ],
      },
    ],
    keyImages: [
      {
        png: aKeyImage(),
        width: 64,
        height: 48,
        pixelAspect: 1,
        caption: 'Série 2, coupe 73',
        overlays: [
          {
            shape: 'polyline',
            points: [
              [10, 10],
              [40, 30],
            ],
            label: '12,4 mm',
          },
        ],
      },
    ],
    author: 'clambert',
    signature: { fullName: 'Dr C. Lambert', operatorName: 'clambert', signedAt: Date.UTC(2026, 10, 20, 13, 3, 22) },
    timeZone: 'Europe/Paris',
    fonts: { regular: font('DejaVuSans'), bold: font('DejaVuSans-Bold') },
    ...change,
  };
}

function hasPoppler(): boolean {
  try {
    execFileSync('pdftotext', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('the same input gives the same bytes', async () => {
  const [first, second] = await Promise.all([renderReportPdf(anInput()), renderReportPdf(anInput())]);
  expect(Buffer.from(first).equals(Buffer.from(second))).toBe(true);
});

test('the file names the document and not the patient where a window would show it', async () => {
  const text = Buffer.from(await renderReportPdf(anInput())).toString('latin1');
  expect(text).not.toContain('Jeanne');
});

test('the label of a measurement stays inside its image, wherever the measurement begins', () => {
  const box = { x: 50, top: 100, width: 120, height: 90 };
  for (const characters of [3, 20, 60]) {
    const widthAt = (size: number) => characters * size * 0.6;
    for (const x of [50, 110, 170]) {
      for (const top of [100, 145, 190]) {
        const place = labelPlace({ x, top }, widthAt, box);
        expect(place.x).toBeGreaterThanOrEqual(box.x);
        expect(place.x + widthAt(place.size)).toBeLessThanOrEqual(box.x + box.width);
        expect(place.baseline - place.size).toBeGreaterThanOrEqual(box.top);
        expect(place.baseline).toBeLessThanOrEqual(box.top + box.height);
      }
    }
  }
  expect(labelPlace({ x: 60, top: 150 }, (size) => size * 2, box)).toEqual({ x: 64, baseline: 146, size: 7.5 });
});

describe.skipIf(!hasPoppler())('read back by poppler (needs pdftotext)', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'salus-pdf-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function textOf(input: ReportPdfInput): Promise<string> {
    const file = join(folder, 'report.pdf');
    writeFileSync(file, await renderReportPdf(input));
    return execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
  }

  test('accents, ligatures, the number and the signature are there as written', async () => {
    const text = await textOf(anInput());
    for (const expected of [
      'LEFÈVRE-D’AUBIGNÉ Jeanne',
      'Œdème, cœur, naïf, ÿ.',
      '15/02/1941',
      'A-2026-11842',
      'Dr C. Lambert',
      '20/11/2026 14:03:22 UTC+01:00',
    ]) {
      expect(text).toContain(expected);
    }
    expect(text.replace(/\s+/g, ' ')).toContain('Nodule solide de 12,4 mm du segment S6 gauche');
  });

  test('a prompt nobody answered is not printed', async () => expect(await textOf(anInput())).not.toContain('Plèvre'));

  test('a draft says so and carries no signature', async () => {
    const text = await textOf(anInput({ draft: true, signature: null }));
    expect(text).toContain('BROUILLON');
    expect(text).not.toContain('Signé électroniquement');
  });

  test('every page says who and which document, over many pages', async () => {
    const paragraphs = Array.from({ length: 120 }, (_, index) => ({
      content: [{ kind: 'text' as const, text: `Ligne ${index} ${'texte '.repeat(30)}` }],
    }));
    const text = await textOf(anInput({ sections: [{ key: 'f', title: 'Résultats', required: true, paragraphs }] }));
    const pages = text.split('\f').filter((page) => page.trim() !== '');
    expect(pages.length).toBeGreaterThan(4);
    for (const [index, page] of pages.entries()) {
      expect(page).toContain('LEFÈVRE-D’AUBIGNÉ Jeanne');
      expect(page).toContain(`Page ${index + 1} sur ${pages.length}`);
    }
    expect(text).toContain('Ligne 119');
  });

  test('a letter the font lacks is spelled out, never a box', async () => {
    const text = await textOf(
      anInput({ patient: { displayName: '山田 太郎', identifier: '1', issuer: '', birthDate: '', sex: '' } }),
    );
    expect(text).toContain('[U+5C71]');
    expect(text).toContain('non précisé');
  });
});
