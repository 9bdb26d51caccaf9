import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { have, startOrthanc } from '../../scripts/services.ts';
import { makeOperators, openTestCore, signIn, type TestCore, type TestEnd } from '../contract/openTestCore.ts';
import { until } from './peers/receivingStation.ts';

let test: TestCore;
let end: TestEnd;
beforeAll(async () => {
  test = await openTestCore();
  end = await test.connect.WebSocket();
  await makeOperators(end.client);
  await signIn(end.client, 'first');
}, 60_000);
afterAll(() => test.close());

async function setStow(stow: boolean): Promise<void> {
  const { settings } = await end.client.exchange.receiver();
  await end.client.exchange.saveReceiver({ settings: { ...settings, stow, leastFreeMib: 64 } });
}

function multipart(files: readonly Uint8Array[], boundary = 'frontier'): Buffer {
  const parts = files.flatMap((file) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, 'latin1'),
    file,
    Buffer.from('\r\n', 'latin1'),
  ]);
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`, 'latin1')]);
}

const related = 'multipart/related; type="application/dicom"; boundary=frontier';

function post(body: Uint8Array | ReadableStream, path = '/dicomweb/studies', headers: Record<string, string> = {}) {
  return test.core.serveAsset(
    new Request(`http://core${path}`, {
      method: 'POST',
      body: body as BodyInit,
      headers: { 'content-type': related, ...headers },
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit),
    end.connectionId,
  );
}

const values = (json: Record<string, { Value?: unknown[] }>, tag: string): Record<string, { Value?: unknown[] }>[] =>
  (json[tag]?.Value ?? []) as Record<string, { Value?: unknown[] }>[];
const newest = async () => (await end.client.exchange.associations({ limit: 1 })).rows[0];

describe('STOW-RS into the local DICOMweb', { timeout: 60_000 }, () => {
  it('is refused where it is switched off, and to who may not import', async () => {
    expect((await post(multipart([aSlice()]))).status).toBe(403);
    await setStow(true);
    const viewer = await test.connect.memory();
    await signIn(viewer.client, 'viewer');
    const refused = await test.core.serveAsset(
      new Request('http://core/dicomweb/studies', {
        method: 'POST',
        body: new Uint8Array(multipart([aSlice()])),
        headers: { 'content-type': related },
      }),
      viewer.connectionId,
    );
    expect(refused.status).toBe(403);
    viewer.cut();
  });

  it('keeps each part and says so of each', async () => {
    const reply = await post(
      multipart([aSlice({ sop: '1.2.5.1', study: '1.2.5' }), aSlice({ sop: '1.2.5.2', study: '1.2.5' })]),
    );
    expect(reply.status).toBe(200);
    const json = (await reply.json()) as Record<string, { Value?: unknown[] }>;
    expect(json['00081190']?.Value).toEqual(['http://core/dicomweb/studies/1.2.5']);
    expect(values(json, '00081199').map((item) => item['00081155']?.Value?.[0])).toEqual(['1.2.5.1', '1.2.5.2']);
    expect(json['00081198']).toBeUndefined();
    expect(await newest()).toMatchObject({
      channel: 'stow',
      callingAe: 'first',
      objects: 2,
      refused: 0,
      ending: 'released',
    });
    const found = await test.core.serveAsset(
      new Request('http://core/dicomweb/studies/1.2.5/instances'),
      end.connectionId,
    );
    expect(await found.json()).toHaveLength(2);
    const entries = await end.client.security.listAudit({ action: 'exchange.receive', limit: 10 });
    expect(entries[0]).toMatchObject({ operatorName: 'first', subjectType: 'association' });
  });

  it('answers 202 when some are not taken, 409 when none is, with the reason of each', async () => {
    const mixed = await post(
      multipart([
        aSlice({ sop: '1.2.6.1', study: '1.2.6' }),
        aSlice({ sop: '1.2.7.1', study: '1.2.7' }),
        Buffer.from('x'.repeat(500)),
      ]),
      '/dicomweb/studies/1.2.6',
    );
    expect(mixed.status).toBe(202);
    const json = (await mixed.json()) as Record<string, { Value?: unknown[] }>;
    expect(values(json, '00081199')).toHaveLength(1);
    expect(
      values(json, '00081198').map((item) => [item['00081155']?.Value?.[0], item['00081197']?.Value?.[0]]),
    ).toEqual([
      ['1.2.7.1', 0xa900],
      [undefined, 0xc000],
    ]);
    const none = await post(multipart([Buffer.from('no image at all')]));
    expect(none.status).toBe(409);
    expect(await newest()).toMatchObject({ objects: 0, refused: 1 });
  });

  it('refuses what is no such message, and never calls a broken one complete', async () => {
    expect((await post(multipart([]))).status).toBe(400);
    for (const type of [
      'application/dicom',
      'multipart/related',
      'multipart/related; type="application/dicom+xml"; boundary=frontier',
    ])
      expect((await post(multipart([aSlice()]), undefined, { 'content-type': type })).status, type).toBe(415);
    expect((await post(multipart([aSlice()]), undefined, { accept: 'text/html' })).status).toBe(406);
    const whole = multipart([aSlice({ sop: '1.2.8.1', study: '1.2.8' }), aSlice({ sop: '1.2.8.2', study: '1.2.8' })]);
    const cut = await post(whole.subarray(0, whole.length - 300));
    expect(cut.status).toBe(202);
    const json = (await cut.json()) as Record<string, { Value?: unknown[] }>;
    expect(values(json, '00081199').map((item) => item['00081155']?.Value?.[0])).toEqual(['1.2.8.1']);
    expect(await newest()).toMatchObject({ ending: 'protocol' });
  });

  it('keeps what came whole of a caller who goes away', async () => {
    const whole = multipart([
      aSlice({ sop: '1.2.10.1', study: '1.2.10' }),
      aSlice({ sop: '1.2.10.2', study: '1.2.10' }),
    ]);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(whole.subarray(0, whole.length - 200)));
        setTimeout(() => controller.error(new Error('the connection broke')), 300);
      },
    });
    await post(body);
    expect(await newest()).toMatchObject({ ending: 'closed', objects: 1 });
  });
});

