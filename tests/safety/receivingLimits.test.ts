import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DimseStatus, RequestedAssociation } from '../../main/dicom/dimse/dimse.ts';
import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import { aSlice, type RawElements, type SliceFacts } from '../../main/domains/imaging/testObjects.ts';
import { have } from '../../scripts/services.ts';
import { openReceivingStation, type ReceivingStation, storescu, until } from '../integration/peers/receivingStation.ts';

const ctClass = '1.2.840.10008.5.1.4.1.1.2';
const explicitLittleEndian = '1.2.840.10008.1.2.1';
const canary = 'CANARYNAME';

let folder: string;
let station: ReceivingStation;
const sockets: Socket[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salus-limits-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await station?.close();
});

function openIt(): Promise<RequestedAssociation> {
  return openAssociation({
    host: '127.0.0.1',
    port: station.port,
    callingAe: 'MODALITY',
    calledAe: 'SALUS',
    contexts: [{ abstractSyntax: ctClass, transferSyntaxes: [explicitLittleEndian] }],
  });
}

/** The data set of a file as `aSlice` makes it: behind preamble and file meta group. */
function datasetOf(file: Buffer): Buffer {
  return file.subarray(144 + file.readUInt32LE(140));
}

let made = 0;
/** Sends one object; what the command says may differ from what the object says. */
function send(
  association: RequestedAssociation,
  facts: SliceFacts = {},
  claims: { sopInstanceUid?: string; dataset?: Uint8Array } = {},
): Promise<DimseStatus> {
  made += 1;
  const sop = facts.sop ?? `1.2.826.77.${made}`;
  return association.store({
    sopClassUid: ctClass,
    sopInstanceUid: claims.sopInstanceUid ?? sop,
    transferSyntaxUid: explicitLittleEndian,
    dataset: claims.dataset ?? datasetOf(aSlice({ ...facts, sop })),
  });
}

const instances = () => station.t.test.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM instance')?.n;
const newest = () => station.receiver.associations({ offset: 0, limit: 50 }).rows;

/** A private element of so many bytes: makes an object long without making it odd. */
function ofBytes(bytes: number, fill = 7): RawElements {
  return { '00420011': ['OB', Buffer.alloc(bytes, fill)] };
}

describe('what is refused, and how that is said', { timeout: 60_000 }, () => {
  it('refuses an object that is another one than announced, and one that cannot be read, and goes on', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    const association = await openIt();
    expect((await send(association, {}, { sopInstanceUid: '1.2.3.999' })).status).toBe(0xa900);
    expect((await send(association, {}, { dataset: Buffer.alloc(5000, 0x41) })).status).toBe(0xc000);
    expect((await send(association, { more: { '0020000D': null } })).status).toBe(0xc000);
    const whole = datasetOf(aSlice({ sop: '1.2.3.5' }));
    const cut = await send(
      association,
      {},
      { sopInstanceUid: '1.2.3.5', dataset: whole.subarray(0, whole.length - 50) },
    );
    expect(cut.status).toBe(0xc000);
    expect((await send(association)).status).toBe(0);
    await association.release();
    expect(instances()).toBe(1);
    const [row] = await until(newest, (found) => found.length > 0);
    expect(row).toMatchObject({
      objects: 1,
      refused: 4,
      reasons: {
        'exchange.doesNotMatch': 1,
        'imaging.missingUid': 1,
        'imaging.truncated': 2,
      },
    });
  });

  it('refuses before it reads when the disk has less room than it should keep', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen({ leastFreeMib: 10_000_000 });
    const association = await openIt();
    const said = await send(association);
    expect(said.status).toBe(0xa700);
    await association.release();
    expect(instances()).toBe(0);
    await until(newest, ([row]) => row?.reasons['imaging.diskFull'] === 1);
  });
});

