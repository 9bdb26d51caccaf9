import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery, ExchangeNode } from '../../app/domains/exchange/exchangeSchema.ts';
import type { RoutingRule } from '../../app/domains/exchange/routingSchema.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import type { CoreClient } from '../../main/kernel/channelClient.ts';
import {
  type DicomServer,
  findFreePort,
  have,
  type Orthanc,
  startOrthanc,
  startStorescp,
} from '../../scripts/services.ts';
import { password } from '../contract/openTestCore.ts';
import { signAsSeen } from '../e2e/harness/signedReports.ts';
import { type CoreWithNodes, openCoreWithNodes } from './coreWithNodes.ts';
import { storescu, until } from './peers/receivingStation.ts';

let folder: string;
let written = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'salus-routing-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Slices of one study as files. */
function slices(study: string, count: number, modality = 'CT'): string[] {
  return Array.from({ length: count }, (_, index) => {
    written += 1;
    const file = path.join(folder, `${written}.dcm`);
    const facts = {
      study,
      series: `${study}.${modality.charCodeAt(0)}`,
      sop: `${study}.7.${written}`,
      number: index + 1,
    };
    writeFileSync(file, aSlice({ ...facts, identifier: study, more: { '00080060': ['CS', modality] } }));
    return file;
  });
}

type NewRule = Parameters<CoreClient['exchange']['saveRoutingRule']>[0]['rule'];

function addRule(core: CoreWithNodes, node: ExchangeNode, given: Partial<NewRule> = {}): Promise<RoutingRule> {
  return core.client.exchange.saveRoutingRule({
    ruleId: null,
    baseVersion: null,
    rule: {
      ...{ name: `to ${node.name}`, enabled: true, trigger: 'arrival', match: {}, content: 'study', deidentify: false },
      ...given,
      nodeId: node.nodeId,
    },
  });
}

/** Turns the receiver on; returns its port. */
async function listen({ client }: CoreWithNodes, aeTitle = 'SALUS'): Promise<number> {
  const { settings } = await client.exchange.receiver();
  const port = await findFreePort();
  await client.exchange.saveReceiver({ settings: { ...settings, enabled: true, aeTitle, port } });
  return port;
}

async function deliveriesTo({ client }: CoreWithNodes, node: ExchangeNode): Promise<Delivery[]> {
  return (await client.exchange.listDeliveries({ nodeId: node.nodeId })).rows.reverse();
}

async function studiesOf({ client }: CoreWithNodes) {
  const sort = { key: 'receivedAt', direction: 'descending' } as const;
  return (await client.worklist.list({ filter: {}, sort })).rows;
}

async function isWhole(core: CoreWithNodes, studyUid: string): Promise<boolean> {
  return (await studiesOf(core)).some((row) => row.studyUid === studyUid && row.arriving === false);
}

async function send(port: number, calling: string, files: readonly string[], called = 'SALUS'): Promise<void> {
  const sent = await storescu(port, files, { calling, called });
  if (sent.code !== 0) throw new Error(sent.output);
}