describe('a request that is under way', { timeout: 60_000 }, () => {
  it('is ended when the core stops; what came whole stays', async () => {
    const own = await openTestCore();
    const { client, connectionId } = await own.connect.memory();
    await makeOperators(client);
    await signIn(client, 'first');
    const { settings } = await client.exchange.receiver();
    await client.exchange.saveReceiver({ settings: { ...settings, stow: true, leastFreeMib: 64 } });
    const whole = multipart([aSlice({ sop: '1.2.11.1', study: '1.2.11' }), aSlice()]);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(whole.subarray(0, whole.length - 200))),
    });
    const answered = own.core.serveAsset(
      new Request('http://core/dicomweb/studies', {
        method: 'POST',
        body,
        headers: { 'content-type': related },
        duplex: 'half',
      } as RequestInit),
      connectionId,
    );
    const here = async () =>
      own.core.serveAsset(new Request('http://core/dicomweb/studies/1.2.11/instances'), connectionId);
    await until(here, ({ status }) => status === 200);
    await own.close();
    expect((await answered).status).toBe(202);
  });
});

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))('Orthanc as a STOW-RS client (needs Orthanc)', () => {
  it('sends a study here, over the local host, with a token', { timeout: 90_000 }, async () => {
    await setStow(true);
    const folder = mkdtempSync(join(tmpdir(), 'salus-stow-'));
    const orthanc = await startOrthanc();
    try {
      const study = '1.2.20';
      for (let number = 1; number <= 12; number += 1) {
        const slice = aSlice({ sop: `${study}.${number}`, study });
        writeFileSync(join(folder, `${number}.dcm`), slice);
        const added = await fetch(`${orthanc.url}/instances`, { method: 'POST', body: new Uint8Array(slice) });
        expect(added.status).toBe(200);
      }
      const origin = `http://127.0.0.1:${test.server.port}`;
      const token = new URL(test.server.newAddress()).hash.replace('#token=', '');
      const exchanged = await fetch(`${origin}/session/exchange`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token }),
      });
      const { bearer } = (await exchanged.json()) as { bearer: string };
      const connectionId = test.server.access.find(bearer) as string;
      // The connection that Orthanc's token belongs to is signed in as the first operator.
      const { port1, port2 } = new MessageChannel();
      test.core.connectPort(port2 as never, connectionId);
      const { openChannelClient } = await import('../../main/kernel/channelClient.ts');
      const { portChannel } = await import('../../main/kernel/transports.ts');
      await signIn(openChannelClient(portChannel(port1 as never)), 'first');
      const put = await fetch(`${orthanc.dicomWebUrl}/servers/salus`, {
        method: 'PUT',
        body: JSON.stringify({ Url: `${origin}/dicomweb/`, HttpHeaders: { Authorization: `Bearer ${bearer}` } }),
      });
      expect(put.status).toBe(200);
      const [id] = (await (await fetch(`${orthanc.url}/studies`)).json()) as string[];
      const sent = await fetch(`${orthanc.dicomWebUrl}/servers/salus/stow`, {
        method: 'POST',
        body: JSON.stringify({ Resources: [id], Synchronous: true }),
      });
      expect(sent.status, await sent.text()).toBe(200);
      const found = await test.core.serveAsset(
        new Request(`http://core/dicomweb/studies/${study}/instances`),
        end.connectionId,
      );
      expect(await found.json()).toHaveLength(12);
      port1.close();
    } finally {
      await orthanc.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
