import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import type { Statement } from '../../main/database/writeGate.ts';
import { prefetchReplayer } from '../../main/domains/exchange/prefetch/prefetchReplay.ts';
import { worklistReplayer } from '../../main/domains/worklist/worklistReplay.ts';
import {
  type ArchivePeer,
  type DatedSlice,
  isEnded,
  openPrefetchTest,
  type PrefetchTest,
  shelved,
  startArchivePeer,
  until,
} from './prefetchServices.ts';

/* Hazard: priors are promised and do not come, and nobody is told; or one look leads to the next without an end. */

const anne: DatedSlice = { identifier: 'ID-001', name: 'Lefèvre^Anne', birthDate: '19600102' };
const minuteMs = 60_000;

describe('a rule for priors', { timeout: 90_000 }, () => {
  let peer: ArchivePeer;
  let salus: PrefetchTest;
  beforeEach(async () => {
    [peer, salus] = await Promise.all([startArchivePeer(), openPrefetchTest()]);
  });
  afterEach(async () => {
    await salus.close();
    await peer.stop();
  });

  const audited = (action: string) =>
    salus.test.store.reader.all('SELECT 1 FROM audit_entry WHERE action = ?', action).length;

  it('looks once for a study, however much comes of it, and never for what it brought', async () => {
    // Not a week old: a study like any other, but for how it came here.
    peer.objects = [
      shelved({ ...anne, study: '1.3.1', date: '20261119' }),
      shelved({ ...anne, study: '1.3.2', date: '20261118' }),
    ];
    salus.addRule([salus.addArchive('archive', peer)], {
      priors: { sameModality: false, modalities: [], atMost: 1, years: 5 },
    });
    await salus.arrives({ ...anne, study: '1.4' }, { ...anne, study: '1.4' });
    expect(await salus.run(isEnded)).toMatchObject({ state: 'done', studyUid: '1.4', found: 1, fetched: 1 });
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.restart();
    await salus.arrives({ ...anne, study: '1.4' }, { ...anne, study: '1.5', date: '20261001' });
    // Something that is looked for, so that all before it has been seen.
    await salus.arrives({ identifier: 'ID-002', name: 'Petit^Zoé', study: '1.6' });
    await salus.run(isEnded, '1.6');
    expect(salus.runs().map(({ studyUid }) => studyUid)).toEqual(['1.6', '1.4']);
    expect(peer.looks()).toBe(2);
    expect(audited('exchange.prefetch')).toBe(2);
    expect(salus.here('1.3.1')).toBe(1);
    expect(salus.here('1.3.2')).toBe(0);
  });

  it('begins with what arrives after it was saved, and means what a later instance says', async () => {
    await salus.arrives({ ...anne, study: '1.3' });
    salus.test.clock.advance(1000);
    salus.addRule([salus.addArchive('archive', peer)], { match: { modalities: ['PT'], bodyParts: [] } });
    // The second of them is looked for, so that the first has been seen.
    await salus.arrives(
      { ...anne, study: '1.4', modality: 'CT' },
      { identifier: 'ID-002', name: 'Petit^Zoé', study: '1.6', modality: 'PT' },
    );
    await salus.run(isEnded, '1.6');
    expect(salus.runs().map(({ studyUid }) => studyUid)).toEqual(['1.6']);
    salus.test.clock.advance(1000);
    salus.addRule([salus.addArchive('second', peer)], { name: 'of CT' });
    await salus.arrives({ ...anne, study: '1.5' });
    expect(await salus.run(isEnded, '1.5')).toMatchObject({ ruleName: 'of CT' });
    await salus.arrives({ ...anne, study: '1.4', series: '1.4.2', modality: 'PT' });
    expect(await salus.run(isEnded, '1.4')).toMatchObject({ ruleName: 'priors' });
  });

  it('does not go round and round where nothing can be written', async () => {
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    const { gate } = salus.test.store;
    const { append, write } = gate;
    let tries = 0;
    let isFull = false;
    const full = () => {
      tries += 1;
      throw new Failure('storage.diskFull', 'full');
    };
    salus.addRule([salus.addArchive('archive', peer)]);
    peer.isDown = true;
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(({ state, lastTrouble }) => state === 'waiting' && lastTrouble !== null);
    const wrapped = gate as { append: typeof append; write: typeof write };
    wrapped.append = (author, work) => (isFull ? full() : append(author, work));
    wrapped.write = (author, action, work) => (isFull ? full() : write(author, action, work));
    isFull = true;
    peer.isDown = false;
    const from = performance.now();
    salus.test.clock.advance(2 * minuteMs);
    await until(
      () => tries >= 24,
      () => 'some tries',
    );
    // One look tries twice: what it does, and to say that it failed. Then it rests for as long as looks lie apart, 50 ms.
    expect(performance.now() - from).toBeGreaterThan(500);
    isFull = false;
    expect(await salus.run(isEnded)).toMatchObject({ state: 'done', fetched: 1 });
    Object.assign(gate, { append, write });
  });

  it('fetches nothing for a rule that is switched off while it looks', async () => {
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    peer.delayMs = 300;
    const made = salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(({ state }) => state === 'searching');
    const { ruleId, version, lastAt: _at, lastTrouble: _trouble, ...rule } = made;
    salus.prefetch.save(salus.test.author, { ruleId, baseVersion: version, rule: { ...rule, enabled: false } });
    await until(
      () => salus.runs().length === 0,
      () => 'a look that is dropped',
    );
    expect(peer.fetched()).toEqual([]);
    expect(audited('exchange.prefetch')).toBe(1);
  });

  it('drops what ended three months ago', async () => {
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(isEnded);
    salus.test.clock.advance(91 * 24 * 60 * minuteMs);
    await salus.restart();
    await until(
      () => salus.runs().length === 0,
      () => 'an old look that is dropped',
    );
    await salus.restart();
    expect(salus.runs()).toEqual([]);
    expect(peer.looks()).toBe(1);
  });

  it('says what a node did not do, tries again with longer pauses, and succeeds when it is back', async () => {
    peer.isDown = true;
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    const rule = salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    const failing = await salus.run(({ lastTrouble }) => lastTrouble !== null);
    expect(failing).toMatchObject({ lastTrouble: { code: 'exchange.serverError' } });
    expect(failing.lastTrouble?.details['nodeId']).toBe(rule.nodeIds[0]);
    await salus.run(({ state }) => state === 'waiting');
    expect(salus.prefetch.list()).toMatchObject([{ lastTrouble: { code: 'exchange.serverError' } }]);
    peer.isDown = false;
    salus.test.clock.advance(2 * minuteMs);
    expect(await salus.run(isEnded)).toMatchObject({ state: 'done', found: 1, fetched: 1, lastTrouble: null });
    expect(salus.here('1.3.1')).toBe(1);
  });

  it('fails for good after five looks, over a restart too, and says why', async () => {
    peer.isDown = true;
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    for (let look = 1; look < 5; look += 1) {
      const { nextAttemptAt } = await salus.run(
        ({ state }) => state === 'waiting' && audited('exchange.prefetch') === look,
      );
      if (look === 2) await salus.restart();
      salus.test.clock.set((nextAttemptAt ?? 0) + 1000);
    }
    expect(await salus.run(isEnded)).toMatchObject({ state: 'failed', lastTrouble: { code: 'exchange.serverError' } });
    expect(audited('exchange.prefetch')).toBe(5);
  });

  it('brings what one node has though another is down, and the rest from that one later', async () => {
    const second = await startArchivePeer();
    try {
      second.isDown = true;
      peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
      second.objects = [shelved({ ...anne, study: '1.3.2', date: '20250201' })];
      salus.addRule([salus.addArchive('one', peer), salus.addArchive('two', second)]);
      await salus.arrives({ ...anne, study: '1.4' });
      await until(
        () => salus.here('1.3.1') === 1,
        () => 'the first prior',
      );
      await salus.run(({ state, lastTrouble }) => state === 'waiting' && lastTrouble?.code === 'exchange.serverError');
      second.isDown = false;
      salus.test.clock.advance(2 * minuteMs);
      expect(await salus.run(isEnded)).toMatchObject({ state: 'done', found: 2, fetched: 2 });
    } finally {
      await second.stop();
    }
  });

  it('goes on after a restart in the middle of a fetch, without another look', async () => {
    let letGo: () => void = () => undefined;
    peer.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    peer.objects = [
      shelved({ ...anne, study: '1.3.1', date: '20250101' }),
      shelved({ ...anne, study: '1.3.2', date: '20250201' }),
    ];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await until(
      () => peer.fetched().length === 1,
      () => 'a fetch under way',
    );
    await salus.restart();
    peer.hold = null;
    letGo();
    expect(await salus.run(isEnded)).toMatchObject({ state: 'done', found: 2, fetched: 2 });
    expect([salus.here('1.3.1'), salus.here('1.3.2')]).toEqual([1, 1]);
    expect(peer.looks()).toBe(1);
    expect(audited('exchange.prefetch')).toBe(1);
    // The job that the restart cut off went on: it was not refused for having no operator, nor started twice.
    const jobs = salus.test.store.jobs.list().filter(({ kind }) => kind === 'fetch');
    expect(jobs.map(({ state }) => state)).toEqual(['done', 'done']);
  });

  it('leaves be what a person cancels', async () => {
    let letGo: () => void = () => undefined;
    peer.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await until(
      () => peer.fetched().length === 1,
      () => 'a fetch under way',
    );
    const { store, author } = salus.test;
    const job = store.jobs.list().find(({ kind, state }) => kind === 'fetch' && state === 'running');
    expect(store.jobs.ownerOf(job?.jobId ?? '')).toEqual({ operatorId: null, permission: 'exchange.search' });
    store.jobs.cancel(job?.jobId ?? '', author);
    letGo();
    expect(await salus.run(isEnded)).toMatchObject({
      state: 'failed',
      fetched: 0,
      lastTrouble: { code: 'exchange.prefetchCancelled' },
    });
  });

  it('brings nothing while the disk is nearly full, and says so', async () => {
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    salus.addRule([salus.addArchive('archive', peer)]);
    const { settings } = salus.receiver.state();
    await salus.receiver.save(salus.test.author, { ...settings, leastFreeMib: 10_000_000 });
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(({ state, lastTrouble }) => state === 'waiting' && lastTrouble?.code === 'storage.diskFull');
    expect(peer.requests).toEqual([]);
    await salus.receiver.save(salus.test.author, { ...settings, leastFreeMib: 64 });
    salus.test.clock.advance(11 * minuteMs);
    expect(await salus.run(isEnded)).toMatchObject({ state: 'done', fetched: 1, lastTrouble: null });
  });

  it('does not call a study unread work that it brought to compare with', async () => {
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(isEnded);
    const { worklist } = salus.imaging.services;
    const look = async () => ({
      counts: worklist.counts('nobody'),
      unread: (await salus.imaging.list({ reportStates: ['none'] })).rows.map(({ studyUid }) => studyUid),
      all: (await salus.imaging.list()).rows.map(({ studyUid, prior }) => [studyUid, prior]),
    });
    const seen = await look();
    expect(seen.counts).toMatchObject({ all: 2, unread: 1 });
    expect(seen.unread).toEqual(['1.4']);
    expect(seen.all).toEqual([
      ['1.3.1', true],
      ['1.4', false],
    ]);
    const { priors } = salus.imaging.imaging.getStudyDetail('1.4');
    expect(priors.map(({ studyUid }) => studyUid)).toEqual(['1.3.1']);
  });

  it('calls it work once somebody sends it, be it the same images, or gives it to a person', async () => {
    const sent = shelved({ ...anne, study: '1.3.1', date: '20261119' });
    peer.objects = [sent, shelved({ ...anne, study: '1.3.2', date: '20261118' })];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(isEnded);
    const { worklist } = salus.imaging.services;
    expect(worklist.counts('reader')).toMatchObject({ all: 3, unread: 1 });
    await salus.arrivesToo(sent);
    expect(worklist.counts('reader')).toMatchObject({ all: 3, unread: 2 });
    worklist.assign(salus.test.author, '1.3.2', 'reader');
    expect(worklist.counts('reader')).toMatchObject({ all: 3, unread: 3, mine: 1 });
    // It was looked for no further: the priors of a prior are nobody's wish.
    expect(salus.runs().map(({ studyUid }) => studyUid)).toEqual(['1.4']);
  });

  it('comes back with its index, and with what it was that it brought', async () => {
    const { store } = salus.test;
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
    const rule = salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    const run = await salus.run(isEnded);
    const statements: Statement[] = [];
    for await (const name of store.archive.names()) {
      if (store.archive.find(name)?.kind !== 'statement') continue;
      statements.push(JSON.parse(Buffer.from(store.archive.getSync(name)).toString('utf8')) as Statement);
    }
    const replayers = [prefetchReplayer, worklistReplayer()];
    const own = statements.filter(({ type }) => replayers.some(({ types }) => types?.includes(type)));
    expect(own.map(({ type }) => type).sort()).toEqual(['prefetchRule', 'priorStudy']);
    const old = {
      runs: store.reader.all<Record<string, string | number | null>>('SELECT * FROM prefetch_run'),
      priors: store.reader.all<Record<string, string | number | null>>('SELECT * FROM prefetch_prior'),
    };
    store.gate.append(salus.test.author, (tx) => {
      for (const table of ['prefetch_run', 'prefetch_rule', 'worklist_prior']) tx.run(`DELETE FROM ${table}`);
      tx.run('UPDATE worklist_item SET prior = 0');
      for (const statement of own) {
        const replayer = replayers.find(({ types }) => types?.includes(statement.type));
        replayer?.replay(tx, { kind: 'statement', name: '', bytes: 0 } as never, new Uint8Array(), statement);
      }
      prefetchReplayer.takeOver?.(tx, {
        get: <Row>() => ({}) as Row,
        all: <Row>(sql: string) =>
          (sql.includes('prefetch_run') ? old.runs.map(inOrder) : old.priors.map(priorOrder)) as Row[],
      });
    });
    expect(salus.prefetch.list()).toEqual([rule].map((each) => ({ ...each, lastAt: run.at })));
    expect(salus.runs()).toEqual([run]);
    expect((await salus.imaging.list()).rows.find(({ studyUid }) => studyUid === '1.3.1')?.prior).toBe(true);
    const looks = peer.looks();
    await salus.restart();
    await salus.arrives({ identifier: 'ID-002', name: 'Petit^Zoé', study: '1.6' });
    await salus.run(isEnded, '1.6');
    expect(peer.looks()).toBe(looks + 1);
  });

  /** Columns in the order in which the replayer asks for them. */
  function inOrder(row: Record<string, string | number | null>) {
    const { prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, attempts, ...more } = row;
    const { next_attempt_at, found, fetched, other_person, trouble_code, trouble_details, trouble_at } = more;
    const first = { prefetch_id, rule_id, study_uid, entry_id, entry_version, state, created_at, attempts };
    return { ...first, next_attempt_at, found, fetched, other_person, trouble_code, trouble_details, trouble_at };
  }
  function priorOrder({
    prefetch_id,
    study_uid,
    node_id,
    position,
    job_id,
    state,
  }: Record<string, string | number | null>) {
    return { prefetch_id, study_uid, node_id, position, job_id, state };
  }
});