describe.skipIf(!have('dcmtk', 'orthanc', 'orthanc-dicomweb'))('routing rules (needs DCMTK and Orthanc)', () => {
  let core: CoreWithNodes;
  let orthanc: Orthanc;
  let program: DicomServer;
  let archive: ExchangeNode;
  let web: ExchangeNode;
  let ai: ExchangeNode;
  let port: number;

  beforeAll(async () => {
    [core, orthanc, program] = await Promise.all([
      openCoreWithNodes(),
      startOrthanc({ dicom: true, configuration: { DicomAlwaysAllowFind: true } }),
      startStorescp({ aeTitle: 'AI' }),
    ]);
    port = await listen(core);
    for (const aeTitle of ['CT_ROOM_1', 'MR_ROOM'])
      await core.addDimse(aeTitle, { host: '127.0.0.1', port: 104, aeTitle }, { send: false });
    const { dicomPort = 0, aeTitle } = orthanc;
    const peer = { host: '127.0.0.1', port: dicomPort, aeTitle };
    archive = await core.addDimse('archive', peer, { proof: 'readBack', receive: false });
    web = await core.addWeb('archive web', orthanc.dicomWebUrl);
    ai = await core.addDimse('AI', program, { receiveFrom: '127.0.0.1' });
  });
  afterAll(async () => {
    await Promise.all([core?.close(), orthanc?.stop(), program?.stop()]);
  });

  const inOrthanc = async (studyUid: string): Promise<string[]> => {
    const answer = await fetch(`${orthanc.dicomWebUrl}/studies/${studyUid}/instances`);
    if (answer.status !== 200) return [];
    const rows = (await answer.json()) as Record<string, { Value?: string[] }>[];
    return rows.map((row) => row['00080018']?.Value?.[0] ?? '').sort();
  };
  const atProgram = () => readdirSync(program.folder).length;
  const proven = (node: ExchangeNode, count: number) =>
    until(
      () => deliveriesTo(core, node),
      (rows) => rows.filter(({ state }) => state === 'proven').length >= count,
      90_000,
    );

  it('forward by AE title and modality what storescu sends, with proof; a rule that is off does nothing', async () => {
    const toArchive = await addRule(core, archive, { match: { modalities: ['CT'], callingAes: ['CT_*'] } });
    await addRule(core, web, { enabled: false });
    const [ct, mr] = ['1.2.826.0.1.501', '1.2.826.0.1.502'];
    await send(port, 'MR_ROOM', slices(mr, 1, 'MR'));
    await send(port, 'MR_ROOM', slices('1.2.826.0.1.503', 1));
    await send(port, 'CT_ROOM_1', slices(ct, 4));
    expect(await proven(archive, 1)).toMatchObject([
      { studyUid: ct, state: 'proven', proof: 'readBack', instances: 4, proven: 4, createdBy: 'to archive' },
    ]);
    expect(await inOrthanc(ct)).toHaveLength(4);
    await until(
      () => isWhole(core, mr),
      (whole) => whole,
    );
    expect(await inOrthanc(mr)).toEqual([]);
    expect(await deliveriesTo(core, web)).toEqual([]);
    const [rule] = (await core.client.exchange.listRoutingRules()).filter(({ ruleId }) => ruleId === toArchive.ruleId);
    expect(rule).toMatchObject({ deliveries: 1, lastTrouble: null });
    const trial = await core.client.exchange.tryRoutingMatch({ match: { callingAes: ['MR_ROOM'] } });
    expect(trial).toMatchObject({ looked: 3, matched: 2 });
    // What comes later goes alone.
    await send(port, 'CT_ROOM_1', slices(ct, 2));
    expect((await proven(archive, 2))[1]).toMatchObject({ studyUid: ct, instances: 2, proven: 2 });
    expect(await inOrthanc(ct)).toHaveLength(6);
  });

  it('forward to a program that answers into the same study, and never send its answer back', async () => {
    await addRule(core, ai, { match: { modalities: ['CT'] } });
    await addRule(core, archive, { name: 'results', match: { callingAes: ['AI'] } });
    const study = '1.2.826.0.1.510';
    await send(port, 'CT_ROOM_1', slices(study, 3));
    await until(atProgram, (files) => files === 3);
    const result = slices(study, 1, 'SR');
    await send(port, 'AI', result);
    await until(
      () => inOrthanc(study),
      (there) => there.length === 4,
      90_000,
    );
    await until(
      () => isWhole(core, study),
      (whole) => whole,
    );
    expect((await deliveriesTo(core, ai)).map(({ instances }) => instances)).toEqual([3]);
    expect(atProgram()).toBe(3);
  });

  it('send what is signed: the objects of the report lie in the archive', async () => {
    await addRule(core, web, { name: 'reports', trigger: 'sign', content: 'report' });
    const study = '1.2.826.0.1.520';
    await send(port, 'MR_ROOM', slices(study, 1, 'MR'));
    const draft = await core.client.reports.openDraft({ studyUid: study, language: 'fr' });
    const saved = await core.client.reports.saveDraft({
      reportId: draft.reportId,
      baseVersion: draft.version,
      keyImages: [],
      sections: draft.sections.map((section) => ({
        ...section,
        paragraphs: [{ content: [{ kind: 'text' as const, text: 'Rien à signaler.' }] }],
      })),
    });
    await signAsSeen(core, saved, password);
    const [delivery] = await proven(web, 1);
    expect(delivery).toMatchObject({ studyUid: study, reportId: draft.reportId, instances: 1, proven: 1 });
    const answer = await fetch(`${orthanc.dicomWebUrl}/studies/${study}/series`);
    const series = (await answer.json()) as Record<string, { Value?: string[] }>[];
    expect(series.map((row) => row['00080060']?.Value?.[0])).toEqual(['DOC']);
  });
});

