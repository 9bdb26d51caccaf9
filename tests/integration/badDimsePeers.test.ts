import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import { DimseError, type IncomingEvent, type RequestedAssociation } from '../../main/dicom/dimse/dimse.ts';
import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import { startAcceptor } from '../../main/dicom/dimse/startAcceptor.ts';
import { decodeDataset } from '../../main/dicom/readDataset.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, programOf } from '../../scripts/services.ts';
import {
  type BadDimseBehaviour,
  type BadDimseOptions,
  type BadDimsePeer,
  startBadDimsePeer,
} from './peers/badDimsePeer.ts';
import { readShelfObject } from './peers/objectShelf.ts';

const ctStorage = '1.2.840.10008.5.1.4.1.1.2';
const studyRootFind = '1.2.840.10008.5.1.4.1.2.2.1';
const commitment = '1.2.840.10008.1.20.1';
const explicitLittleEndian = '1.2.840.10008.1.2.1';
const studyUid = '1.2.826.0.1.88';
const files = [1, 2, 3].map((number) => aSlice({ study: studyUid, sop: `${studyUid}.1.${number}`, number }));
const uids = files.map((bytes) => readShelfObject(bytes).sopInstanceUid);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function meet(behaviour: BadDimseBehaviour, options: BadDimseOptions = {}): Promise<BadDimsePeer> {
  const peer = await startBadDimsePeer(behaviour, options);
  cleanUps.push(peer.stop);
  return peer;
}

async function connect(peer: BadDimsePeer, answerMs = 20_000): Promise<RequestedAssociation> {
  const association = await openAssociation({
    host: peer.host,
    port: peer.port,
    callingAe: 'SALUS',
    calledAe: peer.aeTitle,
    contexts: [ctStorage, studyRootFind, commitment].map((abstractSyntax) => ({
      abstractSyntax,
      transferSyntaxes: [explicitLittleEndian],
    })),
    times: { connectMs: 20_000, associateMs: answerMs, answerMs, writeMs: answerMs },
  });
  cleanUps.push(() => association.abort());
  return association;
}

/** Sends file after file; what was answered, and why it ended early. */
async function sendAll(peer: BadDimsePeer, answerMs?: number): Promise<{ statuses: number[]; trouble: string | null }> {
  const statuses: number[] = [];
  try {
    const association = await connect(peer, answerMs);
    for (const [index, bytes] of files.entries()) {
      const start = 132 + 12 + bytes.readUInt32LE(140);
      const input = {
        sopClassUid: ctStorage,
        sopInstanceUid: uids[index] as string,
        transferSyntaxUid: explicitLittleEndian,
      };
      statuses.push((await association.store({ ...input, dataset: bytes.subarray(start) })).status);
    }
    await association.release();
  } catch (error) {
    if (!(error instanceof DimseError)) throw error;
    return { statuses, trouble: error.trouble };
  }
  return { statuses, trouble: null };
}

async function findInstances(association: RequestedAssociation): Promise<string[]> {
  const keys: JsonDataSet = {
    '00080018': { vr: 'UI' },
    '00080052': { vr: 'CS', Value: ['IMAGE'] },
    '0020000D': { vr: 'UI', Value: [studyUid] },
  };
  const found: string[] = [];
  for await (const match of association.find(studyRootFind, (syntax) => encodeDataset(keys, syntax))) {
    found.push(String(decodeDataset(match.dataset, match.transferSyntaxUid)['00080018']?.Value?.[0]));
  }
  return found;
}

function askForCommitment(association: RequestedAssociation, transactionUid: string) {
  const items = uids.map((uid) => ({
    '00081150': { vr: 'UI', Value: [ctStorage] },
    '00081155': { vr: 'UI', Value: [uid] },
  }));
  const information: JsonDataSet = {
    '00081195': { vr: 'UI', Value: [transactionUid] },
    '00081199': { vr: 'SQ', Value: items },
  };
  return association.action({
    sopClassUid: commitment,
    sopInstanceUid: '1.2.840.10008.1.20.1.1',
    actionType: 1,
    information: (syntax) => encodeDataset(information, syntax),
  });
}

