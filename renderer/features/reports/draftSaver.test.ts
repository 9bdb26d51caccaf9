import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { type DraftContent, DraftSaver, type DraftSaveState, saveIntervalMs } from './draftSaver.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const content = (text: string): DraftContent => ({
  sections: [{ key: 'f', title: 'F', required: true, paragraphs: [{ content: [{ kind: 'text', text }] }] }],
  keyImages: [],
});

/** A host that keeps versions, as the real one does, and can be made to fail. */
function aHost() {
  const kept: { version: number; content: DraftContent }[] = [];
  const host = {
    kept,
    version: 1,
    fail: null as Failure | null,
    async save(baseVersion: number, saved: DraftContent): Promise<Report> {
      await Promise.resolve();
      if (host.fail !== null) throw host.fail;
      if (baseVersion !== host.version) throw new Failure('reports.draftChanged', 'changed');
      host.version += 1;
      kept.push({ version: host.version, content: saved });
      return { version: host.version, savedAt: host.version * 1000 } as Report;
    },
  };
  return host;
}

function aSaver(host: ReturnType<typeof aHost>) {
  const states: DraftSaveState['kind'][] = [];
  const saver = new DraftSaver({ version: 1, savedAt: 0 }, host.save, (state) => states.push(state.kind));
  return { saver, states };
}

test('text is at the host two seconds after the first keystroke, however fast the typing goes on', async () => {
  const host = aHost();
  const { saver } = aSaver(host);
  for (let key = 0; key < 10; key += 1) {
    saver.change(content(`word ${key}`));
    await vi.advanceTimersByTimeAsync(saveIntervalMs / 8);
  }
  expect(host.kept.length).toBeGreaterThanOrEqual(1);
  await vi.advanceTimersByTimeAsync(saveIntervalMs);
  expect(host.kept.at(-1)?.content).toEqual(content('word 9'));
  expect(saver.state.kind).toBe('saved');
});

test('a save that fails keeps the text, says so, and tries again', async () => {
  const host = aHost();
  const { saver, states } = aSaver(host);
  host.fail = new Failure('system.disconnected', 'gone');
  saver.change(content('kept'));
  await vi.advanceTimersByTimeAsync(saveIntervalMs);
  expect(states).toContain('failed');
  host.fail = null;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(host.kept).toEqual([{ version: 2, content: content('kept') }]);
});

test('a newer draft on the host is never overwritten until a person says so', async () => {
  const host = aHost();
  const { saver } = aSaver(host);
  host.version = 5;
  saver.change(content('mine'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(host.kept).toEqual([]);
  expect(saver.state.kind).toBe('conflict');
  saver.change(content('mine, longer'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(host.kept).toEqual([]);
  await saver.keepMine(5);
  expect(host.kept).toEqual([{ version: 6, content: content('mine, longer') }]);
});

test('flush returns the version that holds everything typed so far', async () => {
  const host = aHost();
  const { saver } = aSaver(host);
  saver.change(content('a'));
  expect(await saver.flush()).toBe(2);
  expect(host.kept.at(-1)?.content).toEqual(content('a'));
});

test('flush says why it could not save', async () => {
  const host = aHost();
  const { saver } = aSaver(host);
  host.fail = new Failure('storage.diskFull', 'full');
  saver.change(content('a'));
  await expect(saver.flush()).rejects.toMatchObject({ code: 'storage.diskFull' });
});

test('closing sends what is left', async () => {
  const host = aHost();
  const { saver } = aSaver(host);
  saver.change(content('last words'));
  saver.close();
  await vi.advanceTimersByTimeAsync(0);
  expect(host.kept.at(-1)?.content).toEqual(content('last words'));
});
