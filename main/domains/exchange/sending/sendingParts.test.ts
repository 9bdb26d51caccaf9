import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeUse } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { openTestStore, type TestStore } from '../../../database/testStore.ts';
import { readHeader } from '../../../dicom/part10.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import { aSlice } from '../../imaging/testObjects.ts';
import { commitmentRequest, newTransactionUid, readCommitment } from './commitmentData.ts';
import { openNodeGates } from './nodeGates.ts';
import { asPart10, openPace, readStored } from './objectSource.ts';
import { encodeIdentifier } from './plainIdentifier.ts';
import { planAssociations } from './presentationPlan.ts';
import type { SendItem } from './sendMessages.ts';

const explicit = '1.2.840.10008.1.2.1';
const implicit = '1.2.840.10008.1.2';
const jpeg = '1.2.840.10008.1.2.4.70';

describe('presentation contexts', () => {
  const others = [{ abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [implicit] }];
  const kind = (sopClassUid: string, transferSyntaxUid: string) => ({ sopClassUid, transferSyntaxUid });

  it('ask for each coding by itself, and for what everything can be decoded to', () => {
    const [plan] = planAssociations([kind('1.1', jpeg), kind('1.1', explicit), kind('1.2', implicit)], true, others);
    expect(plan?.contexts.slice(1)).toEqual([
      { abstractSyntax: '1.1', transferSyntaxes: [jpeg] },
      { abstractSyntax: '1.1', transferSyntaxes: [explicit] },
      { abstractSyntax: '1.1', transferSyntaxes: [implicit] },
      { abstractSyntax: '1.2', transferSyntaxes: [implicit] },
      { abstractSyntax: '1.2', transferSyntaxes: [explicit] },
    ]);
    expect(planAssociations([kind('1.1', jpeg)], false, [])[0]?.contexts).toEqual([
      { abstractSyntax: '1.1', transferSyntaxes: [jpeg] },
    ]);
  });

  it('that are more than one association carries are spread, no class over two', () => {
    const kinds = Array.from({ length: 100 }, (_, index) => kind(`1.${index}`, jpeg));
    const plans = planAssociations(kinds, true, others);
    expect(plans.length).toBe(2);
    for (const { contexts } of plans) {
      expect(contexts.length).toBeLessThanOrEqual(128);
      expect(contexts[0]).toEqual(others[0]);
    }
    expect(plans.map(({ sopClassUids }) => sopClassUids.size).reduce((sum, size) => sum + size)).toBe(100);
  });

  it('are there for the proof alone where nothing is to be sent', () => {
    expect(planAssociations([], true, others)).toEqual([{ contexts: others, sopClassUids: new Set() }]);
  });
});

describe('the hours of a node', () => {
  const use = (hours: NodeUse['hours']) => ({ hours }) as NodeUse;

  it('keep it from being called outside them, and say when they end', () => {
    const minute = 60_000;
    let now = 10 * minute + 15_000;
    // A clock on which the day began at 0.
    const minuteOfDay = (at: number) => Math.floor(at / minute) % 1440;
    const gates = openNodeGates({ nowMs: () => now, random: () => 0.5, minuteOfDay });
    const night = use({ from: '22:00', to: '06:00' });
    expect(gates.ask('a', night)).toEqual({ answer: 'pass' });
    expect(gates.closesInMs(night)).toBe(6 * 60 * minute - now);
    now = 7 * 60 * minute;
    expect(gates.ask('a', night)).toEqual({ opensAt: 22 * 60 * minute });
    expect(gates.closesInMs(use(null))).toBeNull();
    gates.pause('b', 1000);
    expect(gates.ask('b', use(null))).toEqual({ opensAt: now + 1000 });
    expect(gates.ask('c', use(null))).toEqual({ answer: 'pass' });
  });
});

