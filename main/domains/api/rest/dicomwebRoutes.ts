import type { TokenScope } from '../../../../app/domains/api/apiRules.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { RequestLimits } from '../door/requestLimits.ts';
import { failureResponse, type IncomingCall } from '../door/startDoor.ts';

/** A study, a series or an instance as it was received: its bytes. */
const objectPattern = /^\/dicomweb\/studies\/[0-9.]+(\/series\/[0-9.]+(\/instances\/[0-9.]+)?)?$/;

/** What an address under /dicomweb/ needs; whether it leads anywhere is for the imaging domain to say. */
export function dicomwebScope(method: string, pathname: string): TokenScope {
  if (method === 'POST') return 'studies.import';
  return objectPattern.test(pathname) ? 'studies.export' : 'studies.read';
}

/** DICOMweb as a window has it, with a limit on what is sent here. */
export async function answerDicomweb(
  call: IncomingCall,
  limits: RequestLimits,
  serve: (request: Request) => Promise<Response>,
): Promise<Response> {
  const { request, hasBody } = call;
  if (request.method === 'OPTIONS')
    return new Response(null, { status: 204, headers: { allow: 'GET, HEAD, POST, OPTIONS' } });
  if (request.method !== 'POST') {
    if (hasBody)
      return failureResponse(new Failure('system.tooLarge', 'no body is taken here'), { connection: 'close' });
    return serve(limitSearch(request));
  }
  const tooLarge = () =>
    failureResponse(new Failure('system.tooLarge', 'the body is too large', { bytes: limits.bodyBytes }), {
      connection: 'close',
    });
  if (Number(request.headers.get('content-length') ?? 0) > limits.bodyBytes) return tooLarge();
  const { limited, isCutShort } = limitBody(request, limits);
  const response = await serve(limited);
  // What still comes is read by nobody.
  if (isCutShort()) response.headers.set('connection', 'close');
  return response;
}

/** Results of one search: making the text of many more would hold up windows, which are served on the same thread. */
const mostResults = 1000;

/** A search for more than is given at once: its answer says how many there are besides (PS3.18 section 8.3.4.4). */
function limitSearch(request: Request): Request {
  const url = new URL(request.url);
  let isChanged = false;
  for (const [name, value] of [...url.searchParams]) {
    if (name.toLowerCase() !== 'limit' || !/^\d{1,9}$/.test(value) || Number(value) <= mostResults) continue;
    url.searchParams.set(name, String(mostResults));
    isChanged = true;
  }
  return isChanged ? new Request(url, request) : request;
}

/**
 * Ends a body that grows beyond what is taken, or comes more slowly than it must, as if its sender had gone: what came
 * whole stays. Only the time in which we wait for the sender counts, never that in which the archive is busy.
 */
function limitBody(
  request: Request,
  { bodyBytes, bodyBytesPerSecond, bodyPatienceMs }: RequestLimits,
): { readonly limited: Request; isCutShort(): boolean } {
  if (request.body === null) return { limited: request, isCutShort: () => false };
  const reader = (request.body as ReadableStream<Uint8Array>).getReader();
  let bytes = 0;
  let patienceMs = bodyPatienceMs;
  let cutShort = false;

  async function readInTime() {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Failure('system.disconnected', 'the body comes too slowly')), patienceMs);
    });
    const startedMs = performance.now();
    try {
      return await Promise.race([reader.read(), late]);
    } finally {
      clearTimeout(timer);
      patienceMs -= performance.now() - startedMs;
    }
  }

  const paced = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await readInTime();
          if (done) return controller.close();
          bytes += value.byteLength;
          patienceMs = Math.min(bodyPatienceMs, patienceMs + (value.byteLength / bodyBytesPerSecond) * 1000);
          if (bytes > bodyBytes) throw new Failure('system.tooLarge', 'the body is too large');
          controller.enqueue(value);
        } catch (error) {
          cutShort = true;
          controller.error(error);
          // Its sender may be gone, or still drip: nobody reads it any more.
          reader.cancel(error).catch(() => undefined);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return {
    limited: new Request(request, { body: paced, duplex: 'half' } as RequestInit),
    isCutShort: () => cutShort,
  };
}
