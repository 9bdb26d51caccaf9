import { isIP } from 'node:net';
import type { ReceiverSettings, ReceiverState } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Author } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { NodeRegistry, Receiver } from '../exchangeParts.ts';
import { checkTls } from '../nodes/certificates.ts';
import { listEntries } from '../schedule/scheduleRows.ts';
import { type AbortedTimes, openAbortedSenders } from './abortedSenders.ts';
import { openAssociationLog } from './associationLog.ts';
import { requireFolders } from './folderLook.ts';
import { CannotListen, type Listener, startListener } from './listener.ts';
import { openRequests } from './openRequests.ts';
import type { AllowedCaller, EndedAssociation, OpenedAssociation, ReceiverWorkerData } from './receiverMessages.ts';
import { putReceiver, readReceiver } from './receiverSettings.ts';
import { openWatchedFolders, type WatchTimes } from './watchedFolders.ts';

/** How long open associations may go on when the receiver is turned off or changed, and when the core stops. */
const changeGraceMs = 10_000;
const stopGraceMs = 5_000;
/** A port that is taken, or a thread that died, is tried again after so long, then after twice as long … */
const firstRetryMs = 2_000;
const longestRetryMs = 60_000;
const mib = 1024 ** 2;

export interface ReceiverOptions {
  readonly limits?: ReceiverWorkerData['limits'];
  readonly watchTimes?: WatchTimes;
  readonly abortedTimes?: AbortedTimes;
}