describe('an archived object on its way', () => {
  let t: TestStore;
  beforeEach(async () => {
    t = await openTestStore();
  });
  afterEach(() => t.close());

  async function stored(bytes: Uint8Array): Promise<SendItem> {
    const { name } = await t.store.archive.put('dicom', bytes);
    return {
      ...{
        position: 0,
        sopUid: '1.2.3.4',
        storedUid: null,
        sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
        seriesUid: '1.2.3',
      },
      ...{ transferSyntaxUid: explicit, objectName: name, bytes: bytes.length, transcodedTo: null, isDuplicate: 0 },
    };
  }

  async function all(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  it('loses its preamble and file meta group, and nothing else; whatever stood in the preamble stays here', async () => {
    const file = aSlice({ sop: '1.2.3.4' });
    file.write('MZ hostile', 0, 'latin1');
    const item = await stored(file);
    const object = readStored(t.store.archive, item);
    const dataset = await all(object.open());
    expect(dataset.length).toBe(object.byteLength);
    expect(file.subarray(file.length - dataset.length).equals(dataset)).toBe(true);
    expect(dataset.readUInt16LE(0)).toBe(0x0008);

    const again = await all(asPart10(item, object).open());
    expect(again.length).toBe(asPart10(item, object).byteLength);
    expect(again.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    expect(readHeader(again)).toMatchObject({ ending: 'complete', transferSyntaxUid: explicit, hasPreamble: true });
    expect(again.subarray(again.length - dataset.length).equals(dataset)).toBe(true);
  });

  it('is read a piece at a time when it is long', async () => {
    const tail = randomBytes(20 * 1024 * 1024);
    const file = aSlice({ sop: '1.2.3.4', more: { '7FE00010': ['OW', tail] } });
    const object = readStored(t.store.archive, await stored(file));
    const pieces: number[] = [];
    for await (const piece of object.open()) pieces.push(piece.length);
    expect(Math.max(...pieces)).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect((await all(object.open())).equals(file.subarray(file.length - object.byteLength))).toBe(true);
  });

  it('goes no faster than its node allows', async () => {
    const pace = openPace(200, new AbortController().signal);
    async function* source() {
      yield new Uint8Array(260_000);
    }
    const started = performance.now();
    expect((await all(pace.through(source()))).length).toBe(260_000);
    // 200 kB may be caught up at once; the rest takes 0.3 s.
    expect(performance.now() - started).toBeGreaterThan(250);
    expect((await all(openPace(null, new AbortController().signal).through(source()))).length).toBe(260_000);
  });
});

describe('storage commitment', () => {
  it('is asked for by UIDs and answered by UIDs; anything else is no answer', async () => {
    const { encodeDataset } = await import('../../../dicom/writeDataset.ts');
    const transactionUid = newTransactionUid();
    expect(transactionUid).toMatch(/^2\.25\.\d{20,39}$/);
    const item = { sopClassUid: '1.2', sopUid: '1.2.3' } as SendItem;
    const request = commitmentRequest(transactionUid, [item]);
    const failed = { '00081155': { vr: 'UI', Value: ['1.2.4'] }, '00081197': { vr: 'US', Value: [0x0112] } };
    const report = { ...request, '00081198': { vr: 'SQ', Value: [failed] } };
    expect(readCommitment(encodeDataset(report, implicit), implicit)).toEqual({
      transactionUid,
      stored: ['1.2.3'],
      missing: [{ sopUid: '1.2.4', reason: 0x0112 }],
    });
    // The small writer says what the large one says.
    for (const syntax of [implicit, explicit]) {
      const [small, large] = [encodeIdentifier(request, syntax), encodeDataset(request, syntax)];
      expect(decodeDataset(small, syntax)).toEqual(decodeDataset(large, syntax));
    }
    expect(readCommitment(new Uint8Array([1, 2, 3]), implicit)).toBeNull();
    expect(readCommitment(encodeDataset({}, implicit), implicit)).toBeNull();
  });
});
