import path from 'node:path';
import { WebSocket } from 'ws';
import { maxFrameLength } from '../../../app/shared/channel.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { type CoreClient, openChannelClient } from '../../kernel/channelClient.ts';
import { webSocketChannel } from '../../kernel/transports.ts';
import { openPlainLog } from '../../platform/jsonLog.ts';
import { defaultHome, findProgramRoot, makeNodePlatform } from '../../platform/nodePlatform.ts';
import { startCore } from '../../startCore.ts';
import { type Endpoint, proveEndpoint, readEndpoint, removeEndpoint, writeEndpoint } from '../local/endpointFile.ts';
import { bearerProtocol, protocolName, startLocalServer } from '../local/localServer.ts';
import { makeSecret } from '../local/windowAccess.ts';

/** A core that the command line can call: the one that runs already, or one of its own. */
export interface CoreAccess {
  readonly client: CoreClient;
  readonly isAttached: boolean;
  fetchAsset(path: string): Promise<Response>;
  /** Makes a new database where the one that is there can't be read. A core of one's own only. */
  replaceDamagedDatabase?(operatorName: string, password: string): Promise<void>;
  close(): Promise<void>;
}

const lockPatienceMs = 3000;
const answerPatienceMs = 10_000;

/**
 * Attaches to the host that runs on this store, on a connection of its own, else starts a core, without background work
 * unless that is asked for.
 *
 * @throws Failure('storage.inUse') when something holds the store and does not answer
 */
export async function openCoreAccess(
  givenHome: string | undefined,
  warn: (line: string) => void,
  backgroundWork = false,
): Promise<CoreAccess> {
  const home = givenHome ?? defaultHome();
  const until = Date.now() + lockPatienceMs;
  for (;;) {
    const endpoint = readEndpoint(home);
    const attached = endpoint ? await attach(endpoint) : undefined;
    if (attached) return attached;
    try {
      return await startOwn(home, warn, backgroundWork);
    } catch (error) {
      // A host that is starting or stopping holds the lock for a moment without answering.
      if (!(error instanceof Failure) || error.code !== 'storage.inUse' || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function startOwn(home: string, warn: (line: string) => void, backgroundWork: boolean): Promise<CoreAccess> {
  const log = openPlainLog(warn);
  const core = await startCore(makeNodePlatform({ host: 'cli', home, backgroundWork, log }));
  let stop = () => core.stop();
  if (backgroundWork) {
    // It may run for days: other commands, and a window, reach the store through it.
    const pageFolder = path.join(findProgramRoot(), 'dist', 'renderer');
    try {
      const server = await startLocalServer({ core, log, pageFolder, port: 0 });
      writeEndpoint(home, { pid: process.pid, port: server.port, token: server.endpointToken });
      stop = async () => {
        removeEndpoint(home);
        await server.close();
        await core.stop();
      };
    } catch (error) {
      await core.stop();
      throw error;
    }
  }
  const { client, connectionId } = core.openMemoryClient();
  // What a verb waits for (the next change of a quiet store) may be a promise and nothing more, which keeps no process.
  const alive = setInterval(() => undefined, 60_000);
  return {
    client,
    isAttached: false,
    fetchAsset: async (path) => readAsset(await core.serveAsset(new Request(`http://core${path}`), connectionId)),
    replaceDamagedDatabase: (operatorName, password) => core.replaceDamagedDatabase(operatorName, password),
    close: () => {
      clearInterval(alive);
      return stop();
    },
  };
}

/** A one-time address of the running host, or undefined when none answers there that knows the endpoint's token. */
export async function askForAddress({ port, token }: Endpoint): Promise<string | undefined> {
  const nonce = makeSecret();
  const asked = { nonce, proof: proveEndpoint(token, 'program', nonce) };
  const response = await post(`http://127.0.0.1:${port}/session/new-address`, asked).catch(() => undefined);
  if (!response?.ok) return undefined;
  const answer = (await response.json().catch(() => ({}))) as { address?: unknown; proof?: unknown };
  const { address, proof } = answer;
  return typeof address === 'string' && proof === proveEndpoint(token, 'host', `${nonce}|${address}`)
    ? address
    : undefined;
}

async function attach(endpoint: Endpoint): Promise<CoreAccess | undefined> {
  const address = await askForAddress(endpoint);
  if (!address) return undefined;
  const { origin, hash } = new URL(address);
  const exchange = await post(`${origin}/session/exchange`, { token: hash.replace('#token=', '') });
  const { bearer } = (await exchange.json()) as { bearer: string };
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/rpc`, [protocolName, `${bearerProtocol}${bearer}`], {
    maxPayload: maxFrameLength,
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', () => reject(new Failure('system.disconnected', 'The running host closed the connection.')));
  });
  socket.on('error', () => socket.terminate());
  return {
    client: openChannelClient(webSocketChannel(socket)),
    isAttached: true,
    fetchAsset: async (path) =>
      readAsset(await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${bearer}` } })),
    async close() {
      await post(`${origin}/session/end`, {}, bearer).catch(() => undefined);
      socket.terminate();
    },
  };
}

function post(url: string, body: object, bearer?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
  // Whatever took the port of a host that is gone may answer nothing at all.
  const signal = AbortSignal.timeout(answerPatienceMs);
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
}

async function readAsset(response: Response): Promise<Response> {
  if (response.ok) return response;
  const { code, details, incidentId } = (await response.json()) as Pick<Failure, 'code' | 'details' | 'incidentId'>;
  throw new Failure(code, `The core refused: ${code}`, details, incidentId);
}
