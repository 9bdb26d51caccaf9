import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeXnat, type FakeXnatOptions, startFakeXnat, type XnatBehaviour } from './peers/fakeXnat.ts';
import { until } from './peers/receivingStation.ts';
import { openSendingStation, type SendingStation } from './peers/sendingStation.ts';

/** Sending to an XNAT that answers as recorded and documented, over real sockets; never a real XNAT. */
describe('sending to XNAT (recorded contracts, not a real server)', { timeout: 90_000 }, () => {
  let salus: SendingStation;
  beforeAll(async () => {
    salus = await openSendingStation();
  });
  afterAll(() => salus?.close());

  async function meet(options: FakeXnatOptions & { asks?: boolean; project?: string } = {}) {
    const xnat = await startFakeXnat(options);
    onTestFinished(() => xnat.stop());
    const nodeId = salus.addNode(
      'xnat',
      {
        kind: 'xnat',
        baseUrl: xnat.baseUrl,
        project: options.project ?? 'TRIAL',
        archives: options.asks ?? false,
        auth: { method: 'basic', userName: 'anna' },
        tls: { ca: '', certificate: '', serverName: '' },
      },
      {},
      { credential: xnat.password },
    );
    return { xnat, nodeId };
  }

  /** Moves the clock on to whatever is due, until the delivery is as wanted. */
  function reach(deliveryId: string, isFine: (delivery: ReturnType<SendingStation['get']>) => boolean) {
    const { clock } = salus.station.t.test;
    return until(
      () => {
        const delivery = salus.get(deliveryId);
        const { state, nextAttemptAt } = delivery;
        const isDone = isFine(delivery);
        if (!isDone && state !== 'sending' && nextAttemptAt !== null && nextAttemptAt > clock.nowMs())
          clock.set(nextAttemptAt);
        return delivery;
      },
      isFine,
      60_000,
    );
  }
  const withTrouble = (code: string) => (delivery: ReturnType<SendingStation['get']>) =>
    delivery.state !== 'sending' && delivery.lastTrouble?.code === code;

  async function sendTo(meeting: { xnat: FakeXnat; nodeId: string }, count = 3) {
    const studyUid = await salus.importStudy(count);
    return { ...meeting, ...salus.send(meeting.nodeId, studyUid) };
  }

  it('sends each object, asks for the archive, and proves by reading each file back', async () => {
    const { xnat, deliveryId } = await sendTo(await meet({ asks: true }));
    const delivery = await reach(deliveryId, ({ state }) => state === 'proven');
    expect(delivery).toMatchObject({ proof: 'readBack', proven: 3, lastTrouble: null });
    expect(delivery.rows.map(({ state }) => state)).toEqual(['proven', 'proven', 'proven']);
    expect(xnat.archivedCount).toBe(1);
    // A session of that label that is another study is never added to.
    expect([...(xnat.archiveForms[0]?.keys() ?? [])]).toEqual(['src']);
    expect(xnat.requests.filter((request) => request === 'POST /data/services/import')).toHaveLength(3);
    expect(xnat.openSessions).toBe(0);
  });

  it('says that it lies in the prearchive, and proves it once a person has archived it there', async () => {
    const { xnat, deliveryId } = await sendTo(await meet());
    const waiting = await reach(deliveryId, withTrouble('exchange.inPrearchive'));
    expect(waiting).toMatchObject({ state: 'sent', sent: 3, proven: 0 });
    expect(waiting.nextAttemptAt).not.toBeNull();
    expect(xnat.archiveForms).toEqual([]);
    xnat.archiveAll();
    expect(await reach(deliveryId, ({ state }) => state === 'proven')).toMatchObject({ lastTrouble: null });
  });

  it('follows a project that archives by itself', async () => {
    const { deliveryId } = await sendTo(await meet({ autoArchives: true }));
    expect(await reach(deliveryId, ({ state }) => state === 'proven')).toMatchObject({ proof: 'readBack' });
  });

  it('adds to the archived session of the same study, where more of it is sent later', async () => {
    const meeting = await meet({ asks: true });
    const { xnat, studyUid, deliveryId } = await sendTo(meeting, 1);
    await reach(deliveryId, ({ state }) => state === 'proven');
    const again = salus.send(meeting.nodeId, studyUid);
    await reach(again.deliveryId, ({ state }) => state === 'proven');
    expect(xnat.kept).toHaveLength(1);
    expect(xnat.archivedCount).toBe(1);
    expect(xnat.archiveForms.map((form) => form.get('overwrite'))).toEqual([null, 'append']);
  });

  it('finds one new image among many without fetching them all', async () => {
    const meeting = await meet({ asks: true, namesByUid: true });
    const { xnat, studyUid, nodeId, deliveryId } = await sendTo(meeting, 6);
    const first = await reach(deliveryId, ({ state }) => state === 'proven');
    const sopUid = first.rows.at(-1)?.sopUid ?? '';
    const before = xnat.requests.length;
    const { author } = salus.station.t.test;
    const input = { nodeId, studyUid, seriesUids: [], reportId: null, sopUids: [sopUid], deidentify: false };
    await reach(salus.deliveries.send(author, input).deliveryId, ({ state }) => state === 'proven');
    const fetched = xnat.requests.slice(before).filter((request) => /^GET .*\/files\/\d+ a\.dcm$/.test(request));
    expect(fetched).toHaveLength(1);
  });

  it('goes on with a new session where XNAT ends the old one after two requests', async () => {
    const meeting = await meet({ asks: true });
    meeting.xnat.behave('forgetful');
    const { xnat, deliveryId } = await sendTo(meeting);
    expect(await reach(deliveryId, ({ state }) => state === 'proven')).toMatchObject({ proven: 3 });
    expect(xnat.signIns).toBeGreaterThan(2);
  });

  it('holds a delivery for a person where the project is not there, before anything is sent', async () => {
    const { xnat, deliveryId } = await sendTo(await meet({ project: 'NOWHERE' }));
    const held = await reach(deliveryId, withTrouble('exchange.projectUnknown'));
    expect(held).toMatchObject({ state: 'queued', nextAttemptAt: null, sent: 0 });
    expect(xnat.requests.some((request) => request.startsWith('POST /data/services'))).toBe(false);
  });

  /** What each bad XNAT must lead to; none of them to a proof. */
  const bad: readonly [XnatBehaviour, string, string, number][] = [
    ['loginPage', 'queued', 'exchange.protocol', 0],
    ['loginRedirect', 'queued', 'exchange.protocol', 0],
    ['noJson', 'queued', 'exchange.protocol', 0],
    ['duplicateKeys', 'queued', 'exchange.protocol', 0],
    ['drops', 'sent', 'exchange.notListed', 3],
    ['leavesOut', 'refused', 'exchange.leftOut', 0],
    ['otherProject', 'refused', 'exchange.elsewhere', 0],
    ['labelTaken', 'sent', 'exchange.prearchiveConflict', 3],
    ['noFiles', 'sent', 'exchange.notListed', 3],
    ['cutsFiles', 'sent', 'exchange.protocol', 3],
    ['noUids', 'sent', 'exchange.notListed', 3],
    [{ answers: 400 }, 'refused', 'exchange.refusedByPeer', 0],
    [{ answers: 403 }, 'queued', 'exchange.forbidden', 0],
    [{ answers: 404 }, 'queued', 'exchange.notFound', 0],
    [{ answers: 409 }, 'queued', 'exchange.busy', 0],
    [{ answers: 500 }, 'queued', 'exchange.serverError', 0],
    [{ answers: 503 }, 'queued', 'exchange.busy', 0],
  ];
  it.each(bad)('proves nothing with one that behaves so: %j', async (behaviour, state, code, sent) => {
    const meeting = await meet({ asks: true });
    meeting.xnat.behave(behaviour);
    const { deliveryId } = await sendTo(meeting);
    const delivery = await reach(deliveryId, withTrouble(code));
    expect(delivery).toMatchObject({ state, sent, proven: 0 });
    if (state === 'refused') return;
    // The queue moves on: with XNAT in order again, and where a person needs not see to it, it is delivered.
    meeting.xnat.behave('good');
    if (code === 'exchange.forbidden') salus.deliveries.retry(salus.station.t.test.author, deliveryId);
    if (behaviour === 'drops' || behaviour === 'labelTaken') return;
    expect(await reach(deliveryId, (after) => after.state === 'proven')).toMatchObject({
      proven: 3,
      lastTrouble: null,
    });
  });

  it('sends again what an archived session lacks, and proves it then', async () => {
    const meeting = await meet({ asks: true });
    meeting.xnat.behave('dropsEverySecond');
    const { xnat, deliveryId } = await sendTo(meeting);
    const isMissed = ({ rows }: ReturnType<SendingStation['get']>) =>
      rows.some(({ code }) => code === 'exchange.notStored');
    const missed = await reach(deliveryId, isMissed);
    expect(missed.rows.filter(({ state }) => state === 'proven')).toHaveLength(xnat.kept.length);
    xnat.behave('good');
    expect(await reach(deliveryId, ({ state }) => state === 'proven')).toMatchObject({ proven: 3 });
    expect(xnat.kept).toHaveLength(3);
  });

  it('does not archive a session of which something is still to be sent', async () => {
    const meeting = await meet({ asks: true });
    meeting.xnat.behave('locksAfterFirst');
    const { xnat, deliveryId } = await sendTo(meeting);
    await reach(deliveryId, ({ attempts, state, sent }) => attempts >= 3 && state !== 'sending' && sent === 1);
    expect(xnat.archiveForms).toEqual([]);
    xnat.behave('good');
    expect(await reach(deliveryId, ({ state }) => state === 'proven')).toMatchObject({ proven: 3 });
    expect(xnat.archiveForms).toHaveLength(1);
  });

  it('sends again what is there with another content, and gives it up where it stays so', async () => {
    const meeting = await meet({ asks: true });
    meeting.xnat.behave('damages');
    const { deliveryId } = await sendTo(meeting, 2);
    const delivery = await salus.settled(deliveryId);
    expect(delivery).toMatchObject({ state: 'failed', proven: 0 });
    expect(delivery.rows.map(({ code }) => code)).toEqual(['exchange.notStored', 'exchange.notStored']);
  });
});
