import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import { openSenderPool } from '../../main/domains/exchange/sending/senderPool.ts';
import type { AttemptOrder } from '../../main/domains/exchange/sending/sendMessages.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { startBadDimsePeer } from './peers/badDimsePeer.ts';
import { startBadWebPeer } from './peers/badWebPeer.ts';
import { until } from './peers/receivingStation.ts';
import { openSendingStation, type SendingStation } from './peers/sendingStation.ts';

let station: SendingStation;
beforeEach(async () => {
  station = await openSendingStation();
});
afterEach(() => station.close());

/** One audit entry when it is asked for, one at its end. */
function auditedActions(deliveryId: string): string[] {
  return station.station.t.test.store.reader
    .all<{ action: string }>('SELECT action FROM audit_entry WHERE subject_id = ? ORDER BY sequence', deliveryId)
    .map(({ action }) => action);
}

describe('what a peer had before', () => {
  it('is not proven over DIMSE by its list or its promise, and is no loss: it rests, and says why', async () => {
    const peer = await startBadDimsePeer('alreadyHas');
    try {
      const studyUid = await station.importStudy(3);
      for (const proof of ['auto', 'readBack', 'commitment'] as const) {
        const { deliveryId } = station.send(station.addDimse(peer, { proof }), studyUid);
        expect(await station.settled(deliveryId), proof).toMatchObject({
          ...{ state: 'sent', proven: 0, sent: 3, refused: 0, proof: null },
          ...{ lastTrouble: { code: 'exchange.notProvable' }, attempts: 1 },
        });
      }
    } finally {
      await peer.stop();
    }
  });

  it('because our own answer was lost is proven by its content over DICOMweb, and rests over DIMSE', async () => {
    const dimse = await startBadDimsePeer('abortsAfterObject');
    const web = await startBadWebPeer('halfAnswer');
    try {
      const tried = (deliveryId: string) =>
        until(
          () => station.get(deliveryId),
          ({ state, attempts }) => state !== 'sending' && attempts > 0,
        );
      const overDimse = station.send(station.addDimse(dimse), await station.importStudy(1)).deliveryId;
      const overWeb = station.send(station.addWeb(web.baseUrl), await station.importStudy(4)).deliveryId;
      await Promise.all([tried(overDimse), tried(overWeb)]);
      dimse.become('alreadyHas');
      web.become('alreadyHas');
      expect(await station.settled(overWeb)).toMatchObject({ state: 'proven', proven: 4, proof: 'readBack' });
      expect(await station.settled(overDimse)).toMatchObject({
        ...{ state: 'sent', sent: 1, proven: 0, lastTrouble: { code: 'exchange.notProvable' } },
      });
    } finally {
      await Promise.all([dimse.stop(), web.stop()]);
    }
  });

  it('is fetched from a peer that knows C-GET, and proven where it is the same, never where it is another', async () => {
    const peer = await startBadDimsePeer('abortsAfterObject', { gives: true });
    try {
      const lost = station.send(station.addDimse(peer), await station.importStudy(1)).deliveryId;
      await until(
        () => station.get(lost),
        ({ state, attempts }) => state !== 'sending' && attempts > 0,
      );
      // It has the object that it gave no answer to.
      peer.become('alreadyHas');
      expect(await station.settled(lost)).toMatchObject({ state: 'proven', proven: 1, proof: 'readBack' });
      const other = station.send(station.addDimse(peer), await station.importStudy(3)).deliveryId;
      expect(await station.settled(other)).toMatchObject({
        ...{ state: 'sent', sent: 3, proven: 0, lastTrouble: { code: 'exchange.notProvable' } },
      });
    } finally {
      await peer.stop();
    }
  });

  it('and is another object is never proven over DICOMweb', async () => {
    const peer = await startBadWebPeer('alreadyHas');
    try {
      const { deliveryId } = station.send(station.addWeb(peer.baseUrl), await station.importStudy(2));
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'failed', proven: 0, refused: 2 });
    } finally {
      await peer.stop();
    }
  });
});

describe('reading back', () => {
  it('that fails is tried again, later each time; only a peer that knows no search gives no proof', async () => {
    const peer = await startBadDimsePeer({ finds: 0xc001 });
    const { clock } = station.station.t.test;
    try {
      const { deliveryId } = station.send(station.addDimse(peer, { proof: 'readBack' }), await station.importStudy(2));
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 6; attempt += 1) {
        const { nextAttemptAt } = await until(
          () => station.get(deliveryId),
          ({ state, attempts, nextAttemptAt: next }) => state === 'sent' && attempts === attempt && next !== null,
        );
        waits.push((nextAttemptAt ?? 0) - clock.nowMs());
        clock.set(nextAttemptAt ?? 0);
      }
      expect(waits.at(-1)).toBeGreaterThan(20_000);
      expect(station.get(deliveryId)).toMatchObject({ proven: 0, lastTrouble: { code: 'exchange.cannotUnderstand' } });
      expect(peer.got).toHaveLength(2);
      peer.become('good');
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 2 });
      peer.become({ finds: 0x0122 });
      const other = station.send(station.addDimse(peer, { proof: 'readBack' }), await station.importStudy(2));
      expect(await station.settled(other.deliveryId)).toMatchObject({
        ...{ state: 'sent', attempts: 1, lastTrouble: { code: 'exchange.notProvable' } },
      });
    } finally {
      await peer.stop();
    }
  });

  it('proves no series before an object of it was fetched and agreed', async () => {
    const peer = await startBadWebPeer('corruptsSeriesTwo');
    try {
      const studyUid = '1.2.826.0.1.3680043.18';
      const slices = [1, 2, 3].flatMap((series) =>
        [1, 2].map((number) =>
          aSlice({
            study: studyUid,
            series: `${studyUid}.${series}`,
            sop: `${studyUid}.${series}.9.${number}`,
            number,
          }),
        ),
      );
      await station.importFiles(...slices);
      const { deliveryId } = station.send(station.addWeb(peer.baseUrl), studyUid);
      const done = await station.settled(deliveryId);
      expect(done).toMatchObject({ state: 'failed', proven: 4, refused: 2 });
      const bent = done.rows.filter(({ sopUid }) => sopUid.startsWith(`${studyUid}.2.`));
      expect(bent.map(({ state }) => state)).toEqual(['failed', 'failed']);
    } finally {
      await peer.stop();
    }
  });

  it('calls nothing missing that is not in a list which is not whole', async () => {
    const options = { noMetadata: true };
    const peer = await startBadWebPeer('ignoresOffset', options);
    try {
      const { deliveryId } = station.send(station.addWeb(peer.baseUrl), await station.importStudy(203));
      const waiting = await until(
        () => station.get(deliveryId),
        ({ state, attempts, nextAttemptAt }) => state === 'sent' && attempts === 1 && nextAttemptAt !== null,
      );
      expect(waiting).toMatchObject({ sent: 203, refused: 0, lastTrouble: { code: 'exchange.incomplete' } });
      options.noMetadata = false;
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 203, attempts: 2 });
      expect(peer.got).toHaveLength(203);
    } finally {
      await peer.stop();
    }
  });
});

