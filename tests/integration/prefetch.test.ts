import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExchangeNode } from '../../app/domains/exchange/exchangeSchema.ts';
import type { NewPrefetchRule, PrefetchRun } from '../../app/domains/exchange/prefetchSchema.ts';
import { localDay } from '../../app/shared/localDay.ts';
import type { SyntheticInstance } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  type Orthanc,
  startDcmqrscp,
  startOrthanc,
} from '../../scripts/services.ts';
import { type DatedSlice, datedSlice } from '../safety/prefetchServices.ts';
import { type CoreWithNodes, openCoreWithNodes, putIntoOrthanc, storeWithDcmtk } from './coreWithNodes.ts';
import { readShelfObject } from './peers/objectShelf.ts';

const dayMs = 86_400_000;
const yearsAgo = (years: number) => localDay(Date.now() - Math.round(years * 365.25 * dayMs));
const study = (number: string) => `1.2.826.0.1.3680043.8.498.${number}`;

function instance(slice: DatedSlice): SyntheticInstance {
  const bytes = aSlice(datedSlice(slice));
  const { studyUid, seriesUid, sopInstanceUid } = readShelfObject(bytes);
  return { bytes, studyUid, seriesUid, sopInstanceUid, patientId: '', relativePath: `${sopInstanceUid}.dcm` };
}

/** Of one person: a prior of two images, one of another modality, one too old; and one of somebody else with the same number. */
function shelfOf(root: string, person: DatedSlice): { wanted: string; all: SyntheticInstance[] } {
  const wanted = study(`${root}.1`);
  const date = yearsAgo(1);
  return {
    wanted,
    all: [
      instance({ ...person, study: wanted, date }),
      instance({ ...person, study: wanted, date }),
      instance({ ...person, study: study(`${root}.2`), date: yearsAgo(0.5), modality: 'MR' }),
      instance({ ...person, study: study(`${root}.3`), date: yearsAgo(9) }),
      instance({
        ...person,
        study: study(`${root}.4`),
        date: yearsAgo(0.2),
        name: 'Bernard^Luc',
        birthDate: '19711231',
      }),
    ],
  };
}

const people = {
  dcmqrscp: { identifier: 'ARCHIVE-1', name: 'Lefevre^Anne', birthDate: '19600102' },
  orthanc: { identifier: 'ORTHANC-1', name: 'Petit^Zoé', birthDate: '19550607' },
  web: { identifier: 'WEB-1', name: 'Moreau^Marc', birthDate: '19480303' },
  mover: { identifier: 'MOVE-1', name: 'Diallo^Aminata', birthDate: '19700909' },
  planned: { identifier: 'PLANNED-1', name: 'Tran^Lan', birthDate: '19801010' },
} as const;

