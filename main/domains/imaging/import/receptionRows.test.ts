import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { FoundRow } from '../../exchange/finding/foundRows.ts';
import { countHere } from '../../exchange/finding/hereCounts.ts';
import { openTestImaging } from '../testImaging.ts';
import { aSlice, type SliceFacts } from '../testObjects.ts';
import { openIntake } from './receptionIntake.ts';

it('answers also what it can not look up, so that a sender is told to keep its object', async () => {
  const t = await openTestImaging();
  const { port1, port2 } = new MessageChannel();
  t.imaging.receptions.serve(port1);
  try {
    const ask = async (id: number): Promise<unknown> => {
      const answered = once(port2, 'message');
      port2.postMessage({ type: 'find', id, sopUid: '1.2.3' });
      return (await answered)[0];
    };
    expect(await ask(1)).toEqual({ type: 'found', id: 1, objectNames: [] });
    // What a rebuild, a restore or a lock does to a store below those who still ask it.
    await t.test.holder.close();
    expect(await ask(2)).toMatchObject({ type: 'failed', id: 2 });
    expect(t.test.logged.some((line) => line.includes('could not be answered'))).toBe(true);
  } finally {
    port2.close();
    await t.close();
  }
});

it('stores nothing again that lies aside or beside another content, only because its file head differs', async () => {
  const t = await openTestImaging();
  const { port1, port2 } = new MessageChannel();
  t.imaging.receptions.serve(port1);
  try {
    const slice: SliceFacts = { study: '1.1', series: '1.1.1', sop: '1.1.1.1', number: 1, value: 100 };
    const other: SliceFacts = { ...slice, value: 140 };
    const paul: SliceFacts = { ...slice, series: '1.1.2', sop: '1.1.2.1', name: 'Martin^Paul', identifier: 'P9' };
    await t.importSlices(slice, other, paul);
    const { stand } = await t.imaging.conflicts.getConflict('study:1.1', '1.1');
    const ref = { conflictId: 'study:1.1', studyUid: '1.1', stand, objectName: null, reason: 'asked the source' };
    await t.imaging.conflicts.settleConflict(t.test.author, { ...ref, decision: 'keepApart' });
    t.imaging.receptions.open({
      ...{ receptionId: 'r', source: 'CT1', author: t.test.author, note: () => undefined },
      origin: { channel: 'dimse', callingAe: 'CT1', nodeId: null },
    });
    const intake = openIntake(t.test.store.archive.access, port2, { leastFreeBytes: 1 });
    for (const facts of [slice, other, paul]) {
      const file = aSlice(facts);
      file.fill(1, 0, 128);
      const bytes = async function* () {
        yield file;
      };
      expect(await intake.takeFile('r', bytes())).toMatchObject({ outcome: 'duplicate' });
    }
    await t.imaging.receptions.settle();
    const { conflicts } = t.imaging;
    expect(conflicts.listConflicts({ state: 'open', studyUid: null, offset: 0, limit: 9 }).rows).toMatchObject([
      { conflictId: 'instance:1.1.1.1', sides: 2 },
    ]);
    // Both are here as far as a search at a peer is concerned.
    const here = { level: 'STUDY', studyUid: '1.1', seriesUid: '', sopUid: '', patientId: 'P9' } as FoundRow;
    const counted = (row: Partial<FoundRow>) => countHere(t.test.store.reader, { ...here, ...row } as FoundRow);
    expect(counted({})).toBe(2);
    expect(counted({ level: 'SERIES', seriesUid: '1.1.2' })).toBe(1);
    expect(counted({ level: 'IMAGE', sopUid: '1.1.2.1' })).toBe(1);
    expect(counted({ level: 'PATIENT', patientId: 'ID-001' })).toBe(1);
  } finally {
    port2.close();
    await t.close();
  }
});
