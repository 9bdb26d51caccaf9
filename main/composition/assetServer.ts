import { Failure } from '../../app/shared/failure.ts';
import type { AssetHandler, CallContext } from '../core.ts';
import { inReadLane } from '../database/readLane.ts';
import { statusOf } from '../kernel/failureStatus.ts';
import { type IncidentBook, sealError } from '../kernel/sealErrors.ts';

/** One folder of addresses and who answers there. */
export interface AssetRoute {
  readonly prefix: string;
  readonly handler: AssetHandler;
}

/**
 * Serves bytes: the same rules as for calls. Nobody without a session gets any; what fails leaves as
 * `{code, details, incidentId}`; nothing may be kept by a cache.
 */
export async function serveAssetRequest(
  request: Request,
  context: CallContext,
  routes: readonly AssetRoute[],
  book: IncidentBook,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = routes.find(({ prefix }) => pathname.startsWith(prefix));
  try {
    if (!context.session) throw new Failure('security.notSignedIn', 'Nobody is signed in on this connection.');
    if (!route) throw new Failure('system.notFound', 'No asset lies at this address.');
    // What a token reads waits behind what windows read; what it stores starts work that outlives the request.
    const { grants, operatorId: key } = context.session;
    const lane = grants && request.method !== 'POST' ? { key, signal: request.signal } : null;
    return withAssetHeaders(await inReadLane(lane, () => route.handler(request, context)));
  } catch (error) {
    const failure = sealError(error, `assets${route?.prefix ?? '/'}`, request.signal.aborted, book);
    if (failure.code === 'security.notAllowed') noteRefusal(context, route, book);
    const { code, details, incidentId } = failure;
    return withAssetHeaders(Response.json({ code, details, incidentId }, { status: statusOf(code) }));
  }
}

/** The request has failed already; an audit entry that fails as well must not hide why. */
function noteRefusal(context: CallContext, route: AssetRoute | undefined, book: IncidentBook): void {
  const name = route?.prefix.replaceAll('/', '') ?? 'assets';
  try {
    context
      .store()
      .gate.record(context.author(), `assets.${name}`, 'refused', undefined, { code: 'security.notAllowed' });
  } catch (error) {
    book.log.error('An audit entry could not be written', error, { operation: `assets.${name}` });
  }
}

function withAssetHeaders(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  headers.set('cross-origin-resource-policy', 'same-origin');
  headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
