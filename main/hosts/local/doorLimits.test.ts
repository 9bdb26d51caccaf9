import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { doorLimits } from '../../platform/door/doorLimits.ts';
import type { Core } from '../../startCore.ts';
import { bearerProtocol, type LocalServer, protocolName, startLocalServer } from './localServer.ts';

const core = {
  openConnection: () => 'connection',
  closeConnection: () => undefined,
  connectChannel: (channel: { onFrame(listener: (frame: string) => void): void; send(frame: string): void }) =>
    channel.onFrame((frame) => channel.send(`heard ${frame}`)),
  serveAsset: async (request: Request) => {
    for await (const _chunk of request.body ?? []);
    return new Response('pixels');
  },
} as unknown as Core;

describe('another user of this machine', () => {
  let folder: string;
  let server: LocalServer;
  let opened: net.Socket[];
  const open = (): net.Socket => {
    const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    // Reads, so that its end is seen, and never closes its own half.
    socket.resume();
    opened.push(socket);
    return socket;
  };
  const closed = () => opened.filter((socket) => socket.closed || socket.destroyed || socket.readableEnded).length;
  const connected = () => Promise.all(opened.map((socket) => new Promise((done) => socket.once('connect', done))));

  async function useWindow(): Promise<void> {
    const address = new URL(server.newAddress());
    const page = await fetch(address.origin);
    expect(await page.text()).toBe('<!doctype html>');
    const reply = await fetch(`${address.origin}/session/exchange`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: address.hash.replace('#token=', '') }),
    });
    const { bearer } = (await reply.json()) as { bearer: string };
    const authorization = `Bearer ${bearer}`;
    expect(await (await fetch(`${address.origin}/dicomweb/studies`, { headers: { authorization } })).text()).toBe(
      'pixels',
    );
    const socket = new WebSocket(`ws://${address.host}/rpc`, [protocolName, `${bearerProtocol}${bearer}`]);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const heard = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.send('hello');
    expect(await heard).toBe('heard hello');
    socket.terminate();
  }

  async function start(limits: Partial<typeof doorLimits>): Promise<void> {
    const note = () => undefined;
    server = await startLocalServer({
      core,
      log: { info: note, warn: note, error: note },
      pageFolder: folder,
      port: 0,
      limits,
    });
  }

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'salus-page-'));
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
    opened = [];
  });
  afterEach(async () => {
    for (const socket of opened) socket.destroy();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('who opens 500 connections keeps few of them, and the window gets in', { timeout: 60_000 }, async () => {
    await start({});
    for (let count = 0; count < 500; count += 1) {
      const socket = open();
      // Every second one sends its headers drop by drop.
      if (count % 2 === 0) socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nX-Slow: `);
    }
    await connected();
    await useWindow();
    await vi.waitFor(() => expect(closed()).toBeGreaterThanOrEqual(500 - doorLimits.unprovenSockets), 10_000);
    await useWindow();
  });

  it('a connection that sends no whole request is cut in time', { timeout: 60_000 }, async () => {
    await start({ headersMs: 400, unprovenRequestMs: 400, checkMs: 100 });
    open();
    const slow = open();
    slow.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n`);
    const drip = setInterval(() => slow.write('X-Slow: 1\r\n'), 50);
    // Headers whole, body never.
    open().write(
      `POST /session/exchange HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    );
    // A WebSocket without a bearer is refused and let go, also when it holds on to its half.
    open().write(
      `GET /rpc HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    await connected();
    try {
      await vi.waitFor(() => expect(closed()).toBe(4), 10_000);
    } finally {
      clearInterval(drip);
    }
    expect(server.openSockets).toBe(0);
  });

  it('a window that sends slowly is not cut', { timeout: 60_000 }, async () => {
    await start({ unprovenRequestMs: 200, checkMs: 50 });
    const address = new URL(server.newAddress());
    const reply = await fetch(`${address.origin}/session/exchange`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: address.hash.replace('#token=', '') }),
    });
    const { bearer } = (await reply.json()) as { bearer: string };
    const body = new ReadableStream({
      async start(controller) {
        for (let count = 0; count < 5; count += 1) {
          controller.enqueue(new Uint8Array(10));
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
        controller.close();
      },
    });
    const sent = await fetch(`${address.origin}/imports/job/files`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}` },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(await sent.text()).toBe('pixels');
  });
});