describe.skipIf(!have('dcmtk', 'orthanc', 'orthanc-dicomweb'))('rules for priors (needs DCMTK and Orthanc)', () => {
  let salus: CoreWithNodes;
  let dcmqrscp: DicomServer;
  let orthanc: Orthanc;
  /** Hands nothing over on our own association: it sends to our receiver. */
  let moveOnly: DicomServer;
  let port: number;
  let archive: ExchangeNode;
  let overDimse: ExchangeNode;
  let overWeb: ExchangeNode;
  let mover: ExchangeNode;
  const shelves = Object.fromEntries(
    Object.entries(people).map(([name, person], at) => [name, shelfOf(String(at + 1), person)]),
  ) as Record<keyof typeof people, ReturnType<typeof shelfOf>>;

  beforeAll(async () => {
    port = await findFreePort();
    [salus, dcmqrscp, orthanc, moveOnly] = await Promise.all([
      openCoreWithNodes(),
      startDcmqrscp(),
      startOrthanc({ dicom: true, configuration: { DicomAlwaysAllowFind: true, DicomAlwaysAllowGet: true } }),
      startDcmqrscp({
        aeTitle: 'MOVEONLY',
        destinations: [{ aeTitle: 'SALUS', port }],
        arguments: ['--disable-get'],
      }),
    ]);
    await Promise.all([
      storeWithDcmtk(dcmqrscp, shelves.dcmqrscp.all),
      storeWithDcmtk(moveOnly, shelves.mover.all),
      putIntoOrthanc(orthanc, [...shelves.orthanc.all, ...shelves.web.all, ...shelves.planned.all]),
    ]);
    archive = await salus.addDimse('archive', dcmqrscp);
    overDimse = await salus.addDimse('orthanc', {
      host: '127.0.0.1',
      port: orthanc.dicomPort ?? 0,
      aeTitle: orthanc.aeTitle,
    });
    overWeb = await salus.addWeb('orthanc web', orthanc.dicomWebUrl);
    mover = await salus.addDimse('mover', moveOnly);
    await salus.addDimse('scanner', { host: '127.0.0.1', port: 104, aeTitle: 'SCANNER' });
    const { settings } = await salus.client.exchange.receiver();
    await salus.client.exchange.saveReceiver({ settings: { ...settings, enabled: true, port } });
  });
  afterAll(async () => {
    await salus?.close();
    await Promise.all([dcmqrscp?.stop(), orthanc?.stop(), moveOnly?.stop()]);
  });

  const save = (node: ExchangeNode, bodyPart: string, changes: Partial<NewPrefetchRule> = {}) =>
    salus.client.exchange.savePrefetchRule({
      ruleId: null,
      baseVersion: null,
      rule: {
        ...{ name: `priors from ${node.name}`, enabled: true, triggers: ['arrival'], nodeIds: [node.nodeId] },
        match: { modalities: ['CT'], bodyParts: [bodyPart] },
        priors: { sameModality: true, modalities: [], atMost: 3, years: 5 },
        ...changes,
      },
    });

  /** The look for this study, or of the rule, once nothing more happens by itself. */
  async function ended(ruleId: string): Promise<PrefetchRun> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { rows } = await salus.client.exchange.listPrefetches({});
      const run = rows.find((row) => row.ruleId === ruleId);
      if (run && (run.nextAttemptAt === null || Date.now() > deadline)) return run;
      if (Date.now() > deadline) throw new Error(`no look: ${JSON.stringify(rows)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function listed(): Promise<Map<string, { instances: number; prior: boolean; patient: string }>> {
    const { rows } = await salus.client.worklist.list({
      filter: {},
      sort: { key: 'receivedAt', direction: 'descending' },
      offset: 0,
      limit: 200,
    });
    return new Map(
      rows.map((row) => [
        row.studyUid,
        { instances: row.instanceCount, prior: row.prior === true, patient: row.displayName },
      ]),
    );
  }

  async function expectOnlyTheRightOne({ wanted, all }: ReturnType<typeof shelfOf>) {
    const here = await listed();
    expect(here.get(wanted)).toMatchObject({ instances: 2, prior: true });
    const others = all.map(({ studyUid }) => studyUid).filter((uid) => uid !== wanted);
    expect(others).toHaveLength(3);
    for (const uid of others) expect(here.has(uid), uid).toBe(false);
  }

  for (const name of ['dcmqrscp', 'orthanc', 'web', 'mover'] as const) {
    it(`brings the one right study from ${name} when a new one arrives by storescu`, async () => {
      const node = { dcmqrscp: archive, orthanc: overDimse, web: overWeb, mover }[name];
      // Each rule means its own part of the body, so that the others stay quiet.
      const bodyPart = `PART ${name.toUpperCase()}`;
      const { ruleId } = await save(node, bodyPart);
      const own = study(`9.${name.length}`);
      const more = { '00180015': ['CS', bodyPart] } as const;
      const arriving = instance({ ...people[name], study: own, date: localDay(Date.now()), more });
      await storeWithDcmtk({ host: '127.0.0.1', port, aeTitle: 'SALUS' }, [arriving], 'SCANNER');
      const run = await ended(ruleId);
      expect(run, JSON.stringify(run)).toMatchObject({
        ...{ state: 'done', studyUid: own, entryId: null, found: 1, fetched: 1, otherPerson: 1, lastTrouble: null },
      });
      await expectOnlyTheRightOne(shelves[name]);
      const { priors } = await salus.client.imaging.openStudy({ studyUid: own });
      expect(priors.map(({ studyUid }) => studyUid)).toEqual([shelves[name].wanted]);
      const { total, rows } = await salus.client.exchange.listPrefetches({ studyUid: own });
      expect({ total, rows }).toMatchObject({ total: 1, rows: [{ ruleId }] });
    });
  }

  it('brings it before the patient comes, where the own worklist says who will', async () => {
    const { ruleId } = await save(overDimse, 'ANY', { triggers: ['planned'] });
    const { identifier, name, birthDate } = people.planned;
    const { entryId } = await salus.client.exchange.saveEntry({
      entryId: null,
      baseVersion: null,
      entry: {
        ...{ patientName: name, patientId: identifier, birthDate, sex: 'F', accessionNumber: '', studyUid: '' },
        ...{ requestedProcedureId: '', procedureDescription: '', performingPhysician: '', modality: 'CT' },
        ...{ stationAeTitle: '', startDate: localDay(Date.now() + dayMs), startTime: '0900' },
      },
    });
    expect(await ended(ruleId)).toMatchObject({ state: 'done', entryId, studyUid: null, found: 1, fetched: 1 });
    await expectOnlyTheRightOne(shelves.planned);
  });

  it('has led to one entry of the audit for each look, and to no second look', async () => {
    const { rows } = await salus.client.exchange.listPrefetches({});
    expect(rows).toHaveLength(5);
    const counts = await salus.client.worklist.counts();
    // The four that arrived are work; the five that were brought are not.
    expect(counts).toMatchObject({ all: 9, unread: 4 });
  });
});