function readReport(event: IncomingEvent) {
  const dataset = decodeDataset(event.information, event.transferSyntaxUid);
  const named = (tag: string) =>
    ((dataset[tag]?.Value ?? []) as JsonDataSet[]).map((item) => String(item['00081155']?.Value?.[0]));
  return {
    eventType: event.eventType,
    transactionUid: String(dataset['00081195']?.Value?.[0]),
    done: named('00081199'),
    failed: named('00081198'),
  };
}

describe('a DIMSE peer that is right', () => {
  it('keeps what it is sent and finds it again', async () => {
    const peer = await meet('good');
    expect(await sendAll(peer)).toEqual({ statuses: [0, 0, 0], trouble: null });
    expect([...peer.kept.keys()]).toEqual(uids);
    expect(await findInstances(await connect(peer))).toEqual(uids);
  });

  it('commits what it has on the same association', async () => {
    const peer = await meet('good');
    await sendAll(peer);
    const association = await connect(peer);
    expect((await askForCommitment(association, '2.25.1')).status).toBe(0);
    const event = await association.awaitEvent(20_000);
    expect(event && readReport(event)).toEqual({ eventType: 1, transactionUid: '2.25.1', done: uids, failed: [] });
    await expect.poll(() => peer.reports, { timeout: 20_000 }).toEqual([0]);
  });

  it('commits on an association of its own to whom it is told', async () => {
    const events: IncomingEvent[] = [];
    const acceptor = await startAcceptor({
      host: '127.0.0.1',
      port: 0,
      answer: () => ({ accept: true, transferSyntaxesOf: () => ['1.2.840.10008.1.2'] }),
      take: async () => ({ status: 0x0110 }),
      event: async (event) => void events.push(event),
    });
    cleanUps.push(() => acceptor.close(0));
    const peer = await meet('drops', { reportTo: { host: '127.0.0.1', port: acceptor.port, aeTitle: 'SALUS' } });
    await sendAll(peer);
    expect((await askForCommitment(await connect(peer), '2.25.2')).status).toBe(0);
    await expect.poll(() => peer.reports, { timeout: 20_000 }).toEqual([0]);
    expect(events.map(readReport)).toEqual([{ eventType: 2, transactionUid: '2.25.2', done: [], failed: uids }]);
  });
});

