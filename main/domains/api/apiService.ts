import { isIP } from 'node:net';
import { isLoopbackHost } from '../../../app/domains/api/apiRules.ts';
import type { ApiSettings, ApiState } from '../../../app/domains/api/apiSchema.ts';
import type { DicomStatus, Health } from '../../../app/domains/api/restSchema.ts';
import type { Permission } from '../../../app/domains/security/securityRules.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore, Session } from '../../core.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import type { Services } from '../../domainServices.ts';
import type { CoreClient } from '../../kernel/channelClient.ts';
import { faultText } from '../../platform/faultText.ts';
import { checkTls, daysLeft, readCertificates } from '../exchange/exchangeService.ts';
import { putApi, readApi } from './apiRows.ts';
import { closeAfterRestore } from './closeAfterRestore.ts';
import { type RequestLimits, requestLimits } from './door/requestLimits.ts';
import { type Door, startDoor } from './door/startDoor.ts';
import { readDicomStatus, readHealth } from './metrics/archiveStatus.ts';
import { openMetrics } from './metrics/collectMetrics.ts';
import { openRestApi, type RestApi } from './rest/restApi.ts';
import { openTokenRegister, type TokenRegister } from './tokenRegister.ts';

/** A connection of the core on which a token is let in. */
export interface TokenConnection {
  readonly connectionId: string;
  readonly client: CoreClient;
  /** Ends its calls and streams too. */
  close(): void;
}

/** How requests of other programs reach the core: as those of a window do, with what the token may do and no more. */
export interface ApiLink {
  readonly version: string;
  openConnection(
    holder: { readonly operatorId: string; readonly operatorName: string },
    grants: readonly Permission[],
  ): TokenConnection;
  serveAsset(request: Request, connectionId: string): Promise<Response>;
}

/** Access for other programs: a listener of its own, off until somebody switches it on. */
export interface ApiService {
  readonly tokens: TokenRegister;
  state(): ApiState;
  /** @throws Failure('api.tlsNeeded' | 'api.certificateMissing' | 'exchange.badCertificate' | 'exchange.badKey') */
  save(author: Session, settings: ApiSettings, privateKey?: string): Promise<ApiState>;
  health(): Promise<Health>;
  dicomStatus(): Promise<DicomStatus>;
  metrics(): Promise<string>;
  /** Listens where that is switched on. Never throws: the state says why not. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A port that is taken is tried again after so long, then after twice as long … */
const firstRetryMs = 2000;
const longestRetryMs = 60_000;

export function openApiService(
  store: OpenStore,
  services: () => Services,
  link: ApiLink,
  limits: RequestLimits = requestLimits,
): ApiService {
  const { gate, reader, platform } = store;
  const tokens = openTokenRegister(store);
  const rest: RestApi = openRestApi({
    store,
    services,
    tokens,
    link,
    limits,
    endConnections: (tokenId) => door?.endToken(tokenId),
  });
  const metrics = openMetrics(store, services, link.version, rest.figures);
  let door: Door | null = null;
  let failure: string | null = null;
  let retryTimer: NodeJS.Timeout | null = null;
  let retryMs = firstRetryMs;
  let started = false;
  let closed = false;
  /** Starting, changing and closing run one after the other. */
  let turn: Promise<void> = Promise.resolve();

  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = turn.then(work);
    // Whoever asked hears what went wrong; the next in line starts fresh.
    turn = result.catch(() => undefined);
    return result;
  }

  function changed(): void {
    try {
      gate.append(systemAuthor, (tx) => tx.topic('api'));
    } catch (error) {
      // Windows read it with the next change.
      platform.log.error('a change of the access for programs could not be told', new Error(faultText(error)));
    }
  }

  /** What a restore calls for, as soon as the store is open. @returns the failure code of why it can't be done */
  function restored(): string | null {
    try {
      closeAfterRestore(store);
      return null;
    } catch (error) {
      platform.log.error('the access for programs could not be closed after a restore', new Error(faultText(error)));
      return failureOf(error);
    }
  }

