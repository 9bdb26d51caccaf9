import { permissionsOfScopes, type TokenScope } from '../../../../app/domains/api/apiRules.ts';
import { bareHealthSchema } from '../../../../app/domains/api/restSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Services } from '../../../domainServices.ts';
import { Counts, Durations } from '../../../platform/counters.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { KnownToken } from '../apiRows.ts';
import type { ApiLink, TokenConnection } from '../apiService.ts';
import { Allowances, type RequestLimits } from '../door/requestLimits.ts';
import { failureResponse, type IncomingCall } from '../door/startDoor.ts';
import type { TokenRegister } from '../tokenRegister.ts';
import { openAccessLog } from './accessLog.ts';
import { answerDicomweb, dicomwebScope } from './dicomwebRoutes.ts';
import { openApiDocument } from './openApi.ts';
import { type RestRoute, type RouteCall, restRoutes } from './restRoutes.ts';

/** Requests of other programs, from the token to the answer. */
export interface RestApi {
  /** Never rejects. */
  answer(call: IncomingCall): Promise<Response>;
  /** Cuts what the token has open. */
  endToken(tokenId: string): void;
  readonly figures: RestFigures;
  close(): void;
}

export interface RestFigures {
  /** By route and status. */
  readonly requests: Counts;
  readonly seconds: Durations;
}

export interface RestParts {
  readonly store: OpenStore;
  readonly services: () => Services;
  readonly tokens: TokenRegister;
  readonly link: ApiLink;
  readonly limits: RequestLimits;
}

interface Place {
  readonly connection: TokenConnection;
  readonly open: Set<() => void>;
}

type Found =
  | { readonly kind: 'route'; readonly route: RestRoute; readonly path: Record<string, string> }
  | { readonly kind: 'document' }
  | { readonly kind: 'dicomweb' };

const requestBounds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600];
const documentPath = '/api/v1/openapi.json';

const patterns = restRoutes.map((route) => ({
  route,
  names: [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name),
  // A UID, or one of our own ids; an address that holds anything else leads nowhere.
  pattern: new RegExp(
    `^${route.path.replace('{studyUid}', '([0-9.]{1,64})').replace('{reportId}', '([0-9a-f-]{36})')}$`,
  ),
}));

export function openRestApi(parts: RestParts): RestApi {
  const { store, services, tokens, link, limits } = parts;
  const nowMs = () => performance.now();
  const allowed = new Allowances(limits.requestsPerSecond, limits.requestBurst, nowMs);
  const failures = new Allowances(limits.failuresPerSecond, limits.failureBurst, nowMs);
  const probes = new Allowances(limits.probesPerSecond, limits.probeBurst, nowMs);
  const access = openAccessLog(store, nowMs);
  const places = new Map<string, Place>();
  const figures: RestFigures = { requests: new Counts(), seconds: new Durations(requestBounds) };
  let closed = false;

  tokens.onRevoke(endToken);
  // One that expires ends as one that is revoked, within the minute.
  const sweep = setInterval(() => {
    for (const tokenId of [...places.keys()]) if (!tokens.isGood(tokenId)) endToken(tokenId);
  }, 30_000).unref();

  function endToken(tokenId: string): void {
    const place = places.get(tokenId);
    if (!place) return;
    places.delete(tokenId);
    place.connection.close();
    for (const cut of [...place.open]) cut();
  }

  function placeOf(token: KnownToken): Place {
    const known = places.get(token.tokenId);
    if (known) return known;
    const connection = link.openConnection(authorOf(token), permissionsOfScopes(token.payload.scopes));
    const place = { connection, open: new Set<() => void>() };
    places.set(token.tokenId, place);
    return place;
  }

  async function answerAnyone(call: IncomingCall, pathname: string): Promise<Response> {
    const token = call.secret === '' ? undefined : tokens.check(call.secret);
    if (token) return answerToken(call, pathname, token);
    // A probe of the network needs no more than this, and whether it works is no secret.
    if (call.secret === '' && pathname === '/api/v1/health' && call.request.method === 'GET') {
      const waitSeconds = probes.take(call.address);
      if (waitSeconds > 0) return tooMany(waitSeconds);
      const { status } = await services().api.health();
      return Response.json(bareHealthSchema.parse({ status }), { status: status === 'ok' ? 200 : 503 });
    }
    const waitSeconds = failures.take(call.address);
    // A good token is never refused because others of its address came with bad ones: it was looked at first.
    if (waitSeconds > 0) return tooMany(waitSeconds);
    if (call.secret !== '') access.note({ author: systemAuthor, action: 'api.enter', outcome: 'refused' });
    const unknown = new Failure('security.notSignedIn', 'no good token');
    return failureResponse(unknown, { 'www-authenticate': 'Bearer realm="Salus"' });
  }

  async function answerToken(call: IncomingCall, pathname: string, token: KnownToken): Promise<Response> {
    const waitSeconds = allowed.take(token.tokenId);
    if (waitSeconds > 0) return tooMany(waitSeconds);
    call.admitted();
    tokens.used(token.tokenId);
    const place = placeOf(token);
    if (place.open.size >= limits.requestsAtOnce) return tooMany(1);
    const cut = () => call.cut();
    place.open.add(cut);
    call.onEnd(() => place.open.delete(cut));
    return answerPlace(call, pathname, token, place);
  }

  async function answerPlace(call: IncomingCall, pathname: string, token: KnownToken, place: Place): Promise<Response> {
    const { request } = call;
    const found = findRoute(pathname);
    if (!found) throw new Failure('system.notFound', 'nothing lies at this address');
    if (found.kind === 'dicomweb') {
      requireScope(token, dicomwebScope(request.method, pathname));
      const response = await answerDicomweb(call, limits, (limited) =>
        link.serveAsset(limited, place.connection.connectionId),
      );
      noteDicomweb(token, request.method, pathname, response);
      return response;
    }
    if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow: methods } });
    if (request.method !== 'GET')
      return failureResponse(new Failure('api.methodNotAllowed', 'only reading is possible here'), { allow: methods });
    if (call.hasBody)
      return failureResponse(new Failure('system.tooLarge', 'no body is taken here'), { connection: 'close' });
    const mediaType = found.kind === 'document' ? 'application/json' : found.route.mediaType;
    if (!accepts(request.headers.get('accept'), mediaType))
      throw new Failure('api.notAcceptable', 'the caller takes no such answer', { offered: mediaType });
    if (found.kind === 'document') return Response.json(openApiDocument(link.version));
    const { route, path } = found;
    if (route.scope) requireScope(token, route.scope);
    const routeCall: RouteCall = {
      client: place.connection.client,
      services: services(),
      path,
      query: new URL(request.url).searchParams,
      signal: request.signal,
      asset: (address) =>
        link.serveAsset(
          new Request(new URL(address, request.url), { signal: request.signal }),
          place.connection.connectionId,
        ),
      note: (action, subject) =>
        access.note({ author: authorOf(token), action, outcome: 'success', ...(subject ? { subject } : {}) }),
    };
    return route.run(routeCall);
  }

  function requireScope(token: KnownToken, scope: TokenScope): void {
    if (token.payload.scopes.includes(scope)) return;
    access.note({ author: authorOf(token), action: 'api.enter', outcome: 'refused', detail: { scope } });
    throw new Failure('api.scopeMissing', 'the token lacks the scope', { scope });
  }

  /** A search, or the first look at a study in a while. What was stored has the entry of the log of associations. */
  function noteDicomweb(token: KnownToken, method: string, pathname: string, { ok }: Response): void {
    if (!ok || method !== 'GET') return;
    const author = authorOf(token);
    const studyUid = /^\/dicomweb\/studies\/([0-9.]{1,64})/.exec(pathname)?.[1];
    if (studyUid === undefined) access.note({ author, action: 'api.search', outcome: 'success' });
    else access.note({ author, action: 'api.openStudy', outcome: 'success', subject: { type: 'study', id: studyUid } });
  }

  return {
    figures,
    async answer(call) {
      const startedMs = nowMs();
      const { pathname } = new URL(call.request.url);
      let response: Response;
      try {
        if (closed) throw new Failure('security.sealed', 'the core is closing');
        response = await answerAnyone(call, pathname);
      } catch (error) {
        response = failureResponse(sealed(error, call.request.signal.aborted));
      }
      call.onEnd(() => figures.seconds.add((nowMs() - startedMs) / 1000));
      figures.requests.add(`${labelOf(pathname)}\t${response.status}`);
      return withHeaders(response, call.hasBody);
    },
    endToken,
    close() {
      closed = true;
      clearInterval(sweep);
      for (const tokenId of [...places.keys()]) {
        places.get(tokenId)?.connection.close();
        places.delete(tokenId);
      }
    },
  };

  function sealed(error: unknown, isAborted: boolean): Failure {
    if (error instanceof Failure) return error;
    if (isAborted) return new Failure('system.disconnected', 'the caller went away');
    const incidentId = store.newId();
    store.platform.log.error('a request of another program failed', new Error(faultText(error)), { incidentId });
    return new Failure('internal', 'unexpected error', {}, incidentId);
  }
}

