import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeNode } from '../../app/domains/exchange/exchangeSchema.ts';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { type CoreWithNodes, openCoreWithNodes } from './coreWithNodes.ts';
import { type FakeXnat, startFakeXnat, type XnatBehaviour } from './peers/fakeXnat.ts';

/** Two studies of two series of three images. */
const instances = [...syntheticInstances({ count: 12, perSeries: 3, rows: 16, columns: 16, seed: 'xnat' })];
const first = instances[0] as SyntheticInstance;
const second = instances.at(-1) as SyntheticInstance;
const uidsOf = (some: readonly SyntheticInstance[]) => some.map(({ sopInstanceUid }) => sopInstanceUid).sort();
const ofStudy = ({ studyUid }: SyntheticInstance) => instances.filter((one) => one.studyUid === studyUid);

/** Searching and fetching from an XNAT that answers as recorded and documented, over real sockets. */
describe('finding in XNAT (recorded contracts, not a real server)', { timeout: 90_000 }, () => {
  let salus: CoreWithNodes;
  let xnat: FakeXnat;
  let node: ExchangeNode;

  beforeAll(async () => {
    [salus, xnat] = await Promise.all([openCoreWithNodes(), startFakeXnat()]);
    xnat.hold(instances.map(({ bytes }) => bytes));
    node = await salus.client.exchange.saveNode({
      nodeId: null,
      baseVersion: null,
      name: 'xnat',
      settings: {
        kind: 'xnat',
        baseUrl: xnat.baseUrl,
        project: 'TRIAL',
        auth: { method: 'basic', userName: 'anna' },
        tls: {},
      },
      use: { send: true, search: true, receive: false },
      secrets: { credential: xnat.password },
    });
  });
  beforeEach(() => xnat.behave('good'));
  afterAll(async () => {
    await salus?.close();
    await xnat?.stop();
  });

  it('finds studies by what XNAT kept of them, or by its subject', async () => {
    const asked = [
      { patientName: 'lowe*' },
      { patientId: 'P-77' },
      { patientId: 'subject_1' },
      { accessionNumber: 'A-5' },
      { studyDateFrom: '20261119', studyDateTo: '20261120' },
      { patientId: 'P-*', modality: 'MR' },
    ];
    for (const query of asked) {
      const { rows, ends } = await salus.find([node], query);
      expect(ends).toMatchObject([{ failure: null, count: 2, isCut: false }]);
      expect(rows.map(({ studyUid }) => studyUid).sort()).toEqual([first.studyUid, second.studyUid].sort());
      expect(rows[0]).toMatchObject({
        patientName: 'Löwe^Anna',
        patientId: 'P-77',
        studyDate: '20261120',
        studyTime: '101112',
        accessionNumber: 'A-5',
        modalities: ['MR'],
        instanceCount: null,
      });
    }
    const others = [
      { patientName: 'lowe' },
      { patientId: 'P-7' },
      { studyDateFrom: '20261101', studyDateTo: '20261119' },
      { patientId: 'P-77', modality: 'CT' },
    ];
    for (const query of others) {
      const { ends } = await salus.find([node], query);
      expect(ends).toMatchObject([{ failure: null, count: 0 }]);
    }
    expect((await salus.find([node], { patientId: 'P-*' }, 1)).ends).toMatchObject([{ count: 1, isCut: true }]);
  });

  it('finds patients, series and images', async () => {
    const patients = await salus.find([node], { level: 'PATIENT', patientId: 'P-77' });
    expect(patients.rows).toMatchObject([{ patientName: 'Löwe^Anna' }]);
    const { studyUid, seriesUid } = first;
    const series = await salus.find([node], { level: 'SERIES', studyUid });
    expect(new Set(series.rows.map((row) => row.seriesUid))).toEqual(
      new Set(ofStudy(first).map((one) => one.seriesUid)),
    );
    const images = await salus.find([node], { level: 'IMAGE', studyUid, seriesUid });
    expect(images.rows.map(({ sopUid }) => sopUid).sort()).toEqual(
      uidsOf(ofStudy(first).filter((one) => one.seriesUid === seriesUid)),
    );
  });

  it('never takes what is no list for an empty one', async () => {
    const bad: readonly (readonly [XnatBehaviour, string])[] = [
      ['loginPage', 'exchange.protocol'],
      ['loginRedirect', 'exchange.protocol'],
      ['noJson', 'exchange.protocol'],
      ['duplicateKeys', 'exchange.protocol'],
      ['noUids', 'exchange.protocol'],
    ];
    for (const [behaviour, code] of bad) {
      xnat.behave(behaviour);
      const { rows, ends } = await salus.find([node], { patientId: 'P-77' });
      expect(rows, `${behaviour}`).toEqual([]);
      expect(ends, `${behaviour}`).toMatchObject([{ failure: { code } }]);
    }
  });

  it('fetches one series, then the rest of the study, each file once', async () => {
    const some = await salus.fetch(node, first.studyUid, [first.seriesUid]);
    expect(some).toMatchObject({ state: 'done', counts: { fetched: 3, missing: 0, rejected: 0 } });
    const whole = await salus.fetch(node, first.studyUid);
    expect(whole).toMatchObject({ state: 'done', counts: { fetched: 3, alreadyHere: 3, missing: 0 } });
    const { rows } = await salus.find([node], { studyUid: first.studyUid });
    expect(rows).toMatchObject([{ hereCount: 6 }]);
  });

  it('calls no study whole that a bad XNAT gave in part', async () => {
    const before = (await salus.find([node], { studyUid: second.studyUid })).rows[0]?.hereCount;
    expect(before).toBe(0);
    for (const behaviour of ['noFiles', 'cutsFiles'] as const) {
      xnat.behave(behaviour);
      const { jobId } = await salus.client.exchange.fetch({
        nodeId: node.nodeId,
        studyUid: second.studyUid,
        seriesUids: [],
      });
      // It tries again by itself for a while: nobody has to wait for that here.
      const job = await salus.client.jobs.get({ jobId });
      expect(job.state, behaviour).not.toBe('done');
      await salus.client.jobs.cancel({ jobId });
      expect(await salus.ended(jobId), behaviour).toMatchObject({ state: 'cancelled', counts: {} });
    }
    xnat.behave('good');
    expect(await salus.fetch(node, second.studyUid)).toMatchObject({ state: 'done', counts: { missing: 0 } });
    expect(xnat.openSessions).toBe(0);
  });
});
