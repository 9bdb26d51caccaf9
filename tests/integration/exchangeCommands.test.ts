import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
  startStorescp,
} from '../../scripts/services.ts';
import { storeWithDcmtk } from './coreWithNodes.ts';
import { startBadDimsePeer } from './peers/badDimsePeer.ts';

const program = path.join(import.meta.dirname, '../../main/hosts/cli/cli.ts');
const password = 'correct horse 1';
const instances = [...syntheticInstances({ count: 6, perSeries: 3, rows: 16, columns: 16, seed: 'commands' })];
const { studyUid, patientId } = instances[0] as SyntheticInstance;

describe.skipIf(!have('dcmtk', 'orthanc', 'orthanc-dicomweb'))('the commands (needs DCMTK and Orthanc)', () => {
  let folder: string;
  let home: string;
  let archive: DicomServer;
  let orthanc: Orthanc;
  const credential = 'a long passphrase';

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'salus-commands-'));
    home = path.join(folder, 'home');
    [archive, orthanc] = await Promise.all([
      startDcmqrscp({ aeTitle: 'ARCHIVE' }),
      startOrthanc({ credentials: { name: 'tester', password: credential } }),
    ]);
    await storeWithDcmtk(archive, instances);
    expect((await salus('init', '--operator', 'marie')).code).toBe(0);
  });
  afterAll(async () => {
    await Promise.all([archive?.stop(), orthanc?.stop()]);
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const start = (given: readonly string[]) =>
    spawn(process.execPath, [program, ...given, '--home', home, '--json'], {
      cwd: folder,
      env: { ...process.env, INIT_CWD: undefined, SALUS_PASSWORD: password, SALUS_NODE_CREDENTIAL: credential },
      stdio: ['pipe', 'pipe', 'pipe'],
    });

  const salus = (...given: string[]) => salusReading('', ...given);

  /** @param input what it reads on stdin */
  async function salusReading(input: string, ...given: string[]) {
    const child = start(given);
    child.stdin.end(input);
    let said = '';
    let errors = '';
    child.stdout.on('data', (text) => (said += String(text)));
    child.stderr.on('data', (text) => (errors += String(text)));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    // With --json, stdout is one document in one line, and nothing else.
    expect(said.match(/\n/g), said).toHaveLength(1);
    return { code, output: JSON.parse(said) as Record<string, unknown>, errors };
  }

  it('adds, lists and tries nodes; a password never lies on the command line', async () => {
    const added = await salus('node', 'add', 'Archive', `dimse://ARCHIVE@localhost:${archive.port}`);
    expect(added).toMatchObject({ code: 0, output: { name: 'Archive', use: { send: true, receive: false } } });
    const web = await salus('node', 'add', 'Orthanc', orthanc.dicomWebUrl, '--user', 'tester');
    expect(web).toMatchObject({ code: 0, output: { hasCredential: true } });
    expect(JSON.stringify(web)).not.toContain(credential);
    const xnat = await salus('node', 'add', 'Trial', 'xnat+https://xnat.example/root#LUNG%20CT', '--user', 'tester');
    expect(xnat).toMatchObject({
      code: 0,
      output: { isProven: false, settings: { kind: 'xnat', baseUrl: 'https://xnat.example/root', project: 'LUNG CT' } },
    });
    expect(await salus('node', 'archive', 'trial')).toMatchObject({ code: 0 });
    for (const address of ['http://tester:secret@127.0.0.1/', 'ftp://x', 'dimse://localhost']) {
      expect(await salus('node', 'add', 'X', address), address).toMatchObject({ code: 2 });
    }
    expect(await salus('echo', 'Orthanc')).toMatchObject({ code: 0, output: { ok: true } });
    await salus('node', 'add', 'Gone', `dimse://GONE@127.0.0.1:${await findFreePort()}`);
    expect(await salus('echo', 'gone')).toMatchObject({ code: 5, output: { ok: false } });
    expect(await salus('node', 'archive', 'gone')).toMatchObject({ code: 0 });
    expect((await salus('node', 'list')).output).toMatchObject([{ name: 'Archive' }, { name: 'Orthanc' }]);
  });

  it('finds, fetches and sends, with an exit code that says what came of it', async () => {
    expect(await salus('find', 'archive', '--id', patientId, '--date', '2026-10-01..2026-10-28')).toMatchObject({
      code: 0,
      output: { total: 1, rows: [{ studyUid, hereCount: 0 }], nodes: [{ failure: null }] },
    });
    // What names a patient stands on no command line.
    expect(await salusReading(`${patientId}\n`, 'find', 'archive', '--id', '-')).toMatchObject({
      code: 0,
      output: { total: 1, rows: [{ studyUid }] },
    });
    expect(await salus('find', 'archive', '--id', '-')).toMatchObject({ code: 2, output: { failure: 'usage' } });
    expect(await salus('schedule')).toMatchObject({ code: 0, output: { total: 0, rows: [] } });
    expect(await salus('schedule', 'orthanc')).toMatchObject({ code: 5, output: { failure: 'exchange.nodeNotFor' } });
    expect(await salus('find', 'archive')).toMatchObject({ code: 1, output: { failure: 'exchange.queryTooWide' } });
    expect(await salus('find', 'archive', '--level', 'nothing')).toMatchObject({ code: 2 });
    expect(await salus('fetch', 'archive', studyUid)).toMatchObject({
      code: 0,
      output: { studyUid, instances: 6, counts: { fetched: 6, missing: 0 } },
    });
    expect(await salus('fetch', 'archive', '1.2.3')).toMatchObject({
      code: 1,
      output: { failure: 'exchange.studyNotThere' },
    });
    expect(await salus('send', 'orthanc', studyUid, '--wait')).toMatchObject({
      code: 0,
      output: { ending: 'proven', state: 'proven', instances: 6, proven: 6 },
    });
  });

  it('says with code 5 that a node refused', async () => {
    const refusing = await startBadDimsePeer({ answers: 0xa900 });
    try {
      await salus('node', 'add', 'Refusing', `dimse://${refusing.aeTitle}@127.0.0.1:${refusing.port}`);
      expect(await salus('send', 'refusing', studyUid, '--wait')).toMatchObject({
        code: 5,
        output: { ending: 'refused', state: 'refused', proven: 0, refused: 6 },
      });
    } finally {
      await refusing.stop();
    }
  });

  it('waits for no proof that cannot come, and for no person', async () => {
    // It stores, and knows neither commitment nor search.
    const taking = await startStorescp({ aeTitle: 'TAKING' });
    const locked = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(401).end());
    });
    await new Promise<void>((resolve) => locked.listen(0, '127.0.0.1', resolve));
    try {
      await salus('node', 'add', 'Taking', `dimse://TAKING@127.0.0.1:${taking.port}`, '--use', 'send');
      expect(await salus('send', 'taking', studyUid, '--wait')).toMatchObject({
        code: 5,
        output: { ending: 'notProvable', state: 'sent', sent: 6, proven: 0, nextAttemptAt: null },
      });
      const { port } = locked.address() as AddressInfo;
      await salus('node', 'add', 'Locked', `http://127.0.0.1:${port}`, '--use', 'send');
      expect(await salus('send', 'locked', studyUid, '--wait')).toMatchObject({
        code: 5,
        output: { ending: 'held', state: 'queued', lastTrouble: { code: 'exchange.unauthorized' } },
      });
    } finally {
      locked.closeAllConnections();
      await Promise.all([taking.stop(), new Promise((resolve) => locked.close(resolve))]);
    }
  });

  it('receives until it is stopped, and leaves the receiver as it was', async () => {
    const port = await findFreePort();
    await salus('node', 'add', 'Scanner', 'dimse://SCANNER@127.0.0.1:104', '--use', 'receive');
    const receiving = start(['receive', '--aet', 'CLINIC', '--port', String(port)]);
    const lines = createInterface({ input: receiving.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value ?? 'null') as Record<string, unknown>;
    try {
      expect(await next()).toEqual({ type: 'listening', aeTitle: 'CLINIC', host: '127.0.0.1', port });
      const more = [...syntheticInstances({ count: 2, rows: 8, columns: 8, seed: 'scanned' })];
      await storeWithDcmtk({ host: '127.0.0.1', port, aeTitle: 'CLINIC' }, more, 'SCANNER');
      expect(await next()).toMatchObject({
        type: 'association',
        callingAe: 'SCANNER',
        ending: 'released',
        objects: 2,
        refused: 0,
      });
      // Other commands reach the same store through it.
      expect((await salus('studies')).output).toMatchObject({ total: 2 });
    } finally {
      receiving.kill('SIGINT');
    }
    expect(await new Promise((resolve) => receiving.once('close', resolve))).toBe(0);
    expect((await salus('call', 'exchange.receiver')).output).toMatchObject({ settings: { enabled: false } });
  });

  it('leaves a receiver that was on as it was, after Ctrl+C and where it could not listen', async () => {
    const { settings } = (await salus('call', 'exchange.receiver')).output as { settings: object };
    const before = { ...settings, enabled: true, aeTitle: 'BEFORE', host: '127.0.0.1', port: await findFreePort() };
    await salusReading(JSON.stringify({ settings: before }), 'call', 'exchange.saveReceiver', '-');
    const port = await findFreePort();
    const receiving = start(['receive', '--aet', 'CLINIC', '--port', String(port)]);
    try {
      const { value } = await createInterface({ input: receiving.stdout })[Symbol.asyncIterator]().next();
      expect(JSON.parse(value ?? 'null')).toMatchObject({ type: 'listening', aeTitle: 'CLINIC', port });
    } finally {
      receiving.kill('SIGINT');
    }
    expect(await new Promise((resolve) => receiving.once('close', resolve))).toBe(0);
    expect((await salus('call', 'exchange.receiver')).output).toMatchObject({ settings: before });

    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    try {
      expect(await salus('receive', '--aet', 'CLINIC', '--port', String(port))).toMatchObject({
        code: 1,
        output: { type: 'failed' },
      });
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
    expect((await salus('call', 'exchange.receiver')).output).toMatchObject({ settings: before });
  });
});