const methods = 'GET, HEAD, OPTIONS';

/** A token as the author of what it does: no operator can have such a name. */
function authorOf({ tokenId, payload }: KnownToken): { operatorId: string; operatorName: string } {
  return { operatorId: tokenId, operatorName: `token:${payload.name}` };
}

function findRoute(pathname: string): Found | undefined {
  if (pathname === documentPath) return { kind: 'document' };
  if (pathname.startsWith('/dicomweb/')) return { kind: 'dicomweb' };
  for (const { route, pattern, names } of patterns) {
    const match = pattern.exec(pathname);
    if (match)
      return { kind: 'route', route, path: Object.fromEntries(names.map((name, at) => [name, match[at + 1] ?? ''])) };
  }
  return undefined;
}

/** A route for the figures: never an address, which holds ids. */
function labelOf(pathname: string): string {
  const found = findRoute(pathname);
  return found?.kind === 'route'
    ? found.route.path
    : found?.kind === 'document'
      ? documentPath
      : (found?.kind ?? 'none');
}

/** Whether an Accept header takes the media type (RFC 9110 12.5.1): the most exact range that fits decides. */
function accepts(header: string | null, mediaType: string): boolean {
  if (header === null || header.trim() === '') return true;
  const [type = ''] = mediaType.split(';');
  const ranges = [type, type.replace(/\/.*/, '/*'), '*/*'];
  const given = header
    .toLowerCase()
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim()));
  for (const wanted of ranges) {
    const found = given.find(([range]) => range === wanted);
    if (found) return !found.slice(1).some((part) => /^q=0(\.0*)?$/.test(part));
  }
  return false;
}

function tooMany(waitSeconds: number): Response {
  return failureResponse(new Failure('api.tooManyRequests', 'too many requests', { waitSeconds }), {
    'retry-after': String(waitSeconds),
  });
}

function withHeaders(response: Response, hasBody: boolean): Response {
  const headers = new Headers(response.headers);
  // What was refused is not read to its end.
  if (hasBody && !response.ok) headers.set('connection', 'close');
  headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  headers.set('referrer-policy', 'no-referrer');
  headers.set('cross-origin-resource-policy', 'same-origin');
  headers.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
  return new Response(response.body, { status: response.status, headers });
}