describe('a DIMSE peer that is wrong', () => {
  it.each([
    [{ rejects: { result: 1, source: 1, reason: 7 } }, 'rejected', 0],
    [{ rejects: { result: 2, source: 3, reason: 2 } }, 'rejected', 0],
    ['abortsMidObject', 'aborted', 0],
    ['closesMidObject', 'closed', 0],
    ['abortsAfterObject', 'aborted', 1],
    ['halfPduThenCloses', 'closed', 1],
    ['wrongMessageId', 'protocol', 0],
    ['giantPdu', 'protocol', 0],
    ['garbage', 'protocol', 0],
    ['wrongTransferSyntax', 'protocol', 0],
  ] as const)('%j: %s', async (behaviour, trouble, kept) => {
    const peer = await meet(behaviour);
    expect(await sendAll(peer)).toEqual({ statuses: [], trouble });
    expect(peer.kept.size).toBe(kept);
  });

  it.each(['neverAssociates', 'neverAnswers', 'stopsReading', 'halfPdu', 'slowLoris'] as const)(
    '%s: time runs out',
    async (behaviour) => {
      const peer = await meet(behaviour, { byteEveryMs: 3_000 });
      expect(await sendAll(peer, 1_000)).toEqual({ statuses: [], trouble: 'timeout' });
    },
  );

  it('ends the connection after each object, and the first is answered', async () => {
    const peer = await meet('closesAfterEachObject');
    const { statuses, trouble } = await sendAll(peer);
    expect(statuses[0]).toBe(0);
    expect(statuses.length).toBeLessThan(3);
    expect(trouble).toBe('closed');
  });

  it.each([
    [0xa700, 0],
    [0xa900, 0],
    [0xc000, 0],
    [0xb000, 3],
    [0xb007, 3],
  ])('answers %i, and keeps what it only warns of', async (status, kept) => {
    const peer = await meet({ answers: status });
    expect(await sendAll(peer)).toEqual({ statuses: [status, status, status], trouble: null });
    expect(peer.kept.size).toBe(kept);
    expect(peer.got).toEqual(uids);
  });

  it.each(['drops', 'dropsEverySecond'] as const)(
    '%s: says success, and a search tells the truth',
    async (behaviour) => {
      const peer = await meet(behaviour);
      expect(await sendAll(peer)).toEqual({ statuses: [0, 0, 0], trouble: null });
      expect(await findInstances(await connect(peer))).toEqual([...peer.kept.keys()]);
      expect(peer.kept.size).toBe(behaviour === 'drops' ? 0 : 2);
    },
  );

  it('floods with pending answers, and whoever has enough can leave', async () => {
    const peer = await meet('floodsPending');
    const association = await connect(peer, 1_000);
    let count = 0;
    const work = (async () => {
      for await (const match of association.find(studyRootFind, (syntax) =>
        encodeDataset({ '00080052': { vr: 'CS', Value: ['STUDY'] } }, syntax),
      )) {
        count += match.dataset.length > 0 ? 1 : 0;
        if (count === 1_000) break;
      }
    })();
    await work.catch((error: unknown) => {
      if (!(error instanceof DimseError)) throw error;
    });
    expect(count).toBe(1_000);
  });

  it.each([
    ['commitmentFailsSome', { eventType: 2, done: [uids[0], uids[2]], failed: [uids[1]] }],
    ['commitmentOtherTransaction', { eventType: 1, transactionUid: '2.25.4711' }],
    ['commitmentSaysBoth', { done: uids, failed: uids }],
    ['commitmentNamesNone', { eventType: 1, done: [], failed: [] }],
  ] as const)('%s', async (behaviour, expected) => {
    const peer = await meet(behaviour);
    await sendAll(peer);
    const association = await connect(peer);
    expect((await askForCommitment(association, '2.25.3')).status).toBe(0);
    const event = await association.awaitEvent(20_000);
    expect(event && readReport(event)).toMatchObject(expected);
  });

  it('refuses to commit, or takes the request and says nothing more', async () => {
    const peer = await meet('commitmentRefused');
    expect((await askForCommitment(await connect(peer), '2.25.4')).status).toBe(0x0110);
    peer.become('commitmentNeverReports');
    const association = await connect(peer);
    expect((await askForCommitment(association, '2.25.5')).status).toBe(0);
    expect(await association.awaitEvent(500)).toBeUndefined();
  });

  it('is right again after so many associations', async () => {
    const peer = await meet('abortsMidObject', { recoversAfter: 1 });
    expect((await sendAll(peer)).trouble).toBe('aborted');
    expect(await sendAll(peer)).toEqual({ statuses: [0, 0, 0], trouble: null });
  });
});

describe.skipIf(!have('dcmtk'))('the same peer for somebody else (needs DCMTK)', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'salus-badpeer-'));
    await Promise.all(files.map((bytes, index) => writeFile(path.join(folder, `${index}.dcm`), bytes)));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const dcmtk = (program: string, args: readonly string[]) =>
    new Promise<{ code: number; said: string }>((resolve) => {
      execFile(programOf(program), [...args], { timeout: 60_000 }, (error, out, problems) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, said: out + problems }),
      );
    });

  it('is a storage and query provider where it is right, and none that anyone could trust where it is not', async () => {
    const peer = await meet('good');
    const where = ['-aec', peer.aeTitle, peer.host, String(peer.port)];
    expect((await dcmtk('echoscu', where)).code).toBe(0);
    expect((await dcmtk('storescu', ['+sd', ...where, folder])).code).toBe(0);
    expect([...peer.kept.keys()].sort()).toEqual(uids);
    const keys = [
      '-k',
      'QueryRetrieveLevel=STUDY',
      '-k',
      `StudyInstanceUID=${studyUid}`,
      '-k',
      'NumberOfStudyRelatedInstances',
    ];
    const found = await dcmtk('findscu', ['-S', ...keys, ...where]);
    expect(found.said).toMatch(/0020,1208\) IS \[3 ?\]/);
    peer.become({ answers: 0xa700 });
    expect((await dcmtk('storescu', ['+sd', ...where, folder])).code).not.toBe(0);
    peer.become('wrongMessageId');
    expect((await dcmtk('storescu', ['+sd', ...where, folder])).said).toContain('Unexpected Response MsgId');
  });
});
