import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { askForAddress } from './coreAccess.ts';

it('takes no address from a program that took the port of a host that was killed', async () => {
  const heard: string[] = [];
  const stranger = http.createServer(async (request, reply) => {
    heard.push(JSON.stringify(request.headers));
    for await (const chunk of request) heard.push(String(chunk));
    reply.writeHead(200, { 'content-type': 'application/json' });
    reply.end(JSON.stringify({ address: `http://127.0.0.1:${port}/#token=${'x'.repeat(43)}`, proof: 'x'.repeat(43) }));
  });
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const { port } = stranger.address() as AddressInfo;
  const token = 'the token of the endpoint file, 43 bytes ...';
  try {
    expect(await askForAddress({ pid: 1, port, token })).toBeUndefined();
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.join()).not.toContain(token);
  } finally {
    stranger.closeAllConnections();
    await new Promise((resolve) => stranger.close(resolve));
  }
});
