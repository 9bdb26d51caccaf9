import type { Channel } from '../../app/shared/channel.ts';

/** The part of a WebSocket of package `ws` that carries frames. */
export interface WebSocketLike {
  send(data: string, done: (error?: Error | null) => void): void;
  on(event: 'message', listener: (data: { toString(): string }, isBinary: boolean) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

/** `send` resolves when the frame is with the kernel of the machine, so a window that does not read slows its streams. */
export function webSocketChannel(socket: WebSocketLike): Channel {
  return {
    send: (frame) =>
      new Promise((resolve, reject) => {
        socket.send(frame, (error) => (error ? reject(error) : resolve()));
      }),
    onFrame: (listener) =>
      void socket.on('message', (data, isBinary) => listener(isBinary ? undefined : data.toString())),
    onClose: (listener) => void socket.on('close', () => listener()),
    close: () => socket.close(),
  };
}

/** What Electron's MessagePortMain and the MessagePort of node:worker_threads have in common. */
export interface PortLike {
  postMessage(message: string): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

/** Electron hands an event with the message as `data`, node:worker_threads the message itself. */
export function portChannel(port: PortLike): Channel {
  let isClosed = false;
  port.on('close', () => {
    isClosed = true;
  });
  return {
    send: (frame) => {
      if (isClosed) throw new Error('The port is closed.');
      port.postMessage(frame);
    },
    onFrame: (listener) => {
      port.on('message', (message) => listener(isMessageEvent(message) ? message.data : message));
      port.start();
    },
    onClose: (listener) => void port.on('close', () => listener()),
    close: () => port.close(),
  };
}

function isMessageEvent(message: unknown): message is { data: unknown } {
  return typeof message === 'object' && message !== null && 'data' in message;
}

/** Two ends in one process. Frames are text and arrive in a later turn, as they would from elsewhere. */
export function memoryChannels(): readonly [Channel, Channel] {
  const listeners = { frame: [[], []] as ((frame: unknown) => void)[][], close: [[], []] as (() => void)[][] };
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    for (const end of listeners.close) for (const listener of end) queueMicrotask(listener);
  };
  const end = (own: number, other: number): Channel => ({
    send: (frame) => {
      if (isClosed) throw new Error('The channel is closed.');
      setImmediate(() => {
        if (!isClosed) for (const listener of listeners.frame[other] ?? []) listener(frame);
      });
    },
    onFrame: (listener) => void listeners.frame[own]?.push(listener),
    onClose: (listener) => void listeners.close[own]?.push(listener),
    close,
  });
  return [end(0, 1), end(1, 0)];
}
