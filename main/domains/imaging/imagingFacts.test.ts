import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotationSchema, keyImageSchema } from '../../../app/domains/imaging/imagingSchema.ts';
import type { NewAnnotation } from './imagingFacts.ts';
import { openTestImaging, type TestImaging } from './testImaging.ts';
import { aSlice } from './testObjects.ts';

let t: TestImaging;
let folder: string;
beforeAll(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-facts-'));
  writeFileSync(join(folder, 'a.dcm'), aSlice({ study: '1.1', series: '1.1.1', sop: '1.1.1.1' }));
  writeFileSync(join(folder, 'b.dcm'), aSlice({ study: '2.2', series: '2.2.1', sop: '2.2.1.1' }));
  const frames = { '00280008': ['IS', '2'] } as const;
  writeFileSync(join(folder, 'c.dcm'), aSlice({ study: '1.1', series: '1.1.1', sop: '1.1.1.2', more: frames }));
  writeFileSync(join(folder, 'd.dcm'), aSlice({ study: '1.1', series: '1.1.2', sop: '1.1.2.1' }));
  await t.importPaths(folder);
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

function aLength(more: Partial<NewAnnotation> = {}): NewAnnotation {
  return {
    annotationId: randomUUID(),
    baseVersion: 0,
    studyUid: '1.1',
    seriesUid: '1.1.1',
    sopUid: '1.1.1.1',
    frame: 1,
    tool: 'length',
    points: [
      [1, 1],
      [5, 4],
    ],
    pointsMm: [],
    label: '',
    measurements: [{ kind: 'length', value: 5, unit: '{px}', calibration: 'none' }],
    viewState: {},
    archived: false,
    ...more,
  };
}
const save = (annotation: NewAnnotation) => t.imaging.saveAnnotation(t.test.author, annotation);
const code = (value: string) => expect.objectContaining({ code: value });

describe('annotations', () => {
  it('are versions that follow one another; the newest is listed', () => {
    const first = save(aLength());
    expect(annotationSchema.parse(first)).toMatchObject({ version: 1, author: 'tester' });
    const second = save({ ...aLength(), annotationId: first.annotationId, baseVersion: 1, label: 'nodule' });
    expect(second.version).toBe(2);
    const archived = save({ ...aLength(), annotationId: first.annotationId, baseVersion: 2, archived: true });
    expect(t.imaging.listAnnotations('1.1').find(({ annotationId }) => annotationId === first.annotationId)).toEqual(
      archived,
    );
  });

  it('are refused, not merged, when somebody was quicker', () => {
    const first = save(aLength());
    save({ ...aLength(), annotationId: first.annotationId, baseVersion: 1, label: 'theirs' });
    expect(() => save({ ...aLength(), annotationId: first.annotationId, baseVersion: 1, label: 'mine' })).toThrowError(
      code('imaging.annotationChanged'),
    );
    expect(() => save({ ...aLength(), annotationId: first.annotationId, baseVersion: 0 })).toThrowError(
      code('imaging.annotationChanged'),
    );
    expect(
      t.imaging.listAnnotations('1.1').find(({ annotationId }) => annotationId === first.annotationId)?.label,
    ).toBe('theirs');
  });

  it('are only about an image that exists, and never move to another', () => {
    expect(() => save(aLength({ baseVersion: 3 }))).toThrowError(code('imaging.annotationUnknown'));
    expect(() => save(aLength({ sopUid: '9.9' }))).toThrowError(code('imaging.instanceUnknown'));
    expect(() => save(aLength({ studyUid: '2.2' }))).toThrowError(code('imaging.instanceUnknown'));
    expect(() => save(aLength({ frame: 2 }))).toThrowError(code('imaging.frameUnknown'));
    expect(() => save(aLength({ viewState: { blob: 'x'.repeat(70_000) } }))).toThrowError(code('imaging.tooLarge'));
    const first = save(aLength());
    const other = { ...aLength(), annotationId: first.annotationId, baseVersion: 1 };
    for (const elsewhere of [
      { studyUid: '2.2', seriesUid: '2.2.1', sopUid: '2.2.1.1' },
      { sopUid: '1.1.1.2' },
      { seriesUid: '1.1.2', sopUid: '1.1.2.1' },
    ]) {
      expect(() => save({ ...other, ...elsewhere })).toThrowError(code('imaging.annotationMoved'));
    }
    const { annotationId } = save(aLength({ sopUid: '1.1.1.2', frame: 2 }));
    const onFrame = aLength({ annotationId, sopUid: '1.1.1.2', frame: 2, baseVersion: 1 });
    expect(() => save({ ...onFrame, frame: 1 })).toThrowError(code('imaging.annotationMoved'));
    expect(save({ ...onFrame, label: 'same place' }).version).toBe(2);
  });

  it('cannot be changed or removed in the database', () => {
    const attempt = (sql: string) => () => t.test.store.gate.write(t.test.author, 'test', (tx) => tx.run(sql));
    expect(attempt("UPDATE annotation_version SET body = '{}'")).toThrow(/append-only/);
    expect(attempt('DELETE FROM annotation_version')).toThrow(/append-only/);
    expect(attempt('UPDATE key_image_mark SET marked = 0')).not.toThrow(/no such/);
  });

  it('lie in the archive before they are listed', async () => {
    const saved = save(aLength({ label: 'kept twice' }));
    const names: string[] = [];
    const { archive } = t.test.store;
    for await (const name of archive.names()) if (archive.find(name)?.kind === 'statement') names.push(name);
    const statements = await Promise.all(
      names.map(async (name) => JSON.parse(Buffer.from(await t.test.store.archive.get(name)).toString())),
    );
    const found = statements.filter(({ type, id }) => type === 'annotation' && id === saved.annotationId);
    expect(found.map(({ version, payload }) => [version, payload])).toEqual([[1, saved]]);
  });
});

describe('key images', () => {
  it('are marked and unmarked; the window they were seen with is kept', () => {
    const mark = {
      studyUid: '1.1',
      seriesUid: '1.1.1',
      sopUid: '1.1.1.1',
      frame: 1,
      window: { centre: 40, width: 400, function: 'SIGMOID' as const },
      marked: true,
    };
    const [marked] = t.imaging.setKeyImage(t.test.author, mark);
    expect(keyImageSchema.parse(marked)).toMatchObject({
      sopUid: '1.1.1.1',
      frame: 1,
      author: 'tester',
      window: { centre: 40, width: 400, function: 'SIGMOID' },
    });
    expect(t.imaging.setKeyImage(t.test.author, { ...mark, window: null }).map(({ window }) => window)).toEqual([null]);
    expect(t.imaging.setKeyImage(t.test.author, { ...mark, marked: false })).toEqual([]);
    expect(t.imaging.listKeyImages('1.1')).toEqual([]);
  });

  it('are rendered for a report', async () => {
    const { png, width, height, scale, pixelAspect } = await t.imaging.renderKeyImage({
      studyUid: '1.1',
      sopUid: '1.1.1.1',
      frame: 1,
      window: null,
    });
    expect(Buffer.from(png.subarray(1, 4)).toString()).toBe('PNG');
    expect([width, height, scale, pixelAspect]).toEqual([8, 8, 1, 1]);
  });

  it('are rendered through the curve they were seen through', async () => {
    const picture = async (curve: 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID') => {
      const window = { centre: 0.2, width: 4, function: curve };
      const mark = { studyUid: '1.1', seriesUid: '1.1.1', sopUid: '1.1.1.1', frame: 1, window, marked: true };
      const [marked] = t.imaging.setKeyImage(t.test.author, mark);
      if (!marked) throw new Error('the mark is not listed');
      return Buffer.from((await t.imaging.renderKeyImage(marked)).png).toString('base64');
    };
    const pictures = [await picture('LINEAR'), await picture('LINEAR_EXACT'), await picture('SIGMOID')];
    expect(new Set(pictures).size).toBe(3);
    expect(keyImageSchema.shape.window.safeParse({ centre: 1, width: 2 }).success).toBe(false);
  });
});