describe('long objects', { timeout: 90_000 }, () => {
  it('go through the disk encrypted, whole, and give way in memory to others', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    // Beyond what is held in memory, with pixels behind it; and one that is all header, as a document is.
    const pixels = Buffer.alloc(20 * 1024 * 1024, canary);
    const size = { '00280010': ['US', 5120] as const, '00280011': ['US', 2048] as const };
    const long = datasetOf(aSlice({ sop: '1.2.3.20', more: { ...size, '7FE00010': ['OW', pixels] } }));
    const document = datasetOf(aSlice({ sop: '1.2.3.21', more: ofBytes(18 * 1024 * 1024) }));
    const short = datasetOf(
      aSlice({ sop: '1.2.3.22', more: { ...size, '7FE00010': ['OW', pixels.subarray(0, 18e6)] } }),
    );
    const association = await openIt();
    const store = (sop: string, dataset: Buffer) => send(association, {}, { sopInstanceUid: sop, dataset });
    expect((await store('1.2.3.20', long)).status).toBe(0);
    expect((await store('1.2.3.21', document)).status).toBe(0);
    // Its header promises more pixels than came.
    expect((await store('1.2.3.22', short.subarray(0, short.length - 10))).status).toBe(0xc000);
    expect((await store('1.2.3.20', long)).status).toBe(0);
    await association.release();
    const kept = station.t.test.store.reader.all<{ sop_uid: string; object_name: string; rows: number }>(
      'SELECT sop_uid, object_name, rows FROM instance ORDER BY sop_uid',
    );
    expect(kept.map(({ sop_uid, rows }) => [sop_uid, rows])).toEqual([
      ['1.2.3.20', 5120],
      ['1.2.3.21', 8],
    ]);
    for (const [index, dataset] of [long, document].entries()) {
      const bytes = Buffer.from(await station.t.test.store.archive.get(kept[index]?.object_name ?? ''));
      expect(datasetOf(bytes).equals(dataset)).toBe(true);
    }
    expect(readdirSync(join(station.t.test.home, 'archive', 'incoming'))).toEqual([]);
    expect(await until(newest, ([row]) => row !== undefined)).toMatchObject([
      { objects: 3, duplicates: 1, refused: 1 },
    ]);
  });

  it('that were imported from a file are known again, and others under their number are kept aside', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    const sop = '1.2.3.30';
    const aFile = (fill: number) => aSlice({ sop, more: ofBytes(18 * 1024 * 1024, fill) });
    const path = join(folder, 'long.dcm');
    const imported = aFile(7);
    writeFileSync(path, imported);
    await station.t.importPaths(path);
    const association = await openIt();
    for (const file of [imported, aFile(8)])
      expect((await send(association, {}, { sopInstanceUid: sop, dataset: datasetOf(file) })).status).toBe(0);
    await association.release();
    expect(await until(newest, ([row]) => row !== undefined)).toMatchObject([
      { objects: 2, duplicates: 1, conflicts: 1, refused: 0 },
    ]);
    expect(readdirSync(join(station.t.test.home, 'archive', 'incoming'))).toEqual([]);
  });
});

describe('callers who do harm', { timeout: 90_000 }, () => {
  /** A connection that sends these bytes and then nothing more. */
  function stall(bytes: Uint8Array): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(station.port, '127.0.0.1', () => {
        socket.write(bytes);
        resolve(socket);
      });
      sockets.push(socket);
      socket.once('error', reject);
      // Without it the end that the other side says is never heard.
      socket.on('error', () => undefined).resume();
    });
  }

  it('hinder nobody else: silent ones, half a request, a PDU of 4 GiB, an object that never ends', async () => {
    station = await openReceivingStation({ limits: { requestMs: 1_500, pduMs: 1_500 } });
    station.allow('MODALITY');
    await station.listen();
    const giant = Buffer.from([0x01, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    const bad = await Promise.all([
      stall(Buffer.alloc(0)),
      stall(Buffer.from([0x01])),
      stall(giant),
      stall(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    ]);
    const endless = await openIt();
    const neverEnds = endless
      .store({
        sopClassUid: ctClass,
        sopInstanceUid: '1.2.3.1',
        transferSyntaxUid: explicitLittleEndian,
        dataset: (async function* () {
          // More than a PDU holds, so that it goes out.
          yield datasetOf(aSlice({ more: ofBytes(900_000) })).subarray(0, 800_000);
          await new Promise((resolve) => setTimeout(resolve, 5_000));
        })(),
      })
      .then(
        () => 'answered',
        () => 'ended',
      );
    const good = await openIt();
    for (let count = 0; count < 20; count += 1) expect((await send(good)).status).toBe(0);
    await good.release();
    await Promise.all(bad.map((socket) => socket.destroyed || new Promise((resolve) => socket.once('close', resolve))));
    expect(await neverEnds).toBe('ended');
    const rows = await until(newest, (found) => found.length >= 6);
    expect(instances()).toBe(20);
    expect(rows.map(({ ending }) => ending).sort()).toEqual(
      ['protocol', 'protocol', 'released', 'timeout', 'timeout', 'timeout'].sort(),
    );
    expect(station.receiver.state()).toMatchObject({ state: 'listening', openAssociations: 0 });
  });

  it('sixteen at once are all served, and each object of each is there', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    const each = 12;
    const all = await Promise.all(
      Array.from({ length: 16 }, async (_, caller) => {
        const association = await openIt();
        const said: number[] = [];
        for (let number = 0; number < each; number += 1) {
          const facts = { study: `1.2.9.${caller % 4}`, identifier: `P${caller % 4}`, more: ofBytes(200_000, caller) };
          said.push((await send(association, facts)).status);
        }
        await association.release();
        return said;
      }),
    );
    expect(all.flat().filter((status) => status !== 0)).toEqual([]);
    expect(instances()).toBe(16 * each);
    const rows = await until(newest, (found) => found.length >= 16);
    expect(rows.reduce((sum, { objects }) => sum + objects, 0)).toBe(16 * each);
    const { rows: list } = await station.t.list();
    expect(list.map(({ instanceCount }) => instanceCount)).toEqual([48, 48, 48, 48]);
  });

  it('a receiver that is turned off lets what is under way end, and loses nothing of it', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    const association = await openIt();
    let acknowledged = 0;
    const sending = (async () => {
      for (let count = 0; count < 40; count += 1) {
        if ((await send(association, { more: ofBytes(50_000) })).status === 0) acknowledged += 1;
      }
      await association.release();
    })();
    await until(
      () => instances() ?? 0,
      (count) => count > 3,
    );
    await station.receiver.save(station.t.test.author, { ...station.receiver.state().settings, enabled: false });
    await sending;
    expect(acknowledged).toBe(40);
    expect(instances()).toBe(40);
    expect(station.receiver.state()).toMatchObject({ state: 'off', port: null, openAssociations: 0 });
  });
});

