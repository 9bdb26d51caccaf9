import { oc } from '@orpc/contract';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { maxFrameLength } from '../../app/shared/channel.ts';
import type { Failure } from '../../app/shared/failure.ts';
import { op } from '../../app/shared/operation.ts';
import { openChannelClient } from '../../main/kernel/channelClient.ts';
import { startKernel } from '../../main/kernel/kernel.ts';
import type { KernelHost } from '../../main/kernel/runOperation.ts';
import { memoryChannels } from '../../main/kernel/transports.ts';
import { closeTransports, openProbe, type ProbeClient, probeTransports, secret, studyUid } from './probeKernel.ts';

afterEach(closeTransports);

const refusal = (code: string) => expect.objectContaining({ name: 'Failure', code });

describe.each(Object.keys(probeTransports))('the kernel over %s', (name) => {
  const open = async () => {
    const probe = openProbe();
    const ends = await (probeTransports[name] as (typeof probeTransports)[string])(probe);
    return { ...probe, ...ends };
  };

  it('answers, and copies what it carries', async () => {
    const { client, signIn } = await open();
    await expect(client.probe.echo({ text: 'é\u0000"' })).resolves.toEqual({ text: 'é\u0000"', operatorName: null });
    signIn(['viewer']);
    await expect(client.probe.echo({ text: '' })).resolves.toEqual({ text: '', operatorName: 'reader' });
  });

  it('refuses without a session and without permission, before the input is read, and audits it', async () => {
    const { client, audit, signIn } = await open();
    await expect(client.probe.read({ studyUid })).rejects.toEqual(refusal('security.notSignedIn'));
    signIn(['pharmacist']);
    await expect(client.probe.read({ studyUid: 7, name: secret } as never)).rejects.toEqual(
      refusal('security.notAllowed'),
    );
    expect(audit).toEqual([
      {
        operatorName: null,
        action: 'probe.read',
        outcome: 'refused',
        subject: { type: 'study', id: studyUid },
        detail: { code: 'security.notSignedIn' },
      },
      { operatorName: 'reader', action: 'probe.read', outcome: 'refused', detail: { code: 'security.notAllowed' } },
    ]);
    signIn(['viewer']);
    await expect(client.probe.read({ studyUid })).resolves.toBe(studyUid);
    expect(audit[2]).toMatchObject({ outcome: 'success', operatorName: 'reader', subject: { id: studyUid } });
  });

  it('names the property of a wrong input and never its value', async () => {
    const { client, signIn, logText } = await open();
    signIn(['viewer']);
    const error = await client.probe
      .read({ studyUid: { [secret]: secret } } as never)
      .catch((problem: unknown) => problem);
    expect(error).toEqual(refusal('system.invalidInput'));
    expect((error as Failure).details).toEqual({ issues: 1, field: 'studyUid' });
    expect(JSON.stringify(error) + logText()).not.toContain(secret);
  });

  it('sends a Failure as code and details, and publishes only after success', async () => {
    const { client, signIn, published, audit } = await open();
    signIn(['viewer']);
    const error = (await client.probe.change({ how: 'failure' }).catch((problem: unknown) => problem)) as Failure;
    expect(error).toMatchObject({ code: 'imaging.studyUnknown', details: { count: 1 } });
    expect(`${error.message}${error.stack}`).not.toContain(secret);
    expect(published).toEqual([]);
    expect(audit).toMatchObject([{ outcome: 'failed', detail: { code: 'imaging.studyUnknown' } }]);
    await client.probe.change({ how: 'fine' });
    expect(published).toEqual([['studies']]);
  });

  it.each(['badDetails', 'badCode', 'declared', 'foreign', 'error', 'text', 'mistyped'])(
    'sends nothing of an error it does not know (%s)',
    async (how) => {
      const { client, raw, signIn, logged } = await open();
      const frames: string[] = [];
      raw.onFrame((frame) => frames.push(String(frame)));
      signIn(['viewer']);
      const error = (await client.probe.change({ how }).catch((problem: unknown) => problem)) as Failure;
      expect(error).toMatchObject({ code: 'internal', incidentId: 'incident-1', details: {} });
      expect(frames.join('')).not.toContain(secret);
      expect(frames.join('')).toContain('incident-1');
      expect(logged).toHaveLength(1);
    },
  );

  it('fails a call whose audit entry cannot be written', async () => {
    const { client, signIn, state } = await open();
    signIn(['viewer']);
    state.auditBreaks = true;
    await expect(client.probe.read({ studyUid })).rejects.toEqual(refusal('storage.diskFull'));
  });

  it('adds no entry to the one a command committed with its write, and one where the write was another act', async () => {
    const { client, signIn, audit } = await open();
    signIn(['viewer']);
    await expect(
      Promise.all(['wrote', 'fine', 'wroteElse'].map((how) => client.probe.change({ how }))),
    ).resolves.toEqual(['wrote', 'fine', 'wroteElse']);
    expect(audit.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['probe.change', 'success'],
      ['probe.change', 'success'],
    ]);
  });

  it('does not say that a committed act failed when its own entry cannot be written', async () => {
    const { client, signIn, state, logged, published } = await open();
    signIn(['viewer']);
    state.auditBreaks = true;
    await expect(client.probe.change({ how: 'wrote' })).resolves.toBe('wrote');
    expect(logged).toHaveLength(0);
    await expect(client.probe.change({ how: 'wroteElse' })).resolves.toBe('wroteElse');
    expect(logged).toHaveLength(1);
    expect(published).toHaveLength(2);
    await expect(client.probe.change({ how: 'fine' })).rejects.toEqual(refusal('storage.diskFull'));
  });

  it('knows no procedure outside the contract', async () => {
    const { client } = await open();
    await expect(client.probe.nothing()).rejects.toEqual(refusal('system.notFound'));
  });

  it('streams to the end, and audits the end', async () => {
    const { client, signIn, audit, state } = await open();
    signIn(['viewer']);
    const seen: number[] = [];
    for await (const { n } of await client.probe.count({ how: 'three', studyUid })) seen.push(n);
    expect(seen).toEqual([1, 2, 3]);
    expect(audit).toMatchObject([{ action: 'probe.count', outcome: 'success', subject: { id: studyUid } }]);
    expect(state.closedStreams).toBe(1);
  });

  it.each(['fail', 'mistyped'])('seals and audits an error inside a stream (%s)', async (how) => {
    const { client, raw, signIn, audit } = await open();
    const frames: string[] = [];
    raw.onFrame((frame) => frames.push(String(frame)));
    signIn(['viewer']);
    const items = await client.probe.count({ how });
    await expect(items.next()).resolves.toMatchObject({ value: { n: 1 } });
    await expect(items.next()).rejects.toMatchObject({ code: 'internal', incidentId: 'incident-1' });
    expect(frames.join('')).not.toContain(secret);
    expect(audit).toMatchObject([{ outcome: 'failed', detail: { code: 'internal' } }]);
  });

  it('ends a stream that the caller leaves, whether or not it ever took an item', async () => {
    const { client, signIn, audit, state } = await open();
    signIn(['viewer']);
    const first = await client.probe.count({ how: 'forever' });
    await first.next();
    await first.return?.();
    await vi.waitFor(() => expect(audit).toMatchObject([{ outcome: 'success', detail: { cancelled: true } }]));
    const abort = new AbortController();
    const second = await client.probe.count({ how: 'forever' }, { signal: abort.signal });
    const pending = second.next().then(() => second.next());
    const failed = expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    abort.abort();
    await failed;
    await vi.waitFor(() => expect(audit).toHaveLength(2));
    await vi.waitFor(() => expect(state.closedStreams).toBe(2));
  });

  it('ends a stream with the session it needs', async () => {
    const { client, signIn, signOut, audit, state } = await open();
    signIn(['viewer']);
    const items = await client.probe.count({ how: 'forever' });
    await items.next();
    const next = items.next();
    const failed = expect(next).rejects.toEqual(refusal('security.notSignedIn'));
    signOut();
    await failed;
    expect(audit).toMatchObject([{ outcome: 'failed', detail: { code: 'security.notSignedIn' } }]);
    await vi.waitFor(() => expect(state.closedStreams).toBe(1));
  });

  it('brings a slow reader the newest state, not every state', async () => {
    const { client, raw, state } = await open();
    let frames = 0;
    raw.onFrame(() => {
      frames += 1;
    });
    const items = await client.probe.flood();
    const first = await items.next();
    await vi.waitFor(() => expect(state.produced).toBe(3000), { timeout: 5000 });
    const rest: number[] = [];
    for await (const { n } of { [Symbol.asyncIterator]: () => items }) rest.push(n);
    expect(first.done).toBe(false);
    expect(rest.at(-1)).toBe(3000);
    expect(frames).toBeLessThan(60);
  });

  it('tells an aborted call from a lost connection, the same way on every transport', async () => {
    const { client, raw, state, logged } = await open();
    const abort = new AbortController();
    const aborted = client.probe.wait(undefined, { signal: abort.signal });
    const isAborted = expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(state.waiting).toBe(1));
    abort.abort();
    await isAborted;
    await vi.waitFor(() => expect(state.waiting).toBe(0));

    const lost = client.probe.wait(undefined);
    const isLost = expect(lost).rejects.toEqual(refusal('system.disconnected'));
    await vi.waitFor(() => expect(state.waiting).toBe(1));
    raw.close();
    await isLost;
    await vi.waitFor(() => expect(state.waiting).toBe(0));
    expect(logged).toEqual([]);
  });

  it('refuses a call after the close instead of hanging', async () => {
    const { client, raw } = await open();
    await client.probe.echo({ text: '' });
    raw.close();
    await expect(client.probe.echo({ text: '' })).rejects.toEqual(refusal('system.disconnected'));
  });

  it.each([
    ['text that is no JSON', 'hello'],
    ['no message', '[]'],
    ['a message without id', '{"t":1,"p":{"u":"/probe/echo"}}'],
    ['a call without path', '{"i":"1","p":{}}'],
    ['a path with a query', '{"i":"1","p":{"u":"/probe/echo?data=1"}}'],
    ['headers that make a file', '{"i":"1","p":{"u":"/probe/echo","h":{"content-disposition":"x"}}}'],
    ['a stream of input', '{"i":"1","t":3,"p":{}}'],
    ['a frame too long', JSON.stringify({ i: '1', p: { u: '/probe/echo', b: 'x'.repeat(maxFrameLength) } })],
  ])('closes a connection that sends %s', async (_what, frame) => {
    const { raw, client } = await open();
    const closed = new Promise<void>((resolve) => raw.onClose(resolve));
    await raw.send(frame);
    await closed;
    await expect(client.probe.echo({ text: '' })).rejects.toEqual(refusal('system.disconnected'));
  });

  it('lets a body change nothing but the input', async () => {
    const { raw, client } = await open();
    for (const path of [
      ['__proto__', 'polluted'],
      ['constructor', 'prototype', 'polluted'],
      ['text', '__proto__', 'polluted'],
    ]) {
      await raw.send(
        JSON.stringify({
          i: `p${path.length}${path[0]}`,
          p: { u: '/probe/echo', b: { json: { text: 'x' }, meta: [[1, ...path]] } },
        }),
      );
    }
    await raw.send('{"i":"p9","p":{"u":"/probe/echo","b":{"json":{"text":"x","__proto__":{"polluted":1}}}}}');
    await client.probe.echo({ text: '' });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('answers a call whose body it cannot read', async () => {
    const { raw } = await open();
    const answer = new Promise<string>((resolve) => raw.onFrame((frame) => resolve(String(frame))));
    await raw.send(
      JSON.stringify({ i: '9', p: { u: '/probe/echo', b: { json: { text: secret }, meta: [[1, 'a', 'b']] } } }),
    );
    const text = await answer;
    expect(text).toContain('system.invalidInput');
    expect(text).not.toContain(secret);
  });
});

describe('a client', () => {
  it('drops frames that are no replies', async () => {
    const [here, there] = memoryChannels();
    const client = openChannelClient<ProbeClient>(here);
    const probe = openProbe();
    probe.kernel.serve(there, 'c1');
    for (const frame of ['hello', '[]', '{"i":5}', '{"i":"1","t":9,"p":{}}', '{"i":"1","t":3}'])
      await there.send(frame);
    await expect(client.probe.echo({ text: 'still here' })).resolves.toMatchObject({ text: 'still here' });
  });
});

describe('starting the kernel', () => {
  const host = {} as KernelHost;
  const echo = op({ shape: 'query', permission: 'public', audit: false }).output(z.string());

  it('refuses a procedure without meta, a missing handler and a handler without procedure', () => {
    const bare = oc.output(z.string());
    expect(() => startKernel({ probe: { bare: () => '' } }, host, { probe: { bare } })).toThrow(/declares no meta/);
    expect(() => startKernel({ probe: {} }, host, { probe: { echo } })).toThrow(/probe.echo needs both/);
    expect(() => startKernel({ probe: { echo: () => '', more: () => '' } }, host, { probe: { echo } })).toThrow(
      /probe.more needs both/,
    );
  });
});
