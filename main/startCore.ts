import { rmSync } from 'node:fs';
import type { Permission } from '../app/domains/security/securityRules.ts';
import { isAllowed } from '../app/domains/security/securityRules.ts';
import type { Language } from '../app/domains/security/securitySchema.ts';
import { demonstration } from '../app/domains/system/demonstration.ts';
import type { Channel } from '../app/shared/channel.ts';
import { Failure } from '../app/shared/failure.ts';
import { makeUuidV7 } from '../app/shared/ids.ts';
import packageJson from '../package.json' with { type: 'json' };
import { serveAssetRequest } from './composition/assetServer.ts';
import { composeDomains } from './composition/composeDomains.ts';
import { makeStoreSwitch } from './composition/storeSwitch.ts';
import type { CallContext } from './core.ts';
import { createStoreHolder, type StoreHolder } from './database/storeHolder.ts';
import { securityReplayer } from './domains/security/securityReplay.ts';
import { openSessionRegistry } from './domains/security/sessionRegistry.ts';
import { setUpStore } from './domains/security/setUpStore.ts';
import { openUnattendedOperation } from './domains/security/unattendedOperation.ts';
import { ChangeFeed } from './domains/system/changeFeed.ts';
import { noteEntry } from './kernel/callTrace.ts';
import { type CoreClient, openChannelClient } from './kernel/channelClient.ts';
import { startKernel } from './kernel/kernel.ts';
import type { KernelHost } from './kernel/runOperation.ts';
import { memoryChannels, type PortLike, portChannel } from './kernel/transports.ts';
import { makeSampleHome } from './platform/ownedFolder.ts';
import type { Platform } from './platform/platform.ts';

/** A running core: one store, any number of connections. Electron, the local host, the command line and tests hold one. */
export interface Core {
  readonly phase: 'empty' | 'sealed' | 'open';
  readonly version: string;
  /** A new connection with no session. Everything a caller does, calls and assets alike, belongs to one. */
  openConnection(): string;
  /** Locks the connection: its session ends, the connection stays. For a machine that goes to sleep. */
  endSession(connectionId: string): void;
  /** Ends the connection's session, its calls and its streams. */
  closeConnection(connectionId: string): void;
  /** Serves the contract on a channel of the connection. The channel's end does not end the connection. */
  connectChannel(channel: Channel, connectionId: string): void;
  /** The same for a MessagePort of Electron's main process or of node:worker_threads. */
  connectPort(port: PortLike, connectionId: string): void;
  /** A client in this process, on a connection of its own. It serialises as any other does. */
  openMemoryClient(): MemoryClient;
  /** Serves `/dicomweb/…`, `/documents/…` and `/imports/…`. Never rejects: a failure is a JSON reply. */
  serveAsset(request: Request, connectionId: string): Promise<Response>;
  /**
   * Where a sealed store's database can't be read: makes an empty one with the operators that the archive knows, so that
   * an operator can sign in and rebuild the index. The unreadable one is kept aside.
   *
   * @throws Failure('storage.homeNotEmpty') when the database can be read, Failure('security.wrongPassword')
   */
  replaceDamagedDatabase(operatorName: string, password: string): Promise<void>;
  /** Ends every connection, stops the background work and closes the store; a throw-away store is removed. */
  stop(): Promise<void>;
}

export interface MemoryClient {
  readonly client: CoreClient;
  readonly connectionId: string;
  close(): void;
}

interface Connection {
  readonly channels: Set<Channel>;
  /** Aborted when the session that the connection has now ends. */
  session: AbortController | undefined;
}

/**
 * The composition root: takes the store's lock, joins the domains and answers.
 *
 * @throws Failure('storage.inUse') when another core holds this store, Failure('storage.homeUnwritable')
 */