  /** Listens as the settings say. Never throws: `failure` says why not. */
  async function listen(): Promise<void> {
    if (closed || door) return;
    failure = restored();
    const { settings, privateKey, isDamaged } = readApi(reader);
    if (failure !== null) retryLater();
    else if (isDamaged) {
      failure = 'internal';
      platform.log.error('the access for programs cannot listen', new Error('its settings cannot be read'));
    } else if (settings.enabled) {
      try {
        // Also where the row came from a backup or by another version's hand.
        requireTls(settings);
        door = await startDoor({
          host: settings.host,
          port: settings.port,
          names: [...settings.names, settings.host],
          tls: settings.tls.enabled ? { certificate: settings.tls.certificate, key: privateKey } : null,
          limits,
          log: platform.log,
          answer: rest.answer,
        });
        retryMs = firstRetryMs;
        platform.log.info('the access for programs listens', { port: door.port, tls: settings.tls.enabled });
      } catch (error) {
        failure = error instanceof Failure && error.code === 'api.tlsNeeded' ? 'api.tlsMissing' : failureOf(error);
        platform.log.warn('the access for programs cannot listen', { code: failure });
        retryLater();
      }
    }
    changed();
  }

  function retryLater(): void {
    if (closed || retryTimer !== null) return;
    retryTimer = setTimeout(() => {
      retryTimer = null;
      void inTurn(listen);
    }, retryMs).unref();
    retryMs = Math.min(2 * retryMs, longestRetryMs);
  }

  async function stopListening(): Promise<void> {
    if (retryTimer !== null) clearTimeout(retryTimer);
    retryTimer = null;
    retryMs = firstRetryMs;
    const before = door;
    door = null;
    await before?.close();
  }

  function state(): ApiState {
    const { settings, privateKey, isOurs } = readApi(reader);
    return {
      settings,
      hasPrivateKey: privateKey !== '',
      state: door ? 'listening' : failure !== null ? 'failed' : 'off',
      port: door?.port ?? null,
      failure,
      closedByRestore: isOurs && !settings.enabled,
      certificateDaysLeft: daysLeftOf(settings, platform.clock.nowMs()),
    };
  }

  // Also where this core does no work in the background: the list of tokens tells the truth.
  failure = restored();

  return {
    tokens,
    state,
    async save(author, settings, privateKey) {
      requireTls(settings);
      const key = privateKey ?? readApi(reader).privateKey;
      if (settings.tls.enabled && settings.tls.certificate === '')
        throw new Failure('api.certificateMissing', 'the access for programs needs a certificate of its own');
      checkTls({ ca: '', certificate: settings.tls.certificate, key });
      gate.write(author, 'api.save', (tx) => {
        const api = { version: readApi(tx).version + 1, settings, privateKey: key };
        const { version, ...payload } = api;
        tx.statement({ type: 'api', id: 'api', version, payload });
        putApi(tx, api, { hlc: tx.hlc, author: author.operatorName, siteId: tx.siteId });
        const { enabled, host, port, tls } = settings;
        tx.subject({ type: 'store', id: tx.siteId }, { enabled, host, port, tls: tls.enabled });
        tx.topic('api');
      });
      if (started) {
        await inTurn(async () => {
          await stopListening();
          await listen();
        });
      }
      return state();
    },
    health: () => readHealth(store, services(), link.version),
    dicomStatus: () => readDicomStatus(store, services()),
    metrics,
    async start() {
      started = true;
      const listening = inTurn(listen).catch((error: unknown) => {
        failure = 'internal';
        platform.log.error('the access for programs could not be started', new Error(faultText(error)));
      });
      // A name may take the resolver long: nobody waits for it, the state says when it listens.
      if (isIP(readApi(reader).settings.host)) await listening;
    },
    async close() {
      closed = true;
      await inTurn(stopListening);
      rest.close();
    },
  };
}

/** Beyond this machine a token and what it opens would go in clear. @throws Failure('api.tlsNeeded') */
function requireTls({ enabled, host, tls }: ApiSettings): void {
  if (enabled && !tls.enabled && !isLoopbackHost(host))
    throw new Failure('api.tlsNeeded', 'beyond this machine only with TLS');
}

function daysLeftOf({ tls }: ApiSettings, nowMs: number): number | null {
  if (!tls.enabled || tls.certificate === '') return null;
  try {
    const [own] = readCertificates(tls.certificate);
    return own ? daysLeft(own.validToDate.getTime(), nowMs) : null;
  } catch {
    // It can't be read: why is told by `failure`.
    return null;
  }
}

/** What the system or OpenSSL says of a listener that does not come up. */
function failureOf(error: unknown): string {
  if (error instanceof Failure) return error.code;
  const { code = '' } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return 'exchange.portTaken';
    case 'EACCES':
      return 'api.portForbidden';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'api.addressNotOurs';
    default:
      return /^ERR_(OSSL|SSL|TLS)/.test(code) ? 'api.certificateUnusable' : 'internal';
  }
}
