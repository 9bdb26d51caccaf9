import { describe, expect, it } from 'vitest';
import { requestLimits } from '../door/requestLimits.ts';
import type { IncomingCall } from '../door/startDoor.ts';
import { answerDicomweb } from './dicomwebRoutes.ts';

function callOf(request: Request): IncomingCall {
  return {
    request,
    secret: '',
    address: '127.0.0.1',
    hasBody: request.body !== null,
    admitted: () => true,
    cut: () => undefined,
    onEnd: () => undefined,
  };
}
const post = (body: ReadableStream<Uint8Array>) =>
  callOf(new Request('http://localhost/dicomweb/studies', { method: 'POST', body, duplex: 'half' } as RequestInit));
const limits = { ...requestLimits, bodyPatienceMs: 400, bodyBytesPerSecond: 1000 };
const read = async (request: Request) => new Response(await request.arrayBuffer());

describe('what is stored over DICOMweb', { timeout: 30_000 }, () => {
  it('may take long, at a pace', async () => {
    // 2 s altogether, five times the patience: what counts is that it goes on.
    let left = 20;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        controller.enqueue(new Uint8Array(1000));
        left -= 1;
        if (left === 0) controller.close();
      },
    });
    const answer = await answerDicomweb(post(body), limits, read);
    expect((await answer.arrayBuffer()).byteLength).toBe(20_000);
    expect(answer.headers.get('connection')).toBeNull();
  });

  it('is cut where it comes by drops, and where it stops', async () => {
    for (const everyMs of [50, 1e6]) {
      let isCancelled = false;
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, everyMs).unref());
          if (!isCancelled) controller.enqueue(new Uint8Array(1));
        },
        cancel() {
          isCancelled = true;
        },
      });
      const kept = async (request: Request) =>
        read(request).catch((error: { code?: string }) => new Response(error.code ?? 'other'));
      const answer = await answerDicomweb(post(body), limits, kept);
      expect([everyMs, await answer.text()]).toEqual([everyMs, 'system.disconnected']);
      expect(answer.headers.get('connection')).toBe('close');
      expect(isCancelled).toBe(true);
    }
  });

  it('is not hurried while the archive is busy', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < 3; at += 1) controller.enqueue(new Uint8Array(1));
        controller.close();
      },
    });
    const slowly = async (request: Request) => {
      let bytes = 0;
      for await (const chunk of request.body ?? []) {
        await new Promise((resolve) => setTimeout(resolve, 600));
        bytes += (chunk as Uint8Array).byteLength;
      }
      return new Response(String(bytes));
    };
    expect(await (await answerDicomweb(post(body), limits, slowly)).text()).toBe('3');
  });

  it('is searched in parts', async () => {
    const asked: string[] = [];
    const serve = (request: Request) => {
      asked.push(new URL(request.url).search);
      return Promise.resolve(new Response('[]'));
    };
    for (const query of ['?limit=5000&PatientID=A%20B', '?LIMIT=1001', '?limit=1000', '?limit=x', ''])
      await answerDicomweb(callOf(new Request(`http://localhost/dicomweb/studies${query}`)), limits, serve);
    expect(asked).toEqual(['?limit=1000&PatientID=A+B', '?LIMIT=1000', '?limit=1000', '?limit=x', '']);
  });
});
