import type { Channel } from '../../app/shared/channel.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { Transport } from './connection.ts';

const bearerKey = 'salus.bearer';
const protocolName = 'salus.rpc';
/** The host's word that this window was ended, or replaced by a copy of itself. */
const endedCode = 4001;

/**
 * The transport of a page served by the local host. The one-time token of the address is exchanged for a bearer that
 * this tab alone keeps (sessionStorage: it survives a reload and no other tab sees it), and leaves the address bar.
 *
 * @throws Failure('security.notAllowed') when there is neither a token that still works nor a bearer
 */
export async function openSocketTransport(): Promise<Transport> {
  const token = /^#token=([\w-]{20,200})$/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, '', location.pathname);
    const response = await post('/session/exchange', { token });
    const body = (response.ok ? await response.json() : {}) as { bearer?: string };
    if (body.bearer) sessionStorage.setItem(bearerKey, body.bearer);
  }
  const bearer = sessionStorage.getItem(bearerKey);
  if (!bearer) throw new Failure('security.notAllowed', 'This address was used already or is too old.');
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    sessionStorage.removeItem(bearerKey);
  };
  return {
    assetBase: '',
    assetHeaders: () => ({ authorization: `Bearer ${bearer}` }),
    async open() {
      // The bearer still works for the copy that took this window's place: coming back would push that one out again.
      if (isEnded) return null;
      const check = await post('/session/check', {}, bearer);
      if (check.status !== 403) return openSocket(bearer, end);
      end();
      return null;
    },
  };
}

function post(path: string, body: object, bearer?: string): Promise<Response> {
  return fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) },
    body: JSON.stringify(body),
    cache: 'no-store',
    credentials: 'omit',
  });
}

function openSocket(bearer: string, onEnded: () => void): Promise<Channel> {
  const socket = new WebSocket(`ws://${location.host}/rpc`, [protocolName, `salus.bearer.${bearer}`]);
  return new Promise((resolve, reject) => {
    socket.addEventListener('open', () => resolve(socketChannel(socket)));
    socket.addEventListener('close', () => reject(new Failure('system.disconnected', 'The host can not be reached.')));
    socket.addEventListener('close', (event) => {
      if (event.code === endedCode) onEnded();
    });
  });
}

function socketChannel(socket: WebSocket): Channel {
  return {
    send(frame) {
      // A socket that is closing drops what it is given and complains in the console; 'close' tells whoever waits.
      if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    },
    onFrame: (listener) => socket.addEventListener('message', (event) => listener(event.data)),
    onClose: (listener) => socket.addEventListener('close', () => listener()),
    close: () => socket.close(),
  };
}
