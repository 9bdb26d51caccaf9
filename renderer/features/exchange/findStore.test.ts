import { afterEach, describe, expect, it } from 'vitest';
import type { FindEvent, Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { Client } from '../../api/contractClient.ts';
import { emptyForm, queryOfForm } from './findQuestion.ts';
import { startFind, stopFind, useFindStore } from './findStore.ts';

const query = queryOfForm(emptyForm);
const row = (nodeId: string, studyUid: string): Found => ({
  nodeId,
  level: 'STUDY',
  patientName: '',
  patientId: '',
  issuer: '',
  birthDate: '',
  sex: '',
  studyUid,
  studyDate: '',
  studyTime: '',
  studyDescription: '',
  accessionNumber: '',
  modalities: [],
  seriesUid: '',
  seriesNumber: '',
  seriesDescription: '',
  sopUid: '',
  instanceNumber: '',
  instanceCount: 1,
  hereCount: 0,
});
const ended = (nodeId: string, failure: { code: string; details: Record<string, never> } | null = null): FindEvent => ({
  type: 'ended',
  nodeId,
  failure,
  count: failure ? 0 : 1,
  isCut: false,
  tookMs: 5,
});

/** A host whose stream gives these events and, where `open` is given, waits for it before its end. */
function hostThat(events: readonly FindEvent[], open?: Promise<void>): Client {
  async function* stream(): AsyncGenerator<FindEvent> {
    yield* events;
    await open;
  }
  return { exchange: { find: async () => stream() } } as unknown as Client;
}

afterEach(() => stopFind());

describe('a search over several nodes', () => {
  it('keeps what came from each, and one that failed does not end the others', async () => {
    const events: FindEvent[] = [
      ended('a', { code: 'exchange.unreachable', details: {} }),
      { type: 'found', rows: [row('b', '1.2')] },
      ended('b'),
    ];
    await startFind(hostThat(events), ['a', 'b'], query);
    const { answers, rows, isRunning } = useFindStore.getState();
    expect([rows.length, isRunning]).toEqual([1, false]);
    expect(answers.get('a')).toMatchObject({ failure: { code: 'exchange.unreachable' } });
    expect(answers.get('b')).toMatchObject({ failure: null, count: 1 });
  });

  it('never takes a node that was not heard to its end for one that has answered', async () => {
    let release = (): void => undefined;
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const search = startFind(
      hostThat([{ type: 'found', rows: [row('a', '1.2')] }, ended('b')], open),
      ['a', 'b'],
      query,
    );
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve));
    stopFind();
    release();
    await search;
    const { answers, rows } = useFindStore.getState();
    expect(answers.get('a')).toEqual({ state: 'stopped' });
    expect(answers.get('b')).toMatchObject({ type: 'ended' });
    expect(rows).toHaveLength(1);
    // A stream that ends without a word of a node is no answer of it either.
    await startFind(hostThat([ended('a')]), ['a', 'b'], query);
    expect(useFindStore.getState().answers.get('b')).toEqual({ state: 'stopped' });
  });

  it('forgets the one before: nothing of an older question is shown with a newer one', async () => {
    let release = (): void => undefined;
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    const late: Client = {
      exchange: {
        find: async () =>
          (async function* () {
            await open;
            yield { type: 'found', rows: [row('a', '9.9')] };
          })(),
      },
    } as unknown as Client;
    const first = startFind(late, ['a'], query);
    await startFind(hostThat([{ type: 'found', rows: [row('a', '1.2')] }, ended('a')]), ['a'], query);
    release();
    await first;
    expect(useFindStore.getState().rows.map((each) => each.studyUid)).toEqual(['1.2']);
  });

  it('says why when it could not be asked at all', async () => {
    const refusing = {
      exchange: { find: () => Promise.reject(new Failure('security.notAllowed', 'no')) },
    } as unknown as Client;
    await startFind(refusing, ['a'], query);
    expect(useFindStore.getState().failure?.code).toBe('security.notAllowed');
    expect(useFindStore.getState().answers.get('a')).toEqual({ state: 'stopped' });
  });
});
