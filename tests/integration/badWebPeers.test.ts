import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DicomwebClient, StowOutcome } from '../../main/dicom/web/dicomweb.ts';
import { digestObject } from '../../main/dicom/web/objectDigest.ts';
import { WebError } from '../../main/dicom/web/webPeer.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import type { BadWebBehaviour } from './peers/badWebPeer.ts';
import {
  meetWebPeer,
  openClient,
  pieces,
  placeOf,
  slices,
  storeAll,
  studyUid,
  toStow,
  uids,
  webTroubleOf,
} from './peers/meetWebPeer.ts';

async function findAll(client: DicomwebClient, pageSize = 2): Promise<{ uids: unknown[]; end: unknown }> {
  const uids: unknown[] = [];
  const search = client.search({ level: 'instances', studyUid, pageSize });
  for (;;) {
    const next = await search.next();
    if (next.done) return { uids, end: next.value };
    uids.push(next.value['00080018']?.Value?.[0]);
  }
}

describe('a peer that is right', () => {
  it('stores, finds and gives back byte for byte, with lengths known or not', async () => {
    const { peer, client } = await meetWebPeer('good');
    const mixed = slices.map((slice, index) => toStow(slice, index % 2 === 0));
    const outcomes: StowOutcome[] = [];
    for await (const outcome of client.store(mixed, { requestObjects: 2, studyUid })) outcomes.push(outcome);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(uids.map(() => 'stored'));
    expect([...peer.kept.keys()]).toEqual(uids);
    const found = await findAll(client);
    expect(found).toEqual({ uids, end: { complete: true, repeats: 0, pages: 4 } });
    const back: Buffer[] = [];
    for await (const object of client.retrieve({ studyUid })) {
      expect(object.transferSyntaxUid).toBe('1.2.840.10008.1.2.1');
      const chunks: Uint8Array[] = [];
      for await (const chunk of object.bytes) chunks.push(chunk);
      back.push(Buffer.concat(chunks));
    }
    expect(back.length).toBe(slices.length);
    expect(back.map((bytes, index) => bytes.equals(slices[index] as Buffer))).toEqual(slices.map(() => true));
    expect(await client.readBack(placeOf())).toEqual(await digestObject(pieces(slices[0] as Buffer, 7)));
    expect(await webTroubleOf(client.readBack(placeOf('1.2.3')))).toMatchObject({ trouble: 'notFound', status: 404 });
  });

  it('is sent several objects in one request, but no more bytes than that, and no instance twice in one', async () => {
    const { peer, client } = await meetWebPeer('good');
    const [first, second, third] = slices.map((slice) => toStow(slice));
    const all = [first, second, third, first, first].flatMap((object) => (object ? [object] : []));
    const outcomes: StowOutcome[] = [];
    const requestBytes = 2 * (slices[0]?.length ?? 0) + 10;
    for await (const outcome of client.store(all, { requestBytes })) outcomes.push(outcome);
    expect(outcomes.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      all.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    expect(outcomes.every(({ outcome }) => outcome === 'stored')).toBe(true);
    expect(peer.requests).toEqual(Array(3).fill('POST /dicom-web/studies'));
    expect([...peer.kept.keys()]).toEqual(uids.slice(0, 3));
  });

  it('stops at the number of matches asked for and says that there are more', async () => {
    const { client } = await meetWebPeer('good');
    await storeAll(client);
    const search = client.search({ level: 'instances', studyUid, atMost: 3, pageSize: 2 });
    let count = 0;
    for (;;) {
      const next = await search.next();
      if (next.done) {
        expect(next.value).toMatchObject({ complete: false });
        break;
      }
      count += 1;
    }
    expect(count).toBe(3);
  });

  it('tells by hash what is the same, and the pixels apart from the rest', async () => {
    const renamed = aSlice({ study: studyUid, sop: uids[0] as string, number: 1, name: 'Other^Name', value: 7 });
    const same = aSlice({ study: studyUid, sop: uids[0] as string, number: 1, name: 'Nobody^Known', value: 7 });
    const [one, other] = [await digestObject(pieces(renamed)), await digestObject(pieces(same))];
    expect(one.datasetSha256).not.toBe(other.datasetSha256);
    expect(one.pixelsSha256).toBe(other.pixelsSha256);
    expect(one).toMatchObject({ rows: 8, columns: 8, studyUid, sopInstanceUid: uids[0] });
    await expect(digestObject(pieces(Buffer.from('<html>no</html>')))).rejects.toThrow(WebError);
  });
});

describe('a peer that answers badly', () => {
  it.each([
    ['serverError', { trouble: 'serverError', status: 500 }],
    ['busy', { trouble: 'busy', status: 503, retryAfterMs: 7000 }],
    ['unauthorized', { trouble: 'unauthorized', status: 401, asks: 'Bearer' }],
    ['forbidden', { trouble: 'forbidden', status: 403 }],
    ['refusesEarly', { trouble: 'refused', status: 413 }],
    ['redirectElsewhere', { trouble: 'protocol', reason: 'redirect', why: 'otherOrigin' }],
    ['redirectDowngrade', { trouble: 'protocol', reason: 'redirect', why: 'downgrade' }],
    ['halfAnswer', { trouble: 'protocol', reason: 'incomplete' }],
    ['wrongContentType', { trouble: 'protocol', reason: 'contentType' }],
    ['invalidJson', { trouble: 'protocol', reason: 'json' }],
    ['duplicateKeys', { trouble: 'protocol', reason: 'duplicateKey' }],
    ['hugeHeader', { trouble: 'protocol', reason: 'headerTooLong' }],
    ['hugeJson', { trouble: 'protocol', reason: 'tooLong' }],
  ] as const)('%s: told alike for searching and storing', async (behaviour, expected) => {
    const { peer, client } = await meetWebPeer(behaviour, {
      peer: { retryAfterSeconds: 7 },
      auth: { method: 'basic', userName: 'me', password: 'é:ö' },
    });
    expect(await webTroubleOf(findAll(client))).toMatchObject(expected);
    expect(await webTroubleOf(storeAll(client))).toMatchObject(expected);
    expect(peer.elsewhere).toEqual({ requests: 0, authorizations: 0 });
  });

  it('a redirect in circles is followed three times, one with a body never', async () => {
    const { peer, client } = await meetWebPeer('redirectLoop');
    expect(await webTroubleOf(findAll(client))).toMatchObject({ reason: 'redirect', why: 'tooMany' });
    expect(peer.requests.length).toBe(4);
    expect(await webTroubleOf(storeAll(client))).toMatchObject({ reason: 'redirect', why: 'withBody' });
    expect(peer.requests.length).toBe(5);
  });

  it.each([
    ['neverAnswers', 'answer', { answerMs: 300 }],
    ['slowLoris', 'whole', { wholeMs: 1500 }],
  ] as const)('%s: time runs out', async (behaviour, during, times) => {
    const { peer, client } = await meetWebPeer('good');
    await storeAll(client);
    peer.become(behaviour);
    const hurried = openClient({ baseUrl: peer.baseUrl, auth: { method: 'none' } }, { times });
    expect(await webTroubleOf(findAll(hurried))).toMatchObject({ trouble: 'timeout', during });
    expect(await webTroubleOf(storeAll(hurried))).toMatchObject({ trouble: 'timeout', during });
  });

  it('takes no more of a long object: time runs out while writing', async () => {
    const { client } = await meetWebPeer('neverReads', { web: { times: { idleMs: 500 } } });
    const long = {
      ...toStow(slices[0] as Buffer),
      byteLength: 64 * 1024 * 1024,
      open: () => pieces(Buffer.alloc(64 * 1024 * 1024), 65_536),
    };
    expect(await webTroubleOf(client.store([long]).next())).toMatchObject({ trouble: 'timeout', during: 'write' });
  });

  it('an answer that comes too slowly is ended although its bytes keep coming', async () => {
    const { peer, client } = await meetWebPeer('good', {
      web: { limits: { speedWindowMs: 500 }, times: { wholeMs: 0 } },
    });
    await storeAll(client);
    peer.become('slowLoris');
    const work = (async () => {
      for await (const { bytes } of client.retrieve({ studyUid }))
        for await (const chunk of bytes) expect(chunk).toBeDefined();
    })();
    expect(await webTroubleOf(work)).toMatchObject({ trouble: 'timeout', during: 'slow' });
  });

  it.each(['ignoresLimit', 'ignoresOffset', 'ignoresPaging'] as const)(
    '%s: each match comes once',
    async (behaviour) => {
      const { peer, client } = await meetWebPeer('good');
      await storeAll(client);
      peer.become(behaviour);
      const found = await findAll(client);
      if (behaviour === 'ignoresOffset') {
        // The first two again and again: what cannot be reached is not invented, and the search ends.
        expect(found).toEqual({ uids: uids.slice(0, 2), end: { complete: false, repeats: 2, pages: 2 } });
      } else expect(found).toMatchObject({ uids, end: { complete: true } });
    },
  );

  it.each([
    ['299 peer: The number of results exceeded the maximum supported by the server.', false],
    ['299 peer: The fuzzymatching parameter is not supported. Only literal matching has been performed.', true],
  ])('says that it leaves some out: %s', async (warning, complete) => {
    const server = createServer((request, response) => {
      const isFirst = new URL(request.url ?? '', 'http://peer').searchParams.get('offset') === '0';
      const body = isFirst ? [{ '00080018': { vr: 'UI', Value: ['1.2.3'] } }] : [];
      response.writeHead(200, { 'content-type': 'application/dicom+json', ...(isFirst ? { warning } : {}) });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    onTestFinished(() => new Promise((resolve) => void server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const client = openClient({ baseUrl: `http://127.0.0.1:${port}`, auth: { method: 'none' } });
    expect(await findAll(client)).toMatchObject({ uids: ['1.2.3'], end: { complete } });
  });
});

describe('a peer that says stored', () => {
  const outcomesOf = async (behaviour: BadWebBehaviour) => {
    const { peer, client } = await meetWebPeer(behaviour);
    const outcomes = await storeAll(client);
    expect(outcomes.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(uids);
    return {
      peer,
      client,
      said: outcomes.map(({ outcome }) => outcome),
      reasons: outcomes.map(({ reason }) => reason),
    };
  };
  /** What reading back can prove, object by object. */
  const provenOf = (client: DicomwebClient) =>
    Promise.all(
      slices.map(async (slice, index) => {
        try {
          const back = await client.readBack(placeOf(uids[index]));
          return back.datasetSha256 === (await digestObject(pieces(slice))).datasetSha256;
        } catch (error) {
          if (error instanceof WebError && error.trouble === 'notFound') return false;
          throw error;
        }
      }),
    );

  it.each([
    ['partialConflict', 409, 0xa700],
    ['partialFailure', 202, 0xc000],
  ] as const)('%s: each object has its own result', async (behaviour, _status, reason) => {
    const { peer, client, said, reasons } = await outcomesOf(behaviour);
    expect(said).toEqual(['stored', 'failed', 'stored', 'failed', 'stored']);
    expect(reasons).toEqual([null, reason, null, reason, null]);
    expect(await provenOf(client)).toEqual(uids.map((uid) => peer.kept.has(uid)));
  });

  it.each(['emptyAnswer', 'namesAnother', 'saysBoth'] as const)(
    '%s: nobody knows, and nothing is there',
    async (behaviour) => {
      const { peer, client, said } = await outcomesOf(behaviour);
      expect(said).toEqual(uids.map(() => 'unknown'));
      expect(peer.got).toEqual(uids);
      expect(await provenOf(client)).toEqual(uids.map(() => false));
    },
  );

  it.each(['dropsSilently', 'dropsEverySecond', 'corrupts', 'findsWhatItDropped'] as const)(
    '%s: its word is taken down, and reading back proves no more than is true',
    async (behaviour) => {
      const { peer, client, said } = await outcomesOf(behaviour);
      expect(said).toEqual(uids.map(() => 'stored'));
      const isWhole = (index: number) =>
        peer.kept.get(uids[index] as string)?.bytes.equals(slices[index] as Buffer) === true;
      expect(await provenOf(client)).toEqual(uids.map((_uid, index) => isWhole(index)));
      if (behaviour === 'findsWhatItDropped') expect((await findAll(client)).uids).toEqual(uids);
    },
  );

  it('a connection that ends in the middle of an upload is no answer, and what was answered before stays', async () => {
    const { peer, client } = await meetWebPeer('good', { peer: {} });
    const outcomes: string[] = [];
    const work = (async () => {
      for await (const { outcome } of client.store(
        slices.map((slice) => toStow(slice)),
        { requestObjects: 2 },
      )) {
        outcomes.push(outcome);
        if (outcomes.length === 2) peer.become('closesMidUpload');
      }
    })();
    expect(await webTroubleOf(work)).toMatchObject({ trouble: 'unreachable' });
    expect(outcomes).toEqual(['stored', 'stored']);
    expect(peer.got).toEqual(uids.slice(0, 2));
  });
});
