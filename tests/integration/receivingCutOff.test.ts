import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestedAssociation } from '../../main/dicom/dimse/dimse.ts';
import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { rawDataSet } from '../../main/domains/imaging/testObjects.ts';
import { ctImage, ctWish, explicit, slice, study, verification } from './dimsePeer.ts';
import { associateAsScp } from './peers/handMadePdus.ts';
import { openReceivingStation, type ReceivingStation, until } from './peers/receivingStation.ts';

let station: ReceivingStation;
beforeEach(async () => {
  station = await openReceivingStation();
  station.allow('MODALITY');
});
afterEach(() => station.close());

const rows = () => station.receiver.associations({ offset: 0, limit: 100 }).rows;
const marks = (associationId: string | undefined) =>
  station.t.test.store.reader.all('SELECT study_row FROM study_arrival WHERE job_id = ?', associationId ?? '').length;
const isArriving = async () => (await station.t.list()).rows[0]?.arriving;

function open(): Promise<RequestedAssociation> {
  return openAssociation({
    host: '127.0.0.1',
    port: station.port,
    callingAe: 'MODALITY',
    calledAe: 'SALUS',
    contexts: [ctWish],
  });
}

async function send(association: RequestedAssociation, ...numbers: number[]): Promise<void> {
  for (const number of numbers) {
    const { status } = await association.store({
      sopClassUid: ctImage,
      sopInstanceUid: `${study}.1.${number}`,
      transferSyntaxUid: explicit,
      dataset: rawDataSet(slice(number)),
    });
    expect(status).toBe(0);
  }
}

/** An association that sends these and ends as asked, as the log has it once it has ended. */
async function exchange(numbers: number[], end: (association: RequestedAssociation) => unknown): Promise<string> {
  const before = rows().length;
  const association = await open();
  await send(association, ...numbers);
  await end(association);
  const found = await until(rows, ({ length }) => length > before);
  return found[0]?.associationId ?? '';
}

const release = (association: RequestedAssociation) => association.release();

/** Goes away in the middle of an object. */
function cutInside(number: number) {
  return async (association: RequestedAssociation): Promise<void> => {
    const whole = rawDataSet(slice(number, 400_000));
    const store = association.store({
      sopClassUid: ctImage,
      sopInstanceUid: `${study}.1.${number}`,
      transferSyntaxUid: explicit,
      dataset: (async function* () {
        yield whole.subarray(0, 300_000);
        // The object has begun here once the log of what is open says so; then the line breaks.
        await until(
          () => station.receiver.state().openAssociations,
          (count) => count === 1,
        );
        association.abort();
        throw new Error('cut');
      })(),
    });
    await expect(store).rejects.toThrow();
  };
}

