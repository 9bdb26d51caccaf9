import type { Channel } from '../../app/shared/channel.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { Transport } from './connection.ts';

const request = 'salus:connect';
const delivery = 'salus:port';
const patienceMs = 10_000;

/**
 * The transport of a window of the Electron host: the preload bridge hands a MessagePort when the page asks, and assets
 * lie on the page's own origin, where the host knows the window by itself. Undefined in any other host.
 */
export async function openPortTransport(): Promise<Transport | undefined> {
  if (location.protocol !== 'salus:') return undefined;
  return { assetBase: '', assetHeaders: () => ({}), open: async () => portChannel(await askForPort()) };
}

function askForPort(): Promise<MessagePort> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      window.removeEventListener('message', take);
      reject(new Failure('system.disconnected', 'The host handed no port.'));
    }, patienceMs);
    const take = (event: MessageEvent) => {
      const [port] = event.ports;
      if (event.source !== window || event.data !== delivery || !port) return;
      window.removeEventListener('message', take);
      clearTimeout(timer);
      resolve(port);
    };
    window.addEventListener('message', take);
    window.postMessage(request, location.origin);
  });
}

function portChannel(port: MessagePort): Channel {
  let isClosed = false;
  const listeners = new Set<() => void>();
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    port.close();
    for (const listener of listeners) listener();
  };
  // A port whose other end is gone tells so by 'close' in Chromium; closing one's own end tells nobody here.
  port.addEventListener('close', close);
  return {
    send: (frame) => {
      if (isClosed) throw new Failure('system.disconnected', 'The port is closed.');
      port.postMessage(frame);
    },
    onFrame: (listener) => {
      port.addEventListener('message', (event) => listener(event.data));
      port.start();
    },
    onClose: (listener) => void listeners.add(listener),
    close,
  };
}