describe.skipIf(!have('dcmtk'))('two sites that forward to each other (needs DCMTK)', () => {
  let sites: CoreWithNodes[];
  beforeAll(async () => {
    sites = await Promise.all([openCoreWithNodes(), openCoreWithNodes()]);
  });
  afterAll(async () => {
    await Promise.all(sites.map((site) => site.close()));
  });

  it('end with the study at both, each image once, however they call themselves', async () => {
    const [one, other] = sites as [CoreWithNodes, CoreWithNodes];
    const [portOfOne, portOfOther] = [await listen(one, 'SITE_ONE'), await listen(other, 'SITE_OTHER')];
    const local = { host: '127.0.0.1' };
    const sink = { search: false };
    await one.addDimse('scanner', { ...local, port: 104, aeTitle: 'SCANNER' }, { send: false });
    const toOther = await one.addDimse('other', { ...local, port: portOfOther, aeTitle: 'SITE_OTHER' }, sink);
    // The other site knows the first only under a name that it is not sent to by.
    await other.addDimse('caller', { ...local, port: 104, aeTitle: 'SITE_ONE' }, { send: false });
    const toOne = await other.addDimse('one', { ...local, port: portOfOne, aeTitle: 'ONE' }, { receive: false });
    await one.client.exchange.saveReceiver({
      settings: { ...(await one.client.exchange.receiver()).settings, aeTitle: 'ONE', port: portOfOne },
    });
    await one.client.exchange.saveNode({
      ...{ nodeId: toOther.nodeId, baseVersion: toOther.version, name: toOther.name, use: toOther.use, secrets: {} },
      settings: { ...toOther.settings, callingAeTitle: 'SITE_ONE' } as typeof toOther.settings,
    });
    await addRule(one, toOther);
    await addRule(other, toOne);
    const study = '1.2.826.0.1.530';
    await send(portOfOne, 'SCANNER', slices(study, 3), 'ONE');
    const [back] = await until(
      () => deliveriesTo(other, toOne),
      (rows) => rows.length > 0 && rows.every(({ endedAt, state }) => endedAt !== null || state === 'sent'),
      120_000,
    );
    // It went back once, for nobody there knows that it came from there, and was no news.
    expect(back).toMatchObject({ studyUid: study, instances: 3 });
    await until(
      async () => (await isWhole(one, study)) && (await isWhole(other, study)),
      (whole) => whole,
    );
    for (const [site, node] of [
      [one, toOther],
      [other, toOne],
    ] as const) {
      const { study: here } = await site.client.imaging.openStudy({ studyUid: study });
      expect(here.instanceCount).toBe(3);
      expect(await deliveriesTo(site, node)).toHaveLength(1);
    }
  });

  it('that remove the identity do so once: what comes back nameless goes no further', async () => {
    const [one, other] = sites as [CoreWithNodes, CoreWithNodes];
    const nodes: ExchangeNode[] = [];
    for (const site of [one, other]) {
      const { exchange } = site.client;
      for (const { ruleId } of await exchange.listRoutingRules()) await exchange.archiveRoutingRule({ ruleId });
      const node = (await exchange.listNodes()).find(({ use, name }) => use.send && name !== 'scanner');
      if (!node) throw new Error('no node to send to');
      nodes.push(node);
      await addRule(site, node, { name: 'nameless', deidentify: true });
    }
    const study = '1.2.826.0.1.540';
    const { port } = await one.client.exchange.receiver();
    await send(port ?? 0, 'SCANNER', slices(study, 2), 'ONE');
    const [nameless] = await until(
      async () => (await studiesOf(other)).filter(({ studyUid }) => !studyUid.startsWith('1.2.826.0.1.5')),
      (rows) => rows.length === 1 && rows[0]?.arriving === false && rows[0].instanceCount === 2,
      90_000,
    );
    const trouble = await until(
      async () => (await other.client.exchange.listRoutingRules())[0]?.lastTrouble?.code,
      (code) => code !== undefined,
    );
    expect(trouble).toBe('exchange.alreadyDeidentified');
    expect(nameless?.displayName).not.toContain('Lef');
    const asked = async (site: CoreWithNodes, node: ExchangeNode | undefined) =>
      node ? (await deliveriesTo(site, node)).filter(({ deidentified }) => deidentified) : [];
    expect(await asked(one, nodes[0])).toMatchObject([{ studyUid: study, instances: 2 }]);
    expect(await asked(other, nodes[1])).toEqual([]);
    expect((await studiesOf(one)).map(({ studyUid }) => studyUid).sort()).toEqual(['1.2.826.0.1.530', study]);
  });
});