describe('an association that was cut off', { timeout: 90_000 }, () => {
  it('leaves its study marked until something of it comes again', async () => {
    await station.listen();
    const aborted = await exchange([1, 2], (association) => association.abort());
    expect(rows()[0]).toMatchObject({ objects: 2 });
    expect(rows()[0]?.ending).not.toBe('released');
    expect(marks(aborted)).toBe(1);
    // Another part of the study says nothing of what the first one lacked.
    const other = await exchange([3], release);
    await until(
      () => marks(other),
      (count) => count === 0,
    );
    expect(marks(aborted)).toBe(1);
    expect(await isArriving()).toBe(true);
    // Its sender starts over.
    await exchange([1, 2, 4], release);
    await until(isArriving, (arriving) => arriving === false);
    expect(marks(aborted)).toBe(0);
  });

  it('lets go, and marks, what comes from a sender that ends each association by abort', async () => {
    await station.close();
    station = await openReceivingStation({ abortedTimes: { quietMs: 60_000, lookMs: 20 } });
    station.allow('MODALITY');
    await station.listen();
    const { clock } = station.t.test;
    clock.set(Date.now());
    const abort = (association: RequestedAssociation) => association.abort();
    const mine = () => station.t.imaging.openStudy(study).study;
    await exchange([1, 2], abort);
    const second = await exchange([3], abort);
    clock.set(Date.now() + 120_000);
    // Twice is no habit: whoever was broken off twice may have had more to send.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(marks(second)).toBe(1);
    // The associations' own times are of this machine's clock.
    clock.set(Date.now());
    const third = await exchange([4], abort);
    // Not before it has been quiet for long enough.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(marks(third)).toBe(1);
    expect(mine()).toMatchObject({ arriving: true });
    clock.set(Date.now() + 120_000);
    await until(isArriving, (arriving) => arriving === false);
    expect(mine()).toMatchObject({ arriving: false, isSenderAborted: true });
    // A sender that starts over and releases says that it is whole.
    await exchange([1, 2, 3, 4], release);
    await until(mine, ({ isSenderAborted }) => isSenderAborted === undefined);
    expect(mine()).toMatchObject({ arriving: false });
  });

  it('never lets go of what was cut off inside an object, or came from a sender that knows how to release', async () => {
    await station.close();
    station = await openReceivingStation({ abortedTimes: { quietMs: 60_000, lookMs: 20 } });
    station.allow('MODALITY');
    await station.listen();
    const { clock } = station.t.test;
    clock.set(Date.now());
    const cut = await exchange([1], cutInside(2));
    for (const number of [3, 4, 5]) await exchange([number], (association) => association.abort());
    clock.set(Date.now() + 120_000);
    await until(
      () => station.t.test.store.reader.all('SELECT job_id FROM study_arrival').length,
      (count) => count === 1,
    );
    expect(marks(cut)).toBe(1);
    expect(await isArriving()).toBe(true);
    await exchange([6], release);
    const after = await exchange([7], (association) => association.abort());
    clock.set(Date.now() + 120_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(marks(after)).toBe(1);
  });

  it('leaves it marked until the object that was cut off has come', async () => {
    await station.listen();
    const cut = await exchange([1, 2], cutInside(3));
    expect(marks(cut)).toBe(1);
    const missing = station.t.test.store.reader.get<{ missing: string | null }>(
      'SELECT missing FROM association WHERE association_id = ?',
      cut,
    );
    expect(JSON.parse(missing?.missing ?? 'null')).toEqual([`${study}.1.3`]);
    const other = await exchange([5], release);
    await until(
      () => marks(other),
      (count) => count === 0,
    );
    expect(await isArriving()).toBe(true);
    await exchange([3, 4], release);
    await until(isArriving, (arriving) => arriving === false);
  });
});

describe('the receiver', { timeout: 60_000 }, () => {
  it('keeps nothing of what a stranger calls himself that a terminal would obey', async () => {
    await station.listen();
    const socket = connect(station.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write(associateAsScp('SALUS', '\x1b]0;x\x07\x9b31m', verification, explicit));
    await once(socket, 'close');
    const [row] = await until(rows, ({ length }) => length > 0);
    expect(row).toMatchObject({ ending: 'rejected', calledAe: 'SALUS' });
    expect(row?.callingAe).toMatch(/^[\x20-\x7e]*$/);
  });

  it('is started without waiting for the name of its address, and says when it listens', async () => {
    await station.listen({ host: 'localhost' });
    await station.receiver.close();
    const receiver = openReceiver(station.t.test.store, () => station.t.services, station.nodes);
    await receiver.start();
    expect(receiver.state().failure).toBeNull();
    await until(
      () => receiver.state().state,
      (state) => state === 'listening',
    );
    await receiver.close();
  });

  it('starts over settings that can not be read, says so, and listens once they are saved again', async () => {
    await station.listen();
    const { settings } = station.receiver.state();
    await station.receiver.close();
    const { store, author } = station.t.test;
    store.gate.write(author, 'test.damage', (tx) => {
      tx.run('UPDATE receiver_setting SET settings = \'{"enabled": true, "port": "none"}\'');
    });
    const receiver = openReceiver(store, () => station.t.services, station.nodes);
    await receiver.start();
    expect(receiver.state()).toMatchObject({ state: 'failed', failure: 'internal', port: null });
    expect(await receiver.save(author, { ...settings, port: 0 })).toMatchObject({ state: 'listening', failure: null });
    await receiver.close();
  });
});
