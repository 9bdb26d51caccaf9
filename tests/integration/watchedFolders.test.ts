import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../app/shared/failure.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { openReceivingStation, type ReceivingStation, until } from './peers/receivingStation.ts';

const watchTimes = { lookMs: 50, stableMs: 1_500 };
let parent: string;
let folder: string;
let station: ReceivingStation;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'salus-watched-'));
  folder = join(parent, 'incoming');
  mkdirSync(folder);
  station = await openReceivingStation({ watchTimes });
});
afterEach(async () => {
  await station.close();
  rmSync(parent, { recursive: true, force: true });
});

const watch = (...folders: string[]) =>
  station.receiver.save(station.t.test.author, { ...station.receiver.state().settings, watchedFolders: folders });
const instances = () => station.t.test.store.reader.get<{ n: number }>('SELECT count(*) AS n FROM instance')?.n ?? 0;
const looks = () => station.receiver.associations({ offset: 0, limit: 100 }).rows;
const importCount = () => station.t.test.store.jobs.list().filter(({ kind }) => kind === 'import').length;

describe('a watched folder', { timeout: 60_000 }, () => {
  it('has its new files imported, which stay, and each of them once', async () => {
    mkdirSync(join(folder, 'deeper'));
    writeFileSync(join(folder, 'deeper', '1.dcm'), aSlice());
    await watch(folder);
    await until(instances, (count) => count === 1);
    writeFileSync(join(folder, '2.dcm'), aSlice());
    writeFileSync(join(folder, 'notes.txt'), 'no image');
    await until(instances, (count) => count === 2);
    const rows = await until(looks, (found) => found.some(({ refused }) => refused === 1));
    expect(rows.every(({ channel, address }) => channel === 'watch' && address === folder)).toBe(true);
    expect(rows.find(({ refused }) => refused === 1)?.reasons).toEqual({ 'imaging.notDicom': 1 });
    const imports = importCount();
    // A sentinel that comes later is imported alone: nothing that was there is looked at again.
    writeFileSync(join(folder, '3.dcm'), aSlice());
    await until(instances, (count) => count === 3);
    await until(looks, (found) => found.reduce((sum, { objects }) => sum + objects, 0) === 3);
    expect(importCount()).toBe(imports + 1);
  });

  it('is refused within another, also by way of a link: its files would be imported twice', async () => {
    const inner = join(folder, 'inner');
    const beside = join(parent, 'incoming-too');
    const link = join(parent, 'link');
    mkdirSync(inner);
    mkdirSync(beside);
    symlinkSync(folder, link);
    const nested = expect.objectContaining({ code: 'exchange.folderNested' });
    for (const folders of [
      [folder, inner],
      [inner, folder],
      [folder, folder],
      [link, inner],
      [link, folder],
    ])
      await expect(watch(...folders), folders.join(' ')).rejects.toEqual(nested);
    expect(station.receiver.state().settings.watchedFolders).toEqual([]);
    await watch(folder, beside);
  });

  it('imports nothing twice after a restart', async () => {
    writeFileSync(join(folder, '1.dcm'), aSlice());
    await watch(folder);
    await until(looks, (found) => found.length === 1);
    await station.receiver.close();
    await station.t.reopen();
    const store = station.t.test;
    const { openReceiver } = await import('../../main/domains/exchange/receiving/receiver.ts');
    const receiver = openReceiver(store.store, () => station.t.services, station.nodes, { watchTimes });
    await receiver.start();
    writeFileSync(join(folder, '2.dcm'), aSlice());
    await until(
      () => receiver.associations({ offset: 0, limit: 10 }).rows,
      (found) => found.length === 2,
    );
    expect(receiver.associations({ offset: 0, limit: 10 }).rows[0]).toMatchObject({ objects: 1, duplicates: 0 });
    await receiver.close();
  });

  it('leaves to an import that a restart takes up the files that it had begun', async () => {
    await station.receiver.close();
    writeFileSync(join(folder, '1.dcm'), aSlice());
    const { store, author } = station.t.test;
    const { openReceiver } = await import('../../main/domains/exchange/receiving/receiver.ts');
    const { openWatchedRows } = await import('../../main/domains/exchange/receiving/watchedRows.ts');
    const { lookInto } = await import('../../main/domains/exchange/receiving/folderLook.ts');
    const files = await lookInto(folder, new AbortController().signal);
    // The core ends just after the watcher began: nothing is imported yet.
    const jobId = station.t.imaging.importPaths(author, [join(folder, '1.dcm')]);
    openWatchedRows(store).begin(folder, files, jobId);
    await station.t.reopen();
    const receiver = openReceiver(station.t.test.store, () => station.t.services, station.nodes, { watchTimes });
    await receiver.start();
    await receiver.save(author, { ...receiver.state().settings, watchedFolders: [folder] });
    const list = () => receiver.associations({ offset: 0, limit: 10 }).rows;
    await until(list, (found) => found.length === 1);
    writeFileSync(join(folder, '2.dcm'), aSlice());
    const rows = await until(list, (found) => found.length === 2);
    expect(rows.map(({ objects, duplicates }) => [objects, duplicates])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(rows[1]?.associationId).toBe(jobId);
    expect(importCount()).toBe(2);
    await receiver.close();
  });

  it('tries again later and later while its files can not be imported', async () => {
    await station.receiver.close();
    writeFileSync(join(folder, '1.dcm'), aSlice());
    const { imaging } = station.t;
    const tried: number[] = [];
    const services = {
      ...station.t.services,
      imaging: {
        ...imaging,
        importPaths(): string {
          tried.push(performance.now());
          throw new Failure('storage.diskFull', 'full');
        },
      },
    };
    const { openReceiver } = await import('../../main/domains/exchange/receiving/receiver.ts');
    const { store, author } = station.t.test;
    const receiver = openReceiver(store, () => services, station.nodes, { watchTimes: { lookMs: 30, stableMs: 1 } });
    await receiver.start();
    await receiver.save(author, { ...receiver.state().settings, watchedFolders: [folder] });
    await until(
      () => tried.length,
      (count) => count >= 6,
    );
    await receiver.close();
    const pauses = tried.slice(1, 6).map((at, index) => at - (tried[index] as number));
    for (const [index, pause] of pauses.entries()) expect(pause).toBeGreaterThan(30 * 2 ** (index + 1) - 10);
  });

  it('waits for a file that still grows, and leaves alone what is hidden or called partial', async () => {
    await watch(folder);
    const whole = aSlice();
    const growing = join(folder, 'grows.dcm');
    writeFileSync(growing, whole.subarray(0, 100));
    for (const name of ['.hidden.dcm', 'half.dcm.part', '~lock.dcm', 'x.tmp'])
      writeFileSync(join(folder, name), aSlice());
    for (let at = 100; at < whole.length; at += 60) {
      appendFileSync(growing, whole.subarray(at, at + 60));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(instances, (count) => count === 1);
    expect(looks().every(({ refused }) => refused === 0)).toBe(true);
    // Its writer is done: now it counts.
    renameSync(join(folder, 'half.dcm.part'), join(folder, 'half.dcm'));
    await until(instances, (count) => count === 2);
  });

  it('that goes away is said, and watched again when it is back', async () => {
    await watch(folder);
    await until(
      () => station.receiver.state().folders,
      (found) => found.length === 1 && found[0]?.failure === null,
    );
    renameSync(folder, `${folder}-away`);
    await until(
      () => station.receiver.state().folders,
      (found) => found[0]?.failure === 'exchange.folderUnreadable',
    );
    writeFileSync(join(`${folder}-away`, '1.dcm'), aSlice());
    renameSync(`${folder}-away`, folder);
    await until(instances, (count) => count === 1);
    expect(station.receiver.state().folders).toEqual([{ path: folder, failure: null }]);
    await watch();
    expect(station.receiver.state().folders).toEqual([]);
  });
});
