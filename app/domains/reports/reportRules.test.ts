import { describe, expect, test } from 'vitest';
import type { Annotation, Series, Study } from '../imaging/imagingSchema.ts';
import { formatMeasurement, formatNumber } from '../imaging/measurementRules.ts';
import { checkReport, isSectionEmpty, measurementText, rankTemplates, sectionsFromTemplate } from './reportRules.ts';
import type { Report, ReportTemplate } from './reportSchema.ts';

const template = (templateId: string, modalities: string[], bodyParts: string[]): ReportTemplate => ({
  templateId,
  version: '1.0.0',
  modalities,
  bodyParts,
  title: { en: templateId, fr: templateId },
  sections: [
    {
      key: 'findings',
      required: true,
      title: { en: 'Findings', fr: 'Résultats' },
      text: { en: ['Pleura:'], fr: ['Plèvre :'] },
    },
  ],
});

const study = {
  studyUid: '1.2',
  patientId: 'p1',
  modalities: ['CT'],
  bodyParts: ['CHEST'],
  identityConflict: false,
} as unknown as Study;
const annotation = (version: number, archived = false): Annotation =>
  ({
    annotationId: 'a1',
    version,
    archived,
    measurements: [{ kind: 'length', value: 12.44, unit: 'mm', calibration: 'patient' }],
  }) as unknown as Annotation;

function aReport(change: Partial<Report> = {}): Report {
  return {
    reportId: 'r1',
    studyUid: '1.2',
    patientId: 'p1',
    sections: [
      {
        key: 'findings',
        title: 'Findings',
        required: true,
        paragraphs: [
          {
            content: [
              { kind: 'text', text: 'A nodule of ' },
              { kind: 'measurement', annotationId: 'a1', annotationVersion: 1, text: '12.4 mm' },
            ],
          },
        ],
      },
    ],
    keyImages: [],
    ...change,
  } as unknown as Report;
}

const check = (report: Report, annotations: Annotation[] = [annotation(1)], series: Series[] = []) =>
  checkReport({ report, study, series, annotations, availableSopUids: new Set(['1.2.3']) });

describe('templates', () => {
  test('the one for modality and body part comes first, a general one before one for another modality', () => {
    const ranked = rankTemplates(
      [
        template('mr', ['MR'], []),
        template('general', [], []),
        template('ct', ['CT'], []),
        template('ct-chest', ['CT'], ['CHEST']),
      ],
      study,
    );
    expect(ranked.map((entry) => entry.templateId)).toEqual(['ct-chest', 'ct', 'general', 'mr']);
  });

  test('a prompt nobody answered counts as empty, an answered one does not', () => {
    const [section] = sectionsFromTemplate(template('t', [], []), 'fr');
    expect(section && isSectionEmpty(section)).toBe(true);
    expect(
      isSectionEmpty({
        key: 'f',
        title: 'F',
        required: true,
        paragraphs: [{ content: [{ kind: 'text', text: 'Plèvre : libre.' }] }],
      }),
    ).toBe(false);
  });
});

