import { permissionsOfScopes, type TokenScope } from '../../../../app/domains/api/apiRules.ts';
import { bareHealthSchema } from '../../../../app/domains/api/restSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import { inReadLane } from '../../../database/readLane.ts';
import type { AuditSubject } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import { Counts, Durations } from '../../../platform/counters.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { KnownToken } from '../apiRows.ts';
import type { ApiLink, TokenConnection } from '../apiService.ts';
import { Allowances, addressKey, type RequestLimits } from '../door/requestLimits.ts';
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
  /** Cuts every connection that came with the token. */
  endConnections(tokenId: string): void;
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
  const audited = new Allowances(limits.auditsPerSecond, limits.auditBurst, nowMs);
  /** Entries of those who have no token, of all addresses together. */
  const strangers = new Allowances(1 / 10, 20, nowMs);
  const access = openAccessLog(store, nowMs, ({ operatorId }) => {
    if (operatorId !== null) takeAudit(operatorId);
  });
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
    places.delete(tokenId);
    place?.connection.close();
    for (const cut of [...(place?.open ?? [])]) cut();
    parts.endConnections(tokenId);
  }

  /** @throws Failure('api.tooManyRequests') when the token left too many entries of late */
  function takeAudit(tokenId: string): void {
    const waitSeconds = audited.take(tokenId);
    if (waitSeconds > 0) throw new Failure('api.tooManyRequests', 'too many entries in the audit', { waitSeconds });
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
    const known = call.secret === '' ? undefined : tokens.check(call.secret);
    if (known?.isGood) return answerToken(call, pathname, known.token);
    if (known) endToken(known.token.tokenId);
    // A probe of the network needs no more than this, and whether it works is no secret.
    if (call.secret === '' && pathname === '/api/v1/health' && call.request.method === 'GET') {
      const waitSeconds = probes.take(addressKey(call.address));
      if (waitSeconds > 0) return tooMany(waitSeconds);
      const lane = { key: 'nobody', signal: call.request.signal };
      const { status } = await inReadLane(lane, () => services().api.health());
      return Response.json(bareHealthSchema.parse({ status }), { status: status === 'ok' ? 200 : 503 });
    }
    const waitSeconds = failures.take(addressKey(call.address));
    // A good token is never refused because others of its address came with bad ones: it was looked at first.
    if (waitSeconds > 0) return tooMany(waitSeconds);
    if (call.secret !== '') noteRefused(call, known?.token);
    const unknown = new Failure('security.notSignedIn', 'no good token');
    return failureResponse(unknown, { 'www-authenticate': 'Bearer realm="Salus"', connection: 'close' });
  }

  /** Who came with a secret that opens nothing, and from where. */
  function noteRefused({ address }: IncomingCall, token: KnownToken | undefined): void {
    const from = addressKey(address);
    if (token) {
      const subject: AuditSubject = { type: 'token', id: token.tokenId };
      const why = token.payload.revokedAt === null ? 'expired' : 'revoked';
      access.note({
        author: authorOf(token),
        action: 'api.enter',
        outcome: 'refused',
        subject,
        detail: { address: from, why },
      });
      return;
    }
    // Of too many addresses at once none is named: that alone is one entry.
    const detail: Record<string, string> = strangers.take('') > 0 ? {} : { address: from };
    access.note({ author: systemAuthor, action: 'api.enter', outcome: 'refused', detail });
  }

  async function answerToken(call: IncomingCall, pathname: string, token: KnownToken): Promise<Response> {
    const waitSeconds = allowed.take(token.tokenId);
    if (waitSeconds > 0) return tooMany(waitSeconds);
    const place = placeOf(token);
    if (place.open.size >= limits.requestsAtOnce || !call.admitted(token.tokenId)) return tooMany(1);
    tokens.used(token.tokenId);
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
      const scope = dicomwebScope(request.method, pathname);
      requireScope(token, scope);
      const response = await answerDicomweb(call, limits, (limited) =>
        link.serveAsset(limited, place.connection.connectionId),
      );
      try {
        noteDicomweb(token, scope, pathname, response);
      } catch (error) {
        // Nothing is given out without its entry.
        await response.body?.cancel();
        throw error;
      }
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
    if (route.isAudited) takeAudit(token.tokenId);
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

  /**
   * A search, or the first look at a study in a while; taking its originals is another thing than looking. What was
   * stored has the entry of the log of associations.
   */
  function noteDicomweb(token: KnownToken, scope: TokenScope, pathname: string, { ok, status }: Response): void {
    if (!ok || status === 204 || scope === 'studies.import') return;
    const author = authorOf(token);
    const studyUid = /^\/dicomweb\/studies\/([0-9.]{1,64})/.exec(pathname)?.[1];
    const action =
      scope === 'studies.export' ? 'api.takeStudy' : studyUid === undefined ? 'api.search' : 'api.openStudy';
    const subject: AuditSubject | undefined = studyUid === undefined ? undefined : { type: 'study', id: studyUid };
    access.note({ author, action, outcome: 'success', ...(subject ? { subject } : {}) });
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
        const failure = sealed(error, call.request.signal.aborted);
        const waitSeconds = failure.code === 'api.tooManyRequests' ? failure.details['waitSeconds'] : undefined;
        response = typeof waitSeconds === 'number' ? tooMany(waitSeconds) : failureResponse(failure);
      }
      call.onEnd(() => figures.seconds.add((nowMs() - startedMs) / 1000));
      figures.requests.add(`${labelOf(pathname)}\t${response.status}`);
      return withHeaders(response, call.hasBody);
    },
    close() {
      closed = true;
      clearInterval(sweep);
      for (const tokenId of [...places.keys()]) {
        places.get(tokenId)?.connection.close();
        places.delete(tokenId);
      }
      try {
        access.close();
      } catch (error) {
        store.platform.log.error('how often programs looked could not be written', new Error(faultText(error)));
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
    connection: 'close',
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