describe('a delivery', () => {
  it('is cancelled by a person who gives up what was refused, or what failed; not what is proven', async () => {
    const peer = await startBadDimsePeer({ answers: 0xa900 });
    const web = await startBadWebPeer('dropsSilently');
    const { author } = station.station.t.test;
    try {
      const refused = station.send(station.addDimse(peer), await station.importStudy(2)).deliveryId;
      const failed = station.send(station.addWeb(web.baseUrl), await station.importStudy(1)).deliveryId;
      expect(await station.settled(refused)).toMatchObject({ state: 'refused', refused: 2 });
      expect(await station.settled(failed)).toMatchObject({ state: 'failed', refused: 1 });
      const asking = () =>
        station.deliveries.list({
          ...{ offset: 0, limit: 9, nodeId: null, studyUid: null, states: [] },
          needsPerson: true,
        });
      expect(asking().total).toBe(2);
      for (const deliveryId of [refused, failed]) {
        expect(station.deliveries.cancel(author, deliveryId)).toMatchObject({
          state: 'cancelled',
          refused: expect.any(Number),
        });
        expect(auditedActions(deliveryId).at(-1)).toBe('exchange.cancelDelivery');
      }
      expect(asking()).toEqual({ total: 0, rows: [] });
      // What was given up can still be wanted again.
      peer.become('good');
      station.deliveries.retry(author, refused);
      expect(await station.settled(refused)).toMatchObject({ state: 'proven', proven: 2, refused: 0 });
      expect(() => station.deliveries.cancel(author, refused)).toThrow(
        expect.objectContaining({ code: 'exchange.deliveryEnded' }),
      );
    } finally {
      await Promise.all([peer.stop(), web.stop()]);
    }
  });

  it('comes to its end though what its thread says can’t be taken up', async () => {
    const peer = await startBadDimsePeer('good');
    const { archive, platform } = station.station.t.test.store;
    const pool = openSenderPool(archive.access, platform.resourcesDirectory, platform.log);
    const answers = { queued: [], sentSeries: ['1.2.3'], hasNew: true, sentOf: [], uncommitted: [], native: null };
    const said: string[] = [];
    try {
      const order: AttemptOrder = {
        ...{ ownAe: 'SALUS', studyUid: '1.2', kinds: [], trial: false, readsBack: true, getsBack: true, times: {} },
        ...{ asksCommitment: false, awaitsCommitment: false, identity: { kind: 'kept' } },
        known: station.station.nodes.get(station.addDimse(peer)),
      };
      const { ended } = pool.attempt(order, {
        answer: ({ kind }) => Promise.resolve(kind in answers ? answers[kind as keyof typeof answers] : null),
        results: () => undefined,
        learned(name) {
          said.push(name);
          throw new Failure('storage.diskFull', 'full');
        },
      });
      expect(await ended).toMatchObject({ trouble: null, provenBy: 'readBack' });
      expect(said).toEqual(['find']);
    } finally {
      await pool.close();
      await peer.stop();
    }
  });

  it('goes on after a disk that was full while it ran', async () => {
    const peer = await startBadDimsePeer('good');
    const gate = station.station.t.test.store.gate;
    const append = gate.append;
    let deliveryId = '';
    let isFull = false;
    let wasFull = false;
    let asked = 0;
    // Full from the moment on at which the attempt began.
    const limited: typeof gate.append = (author, work) => {
      if (isFull) asked += 1;
      if (isFull) throw new Failure('storage.diskFull', 'full');
      const result = append(author, work);
      if (!wasFull && deliveryId !== '' && station.get(deliveryId).state === 'sending') {
        isFull = true;
        wasFull = true;
      }
      return result;
    };
    Object.assign(gate, { append: limited });
    try {
      const studyUid = await station.importStudy(3);
      ({ deliveryId } = station.send(station.addDimse(peer), studyUid));
      // Whatever is learned, answered or ended meanwhile can't be written; nothing of it may end the core.
      await until(
        () => asked,
        (times) => times > 1,
      );
      isFull = false;
      station.station.t.test.clock.set(station.station.t.test.clock.nowMs() + 3_600_000);
      expect(await station.settled(deliveryId)).toMatchObject({ state: 'proven', proven: 3 });
    } finally {
      Object.assign(gate, { append });
      await peer.stop();
    }
  });
});