/** Opens what other systems send to. Nothing listens before `start`, and nothing where it is not switched on. */
export function openReceiver(
  store: OpenStore,
  services: () => Services,
  nodes: NodeRegistry,
  options: ReceiverOptions = {},
): Receiver {
  const { gate, reader, platform } = store;
  const associations = openAssociationLog(store);
  const folders = openWatchedFolders(store, services, associations, changed, options.watchTimes);
  const aborted = openAbortedSenders(store, services, options.abortedTimes);
  const events = new Set<Parameters<Receiver['onEvent']>[0]>();
  const open = new Map<string, OpenedAssociation>();
  let listener: Listener | null = null;
  let failure: string | null = null;
  let nearlyFull = false;
  let retryTimer: NodeJS.Timeout | null = null;
  let retryMs = firstRetryMs;
  let started = false;
  let closed = false;
  /** Starting, changing and closing run one after the other. */
  let turn: Promise<void> = Promise.resolve();
  const requests = openRequests();

  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = turn.then(work);
    // Whoever asked hears what went wrong; the next in line starts fresh.
    turn = result.catch(() => undefined);
    return result;
  }

  function callers(): AllowedCaller[] {
    return nodes.list().flatMap(({ nodeId, settings, use }) => {
      if (!use.receive || settings.kind !== 'dimse') return [];
      const host = use.receiveFrom || settings.host;
      return [{ nodeId, aeTitle: settings.aeTitle, host, certificate: use.receiveCertificate ?? '' }];
    });
  }

  function changed(): void {
    try {
      gate.append(systemAuthor, (tx) => tx.topic('receiver'));
    } catch (error) {
      // Windows read it with the next change.
      platform.log.error('a change of the receiver could not be told', error);
    }
  }

  function opened(association: OpenedAssociation): void {
    open.set(association.associationId, association);
    const begun = { ...association, channel: 'dimse' } as const;
    services().imaging.receptions.open({
      receptionId: association.associationId,
      source: association.callingAe,
      origin: { channel: 'dimse', callingAe: association.callingAe.trim(), nodeId: association.nodeId },
      author: systemAuthor,
      note: (tx, change) => associations.note(tx, begun, change),
    });
  }

  function ended({ opened: begun, report, refused, reasons, isWhole, missing }: EndedAssociation): void {
    if (begun) open.delete(begun.associationId);
    const { ending, endedAtMs, startedAtMs, callingAe, calledAe, address, details } = report;
    try {
      associations.end(
        systemAuthor,
        begun
          ? { ...begun, channel: 'dimse' }
          : {
              associationId: store.newId(),
              channel: 'dimse',
              callingAe: strangersAe(callingAe),
              calledAe: strangersAe(calledAe),
              address,
              nodeId: null,
              startedAt: startedAtMs,
            },
        { endedAt: endedAtMs, ending, details, refused, reasons, isWhole, missing },
      );
    } catch (error) {
      platform.log.error('the end of an association could not be written', error);
    }
    if (begun) services().imaging.receptions.end(begun.associationId, isWhole);
  }

  async function hear(event: Parameters<Parameters<Receiver['onEvent']>[0]>[0]): Promise<void> {
    if (events.size === 0) throw new Failure('exchange.notFound', 'nobody asked for this event');
    for (const tell of [...events]) await tell(event);
  }

  function retryLater(): void {
    if (closed || retryTimer !== null) return;
    retryTimer = setTimeout(() => {
      retryTimer = null;
      void inTurn(listen).catch(trouble);
    }, retryMs).unref();
    retryMs = Math.min(2 * retryMs, longestRetryMs);
  }

  /** A fault of ours: whoever looks sees that nothing listens, and it is tried again. */
  function trouble(error: unknown): void {
    failure = 'internal';
    platform.log.error('the receiver could not be started', new Error(faultText(error)));
    retryLater();
  }

  /** Listens as the settings say. Never throws: `failure` says why not. */
  async function listen(): Promise<void> {
    if (closed || listener) return;
    failure = null;
    try {
      const { settings, privateKey, isDamaged } = readReceiver(reader);
      if (isDamaged) {
        // Nothing to try again: it listens once somebody saves them anew.
        failure = 'internal';
        platform.log.error('the receiver cannot listen', new Error('its settings cannot be read'));
        changed();
        return;
      }
      if (!settings.enabled) return;
      listener = await startListener(
        store,
        services,
        {
          host: settings.host,
          port: settings.port,
          aeTitle: settings.aeTitle,
          tls: settings.tls.enabled
            ? { certificate: settings.tls.certificate, key: privateKey, clientCa: settings.tls.clientCa }
            : null,
          callers: callers(),
          leastFreeBytes: settings.leastFreeMib * mib,
          ...(options.limits ? { limits: options.limits } : {}),
        },
        {
          opened,
          ended,
          event: ({ sopClassUid, eventType, transferSyntaxUid, information }, callingAe) =>
            hear({ callingAe: callingAe.trim(), sopClassUid, eventType, transferSyntaxUid, information }),
          schedule: (days) => listEntries(reader, days, platform.clock.nowMs()),
          space(isNearlyFull) {
            nearlyFull = isNearlyFull;
            if (isNearlyFull) platform.log.warn('the receiver refuses objects: the disk has too little room');
            changed();
          },
          died() {
            listener = null;
            nearlyFull = false;
            failure = 'internal';
            endOpen();
            changed();
            retryLater();
          },
        },
      );
      retryMs = firstRetryMs;
      platform.log.info('the receiver listens', { port: listener.port, tls: settings.tls.enabled });
    } catch (error) {
      if (error instanceof CannotListen) {
        failure = failureOf(error.code);
        platform.log.warn('the receiver cannot listen', { code: error.code });
        retryLater();
      } else trouble(error);
    }
    changed();
  }

  function tellCallers(): void {
    try {
      listener?.setCallers(callers());
    } catch (error) {
      // Those that were known stay; a node was saved all the same.
      platform.log.error('the receiver could not be told of its callers', new Error(faultText(error)));
    }
  }

  /** A thread that died can't say how its associations ended. */
  function endOpen(): void {
    for (const begun of [...open.values()]) {
      const { callingAe, calledAe, address, startedAt } = begun;
      const endedAtMs = platform.clock.nowMs();
      const report = { associationNumber: 0, callingAe, calledAe, address, startedAtMs: startedAt, endedAtMs };
      ended({
        opened: begun,
        report: { ...report, ending: 'closed', details: { interrupted: 1 }, objects: 0, bytes: 0 },
        refused: 0,
        reasons: {},
        isWhole: false,
        missing: null,
      });
    }
  }

  async function stopListening(graceMs: number): Promise<void> {
    if (retryTimer !== null) clearTimeout(retryTimer);
    retryTimer = null;
    retryMs = firstRetryMs;
    const before = listener;
    listener = null;
    nearlyFull = false;
    if (!before) return;
    await before.close(graceMs);
    endOpen();
  }

  function state(): ReceiverState {
    const { settings, privateKey } = readReceiver(reader);
    return {
      settings,
      hasPrivateKey: privateKey !== '',
      state: listener ? 'listening' : failure !== null ? 'failed' : 'off',
      port: listener?.port ?? null,
      // It listens, and answers that it is out of room.
      failure: failure ?? (nearlyFull ? 'storage.diskFull' : null),
      openAssociations: open.size,
      folders: folders.state(),
    };
  }

  return {
    state,
    async save(author: Author, settings: ReceiverSettings, privateKey?: string) {
      const before = readReceiver(reader);
      const key = privateKey ?? before.privateKey;
      if (settings.tls.enabled && settings.tls.certificate === '')
        throw new Failure('exchange.badCertificate', 'the receiver needs a certificate of its own');
      checkTls({ ca: settings.tls.clientCa, certificate: settings.tls.certificate, key });
      await requireFolders(settings.watchedFolders);
      gate.write(author, 'exchange.saveReceiver', (tx) => {
        const { version } = readReceiver(tx);
        const receiver = { version: version + 1, settings, privateKey: key };
        const { version: _version, ...payload } = receiver;
        tx.statement({ type: 'receiver', id: 'receiver', version: receiver.version, payload });
        putReceiver(tx, receiver, { hlc: tx.hlc, author: author.operatorName, siteId: tx.siteId });
        tx.subject({ type: 'store', id: tx.siteId }, { enabled: settings.enabled, stow: settings.stow });
        tx.topic('receiver');
      });
      if (started) {
        folders.set(settings.watchedFolders);
        await inTurn(async () => {
          await stopListening(changeGraceMs);
          await listen();
        });
      }
      return state();
    },
    openRequest(author) {
      const begun = {
        associationId: store.newId(),
        channel: 'stow',
        callingAe: author.operatorName ?? '',
        calledAe: '',
        address: '',
        nodeId: null,
        startedAt: platform.clock.nowMs(),
      } as const;
      return {
        associationId: begun.associationId,
        note: (tx, added) => associations.note(tx, begun, added),
        signal: requests.begin(begun.associationId),
        end(end) {
          try {
            associations.end(author, begun, { ...end, endedAt: platform.clock.nowMs(), details: {}, missing: null });
          } finally {
            requests.end(begun.associationId);
          }
        },
      };
    },
    associations: (page) => associations.list(page),
    async start() {
      started = true;
      try {
        const { receptions } = services().imaging;
        for (const id of associations.endEarlier(platform.clock.nowMs())) receptions.finishEarlier(id);
      } catch (error) {
        // A full disk: the next start says how they ended.
        platform.log.error('what was received before could not be ended', error);
      }
      aborted.start();
      nodes.onChange(tellCallers);
      const listening = inTurn(listen).catch(trouble);
      try {
        const { settings } = readReceiver(reader);
        folders.set(settings.watchedFolders);
        // A name may take the resolver long: nobody waits for it, the state says when it listens.
        if (isIP(settings.host)) await listening;
      } catch (error) {
        trouble(error);
      }
    },
    onEvent(tell) {
      events.add(tell);
      return () => events.delete(tell);
    },
    async close() {
      closed = true;
      aborted.close();
      await Promise.all([folders.close(), requests.close(stopGraceMs), inTurn(() => stopListening(stopGraceMs))]);
      associations.close();
    },
  };
}

/** What somebody who was not let in calls himself: cut, and nothing in it that a terminal or a list would obey. */
function strangersAe(title: string): string {
  return title
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 16);
}

/** What the system or OpenSSL says of a listener that does not come up. */
function failureOf(code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'exchange.portTaken';
    case 'EACCES':
      return 'exchange.portForbidden';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'exchange.addressUnknown';
    case 'died':
      return 'internal';
    default:
      return code.startsWith('ERR_OSSL') || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')
        ? 'exchange.badCertificate'
        : 'internal';
  }
}
