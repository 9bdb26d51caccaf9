/**
 * A store with 100,000 studies, made through the code of the import: how long a host takes from its start to the first
 * page of the list, and how long a person waits for a page and for what is typed. Asked over the product's own WebSocket.
 */
import { spawnSync } from 'node:child_process';
import { globSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { worklistFilterSchema } from '../../app/domains/worklist/worklistSchema.ts';
import { foldText } from '../../app/shared/foldText.ts';
import { createStoreHolder } from '../../main/database/storeHolder.ts';
import type { Services } from '../../main/domainServices.ts';
import { openPatientService } from '../../main/domains/patients/patientService.ts';
import { openWorklistService } from '../../main/domains/worklist/worklistService.ts';
import { makeNodePlatform } from '../../main/platform/nodePlatform.ts';
import { makeTemporaryHome, operatorName, password, startBenchHost } from './benchHost.ts';
import { median, percentile, say, tell, timed, waitForQuiet } from './measure.ts';
import { insertSyntheticStudies, secondPerson } from './syntheticStudies.ts';

const studies = Number(process.env['SALUS_BENCH_STUDIES'] ?? 100_000);
const starts = 5;
/** What the window asks for at a time (renderer/api/pages.ts). */
const pageSize = 100;

/** Typed letter by letter, as the list searches while one types. The name of no person. */
const typed = [
  'lefevre',
  'Müller anne',
  'zoe dupont',
  'P0007919',
  '7919',
  'A104729',
  '729000',
  'ct thorax',
  'genou',
  'echographie',
  'ni ma',
  'ö',
  'østergård sø',
  'brien smith',
  'nobody at all',
  'martin anne ct abdomen',
  // As a person types who has the accents, or has them in another form, or leaves them out.
  'ÉLOÏSE LEFÈVRE',
  'Le\u0301a guérin',
  'nguyễn inès',
  'CELIK jürgen',
  // The other name of studies that name two people.
  secondPerson.name.replace('^', ' '),
  foldText(secondPerson.name),
  secondPerson.identifier,
];
/** One study in so many names two people. */
const conflictEvery = 500;

const emptyFilter = worklistFilterSchema.parse({});
const newestFirst = { key: 'receivedAt', direction: 'descending' } as const;

const home = makeTemporaryHome();
try {
  const seconds = await timed(() => fillStore(home));
  const files = globSync('**/*', { cwd: home, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, file) => sum + statSync(path.join(file.parentPath, file.name)).size, 0);
  say(`${studies} studies in ${Math.round(seconds)} s, ${Math.round(bytes / 1e6)} MB`);

  const toAddress: number[] = [];
  const toFirstPage: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    // Out of the page cache, so that the store is read from the disk as after a restart of the machine.
    for (const file of files)
      spawnSync('dd', ['of=/dev/null', `if=${path.join(file.parentPath, file.name)}`, 'iflag=nocache', 'count=0']);
    await waitForQuiet();
    const began = performance.now();
    const host = await startBenchHost({ home });
    const page = await host.client.worklist.list({
      filter: emptyFilter,
      sort: newestFirst,
      offset: 0,
      limit: pageSize,
    });
    toFirstPage.push((performance.now() - began) / 1000);
    toAddress.push(host.startSeconds);
    await host.stop();
    if (page.total !== studies) throw new Error(`${page.total} studies listed`);
  }
  const more = { studies, repetitions: starts, storeMB: Math.round(bytes / 1e6) };
  tell({
    name: 'cold start of the host to its address',
    value: median(toAddress),
    unit: 's',
    aim: { atMost: 3 },
    more: { ...more, each: toAddress.map((one) => Number(one.toFixed(2))) },
  });
  tell({
    name: 'cold start of the host, signed in, first page of the list',
    value: median(toFirstPage),
    unit: 's',
    aim: { atMost: 3 },
    more: { ...more, each: toFirstPage.map((one) => Number(one.toFixed(2))) },
  });

  const host = await startBenchHost({ home });
  try {
    const list = (filter: object, sort: object = newestFirst, offset = 0) =>
      host.client.worklist.list({
        filter: { ...emptyFilter, ...filter },
        sort: sort as typeof newestFirst,
        offset,
        limit: pageSize,
      });
    const ask = async (work: () => Promise<unknown>) => (await timed(work)) * 1000;

    await waitForQuiet();
    for (let warm = 0; warm < 20; warm += 1) await list({});
    const first: number[] = [];
    for (let round = 0; round < 100; round += 1) first.push(await ask(() => list({})));
    tellWaits('first page of the list', first, 10);

    await waitForQuiet();
    const other: number[] = [];
    for (const key of ['studyDate', 'patient', 'modality', 'description', 'instances', 'age'] as const) {
      for (const direction of ['ascending', 'descending']) {
        for (const part of [0, 0.1, 0.5, 0.99]) {
          const offset = Math.floor((studies * part) / pageSize) * pageSize;
          other.push(await ask(() => list({}, { key, direction }, offset)));
        }
      }
    }
    tellWaits('any page of the list, any order', other, 10);

    await waitForQuiet();
    const waits: { text: string; ms: number }[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (const text of typed) {
        for (let end = 1; end <= text.length; end += 1) {
          const part = text.slice(0, end);
          waits.push({ text: part, ms: await ask(() => list({ text: part })) });
        }
      }
    }
    const slowest = [...waits].sort((left, right) => right.ms - left.ms).slice(0, 8);
    say(`slowest: ${slowest.map(({ text, ms }) => `${text} ${ms.toFixed(1)}`).join(', ')}`);
    const search = waits.map(({ ms }) => ms);
    tellWaits('search while typing', search, 20);

    for (const text of [secondPerson.name, foldText(secondPerson.name), secondPerson.identifier]) {
      const { total, rows } = await list({ text });
      if (total !== Math.ceil(studies / conflictEvery) || !rows.every((row) => row.identityConflict))
        throw new Error(`${total} studies that name two people were found by the second`);
    }

    await waitForQuiet();
    const narrowed: number[] = [];
    const notes: string[] = [];
    const narrow = async (filter: object, sort: object = newestFirst, offset = 0) => {
      const ms = await ask(() => list(filter, sort, offset));
      narrowed.push(ms);
      notes.push(`${String(Math.round(ms)).padStart(4)} ms ${JSON.stringify(filter)}`);
    };
    for (const text of typed) {
      await narrow({ text, modalities: ['CT'] });
      await narrow({ text, reportStates: ['none'], dateFrom: '20200101', dateTo: '20201231' });
      await narrow({ text, modalities: ['MR', 'US'] }, { key: 'patient', direction: 'ascending' });
    }
    for (const sort of [newestFirst, { key: 'patient', direction: 'ascending' }]) {
      await narrow({ modalities: ['CT'] }, sort);
      await narrow({ modalities: ['CT'] }, sort, Math.floor(studies / 500) * 100);
      await narrow({ reportStates: ['none'] }, sort, Math.floor(studies / 200) * 100);
      await narrow({ conflictsOnly: true }, sort);
    }
    say(`slowest: ${notes.sort().reverse().slice(0, 5).join('; ')}`);
    tellWaits('search with chips and dates', narrowed, 20);
  } finally {
    await host.stop();
  }

  const empty: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const fresh = makeTemporaryHome();
    const host = await startBenchHost({ home: fresh });
    empty.push(host.startSeconds);
    await host.stop();
    rmSync(fresh, { recursive: true });
  }
  tell({
    name: 'start of the host without a store to its address',
    value: median(empty),
    unit: 's',
    more: { repetitions: starts, each: empty.map((one) => Number(one.toFixed(2))) },
  });
} finally {
  rmSync(home, { recursive: true, force: true });
}

/** What one waits in 95 of 100 cases, with the middle and the longest. */
function tellWaits(name: string, waitsMs: readonly number[], atMost: number): void {
  tell({
    name,
    value: percentile(waitsMs, 95),
    unit: 'ms',
    aim: { atMost },
    more: {
      studies,
      statistic: 'p95',
      median: Number(median(waitsMs).toFixed(2)),
      longest: Number(Math.max(...waitsMs).toFixed(1)),
      asked: waitsMs.length,
    },
  });
}

/** Sets the store up through the host, then fills its index from here. */
async function fillStore(folder: string): Promise<void> {
  await (await startBenchHost({ home: folder })).stop();
  const holder = await createStoreHolder(makeNodePlatform({ host: 'memory', home: folder }));
  const { store, operatorId } = await holder.unlock(operatorName, password);
  const services = {} as { -readonly [Name in keyof Services]: Services[Name] };
  services.patients = openPatientService(store, () => services);
  services.worklist = openWorklistService(store, () => services);
  insertSyntheticStudies(store, services, { operatorId, operatorName }, studies, { conflictEvery });
  await holder.close();
}
