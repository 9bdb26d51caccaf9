import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShelfObject } from '../integration/peers/objectShelf.ts';
import {
  type ArchivePeer,
  type DatedSlice,
  isEnded,
  openPrefetchTest,
  type PrefetchTest,
  shelved,
  startArchivePeer,
} from './prefetchServices.ts';

/* Hazard: images of another person are brought beside a patient's, and compared with them. */

const anne: DatedSlice = { identifier: 'ID-001', name: 'Lefèvre^Anne', birthDate: '19600102', issuer: 'CHU' };
const lastYear = '20251101';

describe('an archive that answers with other people', { timeout: 60_000 }, () => {
  let peer: ArchivePeer;
  let salus: PrefetchTest;
  beforeEach(async () => {
    [peer, salus] = await Promise.all([startArchivePeer(), openPrefetchTest()]);
  });
  afterEach(async () => {
    await salus.close();
    await peer.stop();
  });

  it('has only what is this person’s brought, whatever else it lists', async () => {
    const others: DatedSlice[] = [
      { ...anne, study: '1.2.1', name: 'Bernard^Luc' },
      { ...anne, study: '1.2.2', birthDate: '19600201' },
      { ...anne, study: '1.2.3', issuer: 'CHX' },
      { ...anne, study: '1.2.4', sex: 'M' },
      { ...anne, study: '1.2.5', identifier: 'id-001' },
      { ...anne, study: '1.2.6', identifier: 'ID-0011' },
      { ...anne, study: '1.2.7', identifier: '' },
      { ...anne, study: '1.2.8', name: '' },
      { ...anne, study: '1.2.9', identifier: '*' },
    ];
    const own: DatedSlice[] = [
      { ...anne, study: '1.3.1' },
      { ...anne, study: '1.3.2', issuer: '', name: 'LEFÈVRE^ANNE' },
    ];
    peer.objects = [...others, ...own].map((slice) => shelved({ date: lastYear, ...slice }));
    peer.ignoresKeys = true;
    salus.addRule([salus.addArchive('archive', peer)], {
      priors: { sameModality: false, modalities: [], atMost: 20, years: 5 },
    });
    await salus.arrives({ ...anne, study: '1.4' });
    const run = await salus.run(isEnded);
    expect(run).toMatchObject({ state: 'done', found: 2, fetched: 2, otherPerson: others.length, lastTrouble: null });
    expect(peer.fetched().sort()).toEqual(['1.3.1', '1.3.2']);
    for (const { study = '' } of others) expect(salus.here(study), study).toBe(0);
    for (const { study = '' } of own) expect(salus.here(study), study).toBe(1);
  });

  it('asks by the number, never by name', async () => {
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    expect(await salus.run(isEnded)).toMatchObject({ state: 'nothing', found: 0 });
    expect(peer.requests.length).toBeGreaterThan(0);
    for (const url of peer.requests) {
      expect(url).toContain('PatientID=ID-001');
      expect(decodeURIComponent(url)).not.toMatch(/PatientName=./);
    }
  });

  it('does not believe what it lists: images that name another person count for nothing, and say so', async () => {
    // Listed as hers, handed over as somebody else's under the same numbers.
    const listed = shelved({ ...anne, study: '1.5.1', sop: '1.5.1.1', date: lastYear });
    const given = shelved({ ...anne, study: '1.5.1', sop: '1.5.1.1', date: lastYear, name: 'Bernard^Luc' });
    peer.objects = [{ ...given, json: listed.json } satisfies ShelfObject];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    expect(await salus.run(isEnded)).toMatchObject({
      state: 'failed',
      found: 1,
      fetched: 0,
      otherPerson: 1,
      lastTrouble: { code: 'exchange.otherPerson' },
    });
    // It is not hidden either: it stands in the list under the person that it names.
    const { rows } = await salus.imaging.list({ reportStates: ['none'] });
    expect(rows.find(({ studyUid }) => studyUid === '1.5.1')).toMatchObject({
      displayName: 'BERNARD Luc',
      prior: false,
    });
    const { priors } = salus.imaging.imaging.getStudyDetail('1.4');
    expect(priors).toEqual([]);
  });

  it('is not asked for anybody who can’t be recognised', async () => {
    const study = '1.4.1';
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study, name: '' });
    expect(await salus.run(isEnded, study)).toMatchObject({
      state: 'failed',
      lastTrouble: { code: 'exchange.patientUnclear' },
    });
    await salus.arrives({ ...anne, study: '1.4.2', identifier: '' }, { ...anne, study: '1.4.3', identifier: '-*-' });
    await salus.run((run) => isEnded(run) && run.lastTrouble?.code === 'exchange.patientUnclear', '1.4.2');
    await salus.run(({ lastTrouble }) => lastTrouble?.code === 'exchange.queryTooWide', '1.4.3');
    expect(peer.requests).toEqual([]);
  });

  it('is not asked any more about a study that turns out to name two people', async () => {
    peer.isDown = true;
    peer.objects = [shelved({ ...anne, study: '1.3.1', date: lastYear })];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(({ lastTrouble }) => lastTrouble?.code === 'exchange.serverError');
    await salus.arrives({ ...anne, study: '1.4', name: 'Bernard^Luc' });
    peer.isDown = false;
    salus.test.clock.advance(2 * 60_000);
    expect(await salus.run(isEnded)).toMatchObject({
      state: 'failed',
      fetched: 0,
      lastTrouble: { code: 'imaging.identityConflict' },
    });
    expect(salus.here('1.3.1')).toBe(0);
  });

  it('leaves no name in the log or the audit', async () => {
    peer.ignoresKeys = true;
    peer.objects = [shelved({ ...anne, study: '1.2.1', name: 'Bernard^Luc', date: lastYear })];
    salus.addRule([salus.addArchive('archive', peer)]);
    await salus.arrives({ ...anne, study: '1.4' });
    await salus.run(isEnded);
    const entries = salus.test.store.reader.all<{ action: string }>(
      "SELECT * FROM audit_entry WHERE action LIKE 'exchange.%refetch%'",
    );
    expect(entries.map(({ action }) => action)).toEqual(['exchange.savePrefetchRule', 'exchange.prefetch']);
    expect(JSON.stringify(entries) + salus.test.logged.join('\n')).not.toMatch(/Bernard|Lef|ID-001|1960/i);
  });
});
