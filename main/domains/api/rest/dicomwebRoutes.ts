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
    return serve(request);
  }
  const tooLarge = () =>
    failureResponse(new Failure('system.tooLarge', 'the body is too large', { bytes: limits.bodyBytes }), {
      connection: 'close',
    });
  if (Number(request.headers.get('content-length') ?? 0) > limits.bodyBytes) return tooLarge();
  return serve(limitBody(request, limits.bodyBytes));
}

/** Ends a body that grows beyond what is taken, as if its sender had gone: what came whole stays. */
function limitBody(request: Request, mostBytes: number): Request {
  if (request.body === null) return request;
  let bytes = 0;
  const counted = request.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > mostBytes) controller.error(new Failure('system.tooLarge', 'the body is too large'));
        else controller.enqueue(chunk);
      },
    }),
  );
  return new Request(request, { body: counted, duplex: 'half' } as RequestInit);
}
