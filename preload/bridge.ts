import { ipcRenderer } from 'electron';

/**
 * The whole preload: asks the host for one MessagePort and hands it to the page, which speaks the contract over it.
 * Nothing is exposed on `window`: a page that has the port can only make calls that the host checks one by one.
 *
 * The page posts 'salus:connect' to itself when it is ready to listen and receives
 * `{ data: 'salus:port', ports: [port] }` on its window.
 */
const request = 'salus:connect';
const delivery = 'salus:port';

ipcRenderer.on(delivery, (event) => {
  const [port] = event.ports;
  if (port) window.postMessage(delivery, window.location.origin, [port]);
});

window.addEventListener('message', (event: MessageEvent) => {
  // Only the page itself may ask; a frame inside it would be another source.
  if (event.source === window && event.data === request) ipcRenderer.send(request);
});