export async function startCore(platform: Platform): Promise<Core> {
  const { log, clock } = platform;
  const sampleHomes = platform.sample ? [platform.home] : [];
  const newId = () => makeUuidV7(clock.nowMs(), platform.randomBytes(10));
  const stores = makeStoreSwitch(await createStoreHolder(platform));
  const { holder } = stores;
  const sessions = openSessionRegistry(clock);
  const feed = new ChangeFeed();
  const unattended = openUnattendedOperation(holder, () => feed.publish(['session', 'settings']));
  const connections = new Map<string, Connection>();

  const domains = await composeDomains({
    holder,
    sessions,
    unattended,
    system: {
      holder,
      feed,
      unattended,
      version: packageJson.version,
      isSignedIn: (connectionId) => sessions.get(connectionId) !== null,
      openSample: (connectionId, language) => openSample(connectionId, language),
    },
    api: {
      version: packageJson.version,
      openConnection(holderOfToken, grants) {
        const { client, connectionId, close } = core.openMemoryClient();
        sessions.admit(connectionId, holderOfToken, grants);
        return { client, connectionId, close };
      },
      serveAsset: (request, connectionId) => core.serveAsset(request, connectionId),
    },
  });

  sessions.onEnd((connectionId) => {
    const connection = connections.get(connectionId);
    connection?.session?.abort();
    if (connection) connection.session = undefined;
    feed.publish(['session']);
  });
  holder.onOpen(async (store) => {
    store.gate.onCommit((_sequence, topics) => feed.publish(topics));
    store.gate.onEntry(noteEntry);
    await domains.open(store);
    feed.publish(['session']);
  });
  holder.onReopen(async () => {
    // Work is cut off before the threads it uses are, as at the end of the core.
    await holder.current()?.jobs.close();
    await domains.closeServices();
  });

  const openCall = (connectionId: string, signal: AbortSignal): CallContext => {
    const session = sessions.get(connectionId);
    return {
      connectionId,
      session,
      signal,
      author() {
        if (!session) throw new Failure('security.notSignedIn', 'Nobody is signed in on this connection.');
        return session;
      },
      can: (permission: Permission) =>
        session !== null && (session.grants?.includes(permission) ?? isAllowed(session.roles, permission)),
      store: () => holder.store(),
      services: () => domains.services(),
    };
  };

  const host: KernelHost = {
    log,
    newId,
    openCall,
    sessionSignal(connectionId) {
      const connection = connections.get(connectionId);
      if (!connection || !sessions.get(connectionId)) return undefined;
      connection.session ??= new AbortController();
      return connection.session.signal;
    },
    audit: (author, action, outcome, subject, detail) =>
      holder.current()?.gate.record(author, action, outcome, subject, detail),
    publish: (topics) => feed.publish(topics),
  };
  const kernel = startKernel(domains.handlers, host);

  /** One at a time: two windows that ask at once get the same store. */
  let sampleOpening: Promise<string | null> | undefined;
  async function openSample(connectionId: string, language: Language): Promise<{ jobId: string | null }> {
    if (!holder.platform.sample && holder.phase !== 'empty') {
      throw new Failure('security.alreadySetUp', 'A store exists; sample studies are for a machine without one.');
    }
    const isFirst = holder.phase !== 'open';
    if (isFirst) sampleOpening ??= fillSampleStore(language).finally(() => (sampleOpening = undefined));
    const jobId = (await sampleOpening) ?? null;
    const operator = domains.services().security.findOperator(demonstration.operatorName);
    if (!operator) throw new Error('The demonstration operator is missing.');
    sessions.create(connectionId, operator);
    return { jobId: isFirst ? jobId : null };
  }

  async function fillSampleStore(language: Language): Promise<string | null> {
    const fill = (into: StoreHolder) => setUpStore(into, { ...demonstration, language, siteName: '' });
    const make = () => {
      const home = makeSampleHome();
      sampleHomes.push(home);
      return createStoreHolder({ ...platform, home, sample: true });
    };
    const { operator } = holder.platform.sample ? await fill(holder) : await stores.turn(make, fill);
    const directory = platform.samplesDirectory;
    return directory === null ? null : holder.store().jobs.start('samples', operator, { directory });
  }

  const find = (connectionId: string): Connection => {
    const connection = connections.get(connectionId);
    if (!connection) throw new Failure('system.disconnected', 'There is no such connection.');
    return connection;
  };

  const core: Core = {
    get phase() {
      return holder.phase;
    },
    version: packageJson.version,
    openConnection() {
      const connectionId = newId();
      connections.set(connectionId, { channels: new Set(), session: undefined });
      return connectionId;
    },
    endSession(connectionId) {
      if (sessions.get(connectionId)) sessions.end(connectionId, 'suspend');
    },
    closeConnection(connectionId) {
      const connection = connections.get(connectionId);
      if (!connection) return;
      if (sessions.get(connectionId)) sessions.end(connectionId, 'closed');
      connections.delete(connectionId);
      for (const channel of connection.channels) channel.close();
    },
    connectChannel(channel, connectionId) {
      const { channels } = find(connectionId);
      channels.add(channel);
      channel.onClose(() => channels.delete(channel));
      kernel.serve(channel, connectionId);
    },
    connectPort: (port, connectionId) => core.connectChannel(portChannel(port), connectionId),
    openMemoryClient() {
      const connectionId = core.openConnection();
      const [here, there] = memoryChannels();
      core.connectChannel(there, connectionId);
      return { client: openChannelClient(here), connectionId, close: () => core.closeConnection(connectionId) };
    },
    serveAsset: (request, connectionId) =>
      serveAssetRequest(request, openCall(connectionId, request.signal), domains.assetRoutes, host),
    async replaceDamagedDatabase(operatorName, password) {
      await holder.replaceDamagedDatabase(operatorName, password, [securityReplayer]);
    },
    async stop() {
      for (const connectionId of [...connections.keys()]) core.closeConnection(connectionId);
      feed.close();
      sessions.close();
      try {
        // A store that opens now would start work that nobody ends.
        await unattended.close();
        // Work is cut off before the threads it uses are: then it is interrupted and resumes, and has not failed.
        await holder.current()?.jobs.close();
        await domains.close();
      } finally {
        await stores.close();
        for (const home of sampleHomes) rmSync(home, { recursive: true, force: true, maxRetries: 3 });
      }
    },
  };
  unattended.begin();
  return core;
}