describe('checks before a signature', () => {
  test('a complete report passes', () => expect(check(aReport())).toEqual([]));

  test.each([{ arriving: true }, { isSenderAborted: true }])(
    'a study that may lack images is pointed out: %j',
    (mark) => {
      const codes = checkReport({
        report: aReport(),
        study: { ...study, ...mark },
        series: [],
        annotations: [annotation(1)],
        availableSopUids: new Set(),
      });
      expect(codes).toEqual([{ code: 'studyIncomplete', blocking: false, sectionKey: null, detail: '' }]);
    },
  );

  test('a measurement changed after it was inserted is stale and blocks', () => {
    expect(check(aReport(), [annotation(2)])).toEqual([
      { code: 'measurementStale', blocking: true, sectionKey: 'findings', detail: '12.4 mm' },
    ]);
  });

  test('an archived or unknown measurement blocks', () => {
    expect(check(aReport(), [annotation(1, true)])[0]?.code).toBe('measurementMissing');
    expect(check(aReport(), [])[0]?.code).toBe('measurementMissing');
  });

  test('an image mentioned by a number that it no longer has blocks', () => {
    const image = (sopUid: string) => ({ seriesUid: '1.2', sopUid, frame: 1, window: null, caption: '' });
    const mention = (text: string): Report['sections'] => [
      {
        key: 'f',
        title: 'F',
        required: true,
        paragraphs: [{ content: [{ kind: 'keyImage', sopUid: '1.2.3', frame: 1, text }] }],
      },
    ];
    const codes = (text: string, sopUids: string[]) =>
      checkReport({
        report: aReport({ sections: mention(text), keyImages: sopUids.map(image) }),
        study,
        series: [],
        annotations: [],
        availableSopUids: new Set(['1.2.3', '1.2.4']),
      }).map(({ code, blocking }) => [code, blocking]);
    expect(codes('image 2', ['1.2.4', '1.2.3'])).toEqual([]);
    expect(codes('image 2', ['1.2.3'])).toEqual([['keyImageRenumbered', true]]);
    expect(codes('image 1', ['1.2.4'])).toEqual([['keyImageRenumbered', true]]);
  });

  test('another patient or another study is a hard stop', () => {
    expect(check(aReport({ patientId: 'p2' }))[0]).toMatchObject({ code: 'patientDiffers', blocking: true });
    expect(check(aReport({ studyUid: '1.9' }))[0]).toMatchObject({ code: 'patientDiffers', blocking: true });
  });

  test('the word for the other side is pointed out, in both languages, and "bright" is not "right"', () => {
    const left = [{ laterality: 'L' }] as unknown as Series[];
    const say = (text: string) =>
      check(
        aReport({
          sections: [{ key: 'f', title: 'F', required: true, paragraphs: [{ content: [{ kind: 'text', text }] }] }],
        }),
        [],
        left,
      ).map((entry) => entry.code);
    expect(say('Fracture of the right wrist.')).toEqual(['lateralityDiffers']);
    expect(say('Poignet DROIT.')).toEqual(['lateralityDiffers']);
    expect(say('A bright line, left.')).toEqual([]);
  });
});

describe('numbers as text', () => {
  test('decimal comma in French, thousands apart, true minus, never minus zero', () => {
    expect(formatNumber(1234567.25, 1, 'fr')).toBe('1\u202f234\u202f567,3');
    expect(formatNumber(1234, 0, 'en')).toBe('1,234');
    expect(formatNumber(12.44, 1, 'fr')).toBe('12,4');
    expect(formatNumber(-600, 0, 'en')).toBe('\u2212600');
    expect(formatNumber(-0.01, 1, 'en')).toBe('0.0');
  });

  test('millimetres at the detector say so', () => {
    expect(
      measurementText({ measurements: [{ kind: 'length', value: 5, unit: 'mm', calibration: 'detector' }] }, 'en'),
    ).toBe('5.0\u00a0mm (at detector)');
  });

  test('each number stands in the report as it stands on the picture', () => {
    const none = { calibration: 'none' } as const;
    const shown = [
      { kind: 'angle', value: 63.96, unit: 'deg', ...none },
      { kind: 'area', value: 1234.56, unit: 'mm2', calibration: 'patient' },
      { kind: 'length', value: 312.4, unit: '{px}', ...none },
      { kind: 'value', value: 34.6, unit: "[hnsf'U]", ...none },
      { kind: 'value', value: 7.25, unit: 'Bq/mL', ...none },
    ] as const;
    for (const measurement of shown)
      for (const language of ['en', 'fr'] as const)
        expect(measurementText({ measurements: [measurement] }, language)).toBe(
          formatMeasurement(measurement, language),
        );
  });

  test('an area in pixels has its unit, and a small value is not printed as nothing', () => {
    const none = { calibration: 'none' } as const;
    expect(
      measurementText(
        {
          measurements: [
            { kind: 'area', value: 123.4, unit: '{px2}', ...none },
            { kind: 'mean', value: 0.00083, unit: '1', ...none },
            { kind: 'standardDeviation', value: 0.00002, unit: '1', ...none },
          ],
        },
        'en',
      ),
    ).toBe('123\u00a0px², 0.000830\u00a0±\u00a00.0000200');
    expect(measurementText({ measurements: [{ kind: 'mean', value: 0, unit: '1', ...none }] }, 'en')).toBe('0.0');
    expect(measurementText({ measurements: [{ kind: 'mean', value: 0.4, unit: "[hnsf'U]", ...none }] }, 'fr')).toBe(
      '0,4\u00a0UH',
    );
  });
});
