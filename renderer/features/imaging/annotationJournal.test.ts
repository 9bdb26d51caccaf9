import { describe, expect, it, vi } from 'vitest';
import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { type AnnotationContent, AnnotationJournal, type SaveInput } from './annotationJournal.ts';

function content(annotationId: string, x = 1): AnnotationContent {
  return {
    annotationId,
    studyUid: '1.2',
    seriesUid: '1.2.3',
    sopUid: '1.2.3.4',
    frame: 1,
    tool: 'length',
    points: [
      [0, 0],
      [x, 0],
    ],
    pointsMm: [],
    label: '',
    measurements: [],
    viewState: {},
    archived: false,
  };
}

/** A host that keeps every version, as the real one does, and can refuse. */
class Host {
  versions: Annotation[] = [];
  refuse: Error | undefined;
  list = async () => [...new Map(this.versions.map((each) => [each.annotationId, each])).values()];
  save = async ({ baseVersion, ...input }: SaveInput): Promise<Annotation> => {
    await Promise.resolve();
    if (this.refuse) throw this.refuse;
    const newest = this.versions.findLast((each) => each.annotationId === input.annotationId)?.version ?? 0;
    if (newest !== baseVersion) throw new Failure('imaging.annotationChanged', 'newer version');
    const saved = { ...input, version: newest + 1, author: 'a', at: 1000 + this.versions.length };
    this.versions.push(saved);
    return saved;
  };
}

const settled = () =>
  vi.waitFor(() => undefined, { timeout: 50 }).then(() => new Promise((resolve) => setTimeout(resolve, 5)));

describe('the annotation journal', () => {
  it('saves each gesture as a version and restores the newest', async () => {
    const host = new Host();
    const journal = new AnnotationJournal('1.2', host, () => 'new');
    journal.put(content('a', 1));
    journal.put(content('a', 2));
    await settled();
    expect(host.versions.map((each) => each.points[1]?.[0])).toEqual([1, 2]);
    expect(journal.getState()).toMatchObject({ unsavedCount: 0, savedAt: 1001 });
    const again = new AnnotationJournal('1.2', host, () => 'new');
    await again.load();
    expect(again.getState().entries[0]?.content.points[1]).toEqual([2, 0]);
  });

  it('undoes and redoes by appending versions, and archives what was never there before', async () => {
    const host = new Host();
    const journal = new AnnotationJournal('1.2', host, () => 'new');
    journal.put(content('a', 1));
    await settled();
    journal.put(content('a', 2));
    await settled();
    journal.undo();
    await settled();
    journal.undo();
    await settled();
    expect(host.versions.map((each) => [each.version, each.points[1]?.[0], each.archived])).toEqual([
      [1, 1, false],
      [2, 2, false],
      [3, 1, false],
      [4, 1, true],
    ]);
    journal.redo();
    journal.redo();
    await settled();
    expect(host.versions.at(-1)).toMatchObject({
      archived: false,
      points: [
        [0, 0],
        [2, 0],
      ],
    });
    expect(journal.getState().canRedo).toBe(false);
  });

  it('shows what the host refused as unsaved, keeps it, and saves it when the host is back', async () => {
    vi.useFakeTimers();
    const host = new Host();
    host.refuse = new Failure('storage.diskFull', 'no space');
    const journal = new AnnotationJournal('1.2', host, () => 'new');
    journal.put(content('a', 7));
    await vi.advanceTimersByTimeAsync(10);
    expect(journal.getState()).toMatchObject({ unsavedCount: 1, entries: [{ isSaved: false }] });
    expect(journal.getState().entries[0]?.failure).toBeInstanceOf(Failure);
    host.refuse = undefined;
    await vi.advanceTimersByTimeAsync(1100);
    expect(journal.getState().unsavedCount).toBe(0);
    expect(host.versions).toHaveLength(1);
    vi.useRealTimers();
  });

  it('keeps both when somebody else changed the same annotation', async () => {
    const host = new Host();
    const journal = new AnnotationJournal('1.2', host, () => 'mine');
    journal.put(content('a', 1));
    await settled();
    host.versions.push({
      ...host.versions[0]!,
      version: 2,
      points: [
        [0, 0],
        [99, 0],
      ],
      author: 'other',
    });
    journal.put(content('a', 5));
    await settled();
    await settled();
    const byId = new Map(
      journal.getState().entries.map((entry) => [entry.content.annotationId, entry.content.points[1]?.[0]]),
    );
    expect(byId).toEqual(
      new Map([
        ['a', 99],
        ['mine', 5],
      ]),
    );
    expect(journal.getState()).toMatchObject({ keptBoth: true, unsavedCount: 0 });
    expect(host.versions.some((each) => each.annotationId === 'mine')).toBe(true);
  });

  it('never marks a newer change as saved by a late answer', async () => {
    const host = new Host();
    let answer: (() => void) | undefined;
    const slow = {
      ...host,
      list: host.list,
      save: (input: SaveInput) =>
        new Promise<void>((resolve) => {
          answer = resolve;
        }).then(() => host.save(input)),
    };
    const journal = new AnnotationJournal('1.2', slow, () => 'new');
    journal.put(content('a', 1));
    journal.put(content('a', 2));
    answer?.();
    await settled();
    expect(journal.getState().unsavedCount).toBe(1);
    answer?.();
    await settled();
    expect(host.versions.map((each) => each.points[1]?.[0])).toEqual([1, 2]);
    expect(journal.getState().unsavedCount).toBe(0);
  });

  it('is silent after it was closed', async () => {
    const host = new Host();
    const journal = new AnnotationJournal('1.2', host, () => 'new');
    const heard = vi.fn();
    journal.watch(heard);
    journal.put(content('a'));
    journal.close();
    heard.mockClear();
    await settled();
    expect(heard).not.toHaveBeenCalled();
  });
});