/** A small file system of its own, where this user may mount one. */
function mountSmall(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return null;
  const place = mkdtempSync(join(tmpdir(), 'salus-small-'));
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=96m', 'tmpfs', place], { stdio: 'ignore' });
    return place;
  } catch {
    rmSync(place, { recursive: true, force: true });
    return null; // No right to mount here: the suite skips by name.
  }
}

const small = have('dcmtk') ? mountSmall() : null;

describe.skipIf(small === null)('a disk that fills up (needs DCMTK and the right to mount a tmpfs)', () => {
  const usual = process.env['TMPDIR'];
  afterAll(() => {
    if (usual === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usual;
    execFileSync('/bin/umount', [small ?? '']);
    rmSync(small ?? '', { recursive: true });
  });

  it('is said with A700, harms nothing, and is over when there is room again', { timeout: 60_000 }, async () => {
    process.env['TMPDIR'] = small ?? '';
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen({ leastFreeMib: 64 });
    const files = Array.from({ length: 3 }, (_, index) => {
      const path = join(folder, `full-${index}.dcm`);
      writeFileSync(path, aSlice());
      return path;
    });
    expect((await storescu(station.port, files.slice(0, 1))).answers).toEqual(['Success']);
    const ballast = join(small ?? '', 'ballast');
    writeFileSync(ballast, Buffer.alloc(40 * 1024 * 1024));
    // Free space is looked at every now and then.
    const full = await until(
      () => storescu(station.port, files.slice(0, 1)),
      ({ answers }) => !answers.includes('Success'),
    );
    expect(full.output).toMatch(/OutOfResources/);
    expect((await storescu(station.port, files.slice(1, 2))).answers).not.toContain('Success');
    expect(instances()).toBe(1);
    await until(
      () => station.receiver.state(),
      ({ state, failure }) => state === 'listening' && failure === 'storage.diskFull',
    );
    rmSync(ballast);
    await until(
      () => station.receiver.state().failure,
      (failure) => failure === null,
    );
    await until(
      async () => (await storescu(station.port, files.slice(1))).answers,
      (answers) => answers.length === 2 && answers.every((answer) => answer === 'Success'),
    );
    expect(instances()).toBe(3);
    expect(await station.t.test.store.verifyAudit()).toMatchObject({ ok: true });
    // The store goes with its folder before that is unmounted.
    await station.close();
    station = await openReceivingStation();
  });
});

describe('a patient name that is received', { timeout: 60_000 }, () => {
  it('is in no log, no answer, no audit entry and no file outside the encrypted store', async () => {
    station = await openReceivingStation();
    station.allow('MODALITY');
    await station.listen();
    const association = await openIt();
    const named: SliceFacts = { name: `${canary}^Anna`, identifier: canary, more: { '00081030': ['LO', canary] } };
    const said = [
      await send(association, named),
      await send(association, { ...named, more: ofBytes(17 * 1024 * 1024) }),
      await send(association, named, { sopInstanceUid: '1.2.3.999' }),
      await send(association, { ...named, more: { '0020000D': ['UI', canary] } }),
    ];
    expect(said.map(({ status }) => status)).toEqual([0, 0, 0xa900, 0xc000]);
    await association.release();
    await until(newest, ([row]) => row !== undefined);
    expect(JSON.stringify(said)).not.toContain(canary);
    expect(station.t.test.logged.join('')).not.toContain(canary);
    expect(JSON.stringify(newest())).not.toContain(canary);
    expect(JSON.stringify(station.t.test.store.reader.all('SELECT * FROM audit_entry'))).not.toContain(canary);
    const { home } = station.t.test;
    for (const entry of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
      const path = join(home, entry);
      if (statSync(path).isFile()) expect(readFileSync(path).includes(canary), entry).toBe(false);
    }
  });
});
