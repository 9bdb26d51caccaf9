import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScheduleEvent } from '../../app/domains/exchange/scheduleSchema.ts';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import { decodeDataset } from '../../main/dicom/readDataset.ts';
import { encodePart10 } from '../../main/dicom/writeDataset.ts';
import { findFreePort, have, startWlmscpfs } from '../../scripts/services.ts';
import { type CoreWithNodes, openCoreWithNodes, runProgram } from './coreWithNodes.ts';

/** An entry as a worklist server keeps it. */
function worklistFile(patientName: string, modality: string, startDate: string, number: number): Uint8Array {
  const text = (vr: string, value: string) => ({ vr, Value: [value] });
  const dataset: JsonDataSet = {
    '00080005': text('CS', 'ISO_IR 192'),
    // Only so that it can be written as a file.
    '00080016': text('UI', '1.2.840.10008.5.1.4.31'),
    '00080018': text('UI', `1.2.3.${number}`),
    '00080050': text('SH', `A${number}`),
    '00100010': { vr: 'PN', Value: [{ Alphabetic: patientName }] },
    '00100020': text('LO', `P${number}`),
    '00100030': text('DA', '19700101'),
    '00100040': text('CS', 'F'),
    '0020000D': text('UI', `1.2.4.${number}`),
    '00321060': text('LO', 'Genou'),
    '00401001': text('SH', `R${number}`),
    '00400100': {
      vr: 'SQ',
      Value: [
        {
          '00080060': text('CS', modality),
          '00400001': text('AE', 'SCANNER'),
          '00400002': text('DA', startDate),
          '00400003': text('TM', '0930'),
          '00400006': { vr: 'PN', Value: [{ Alphabetic: 'DOC^TOR' }] },
          '00400007': text('LO', 'Genou'),
          '00400009': text('SH', `S${number}`),
        },
      ],
    },
  };
  return encodePart10({ dataset, transferSyntaxUid: '1.2.840.10008.1.2.1' });
}

/** As the machine's clock has it: 20261120. */
function dayAfter(days: number): string {
  const date = new Date();
  date.setDate(date.getDate() + days);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

describe.skipIf(!have('dcmtk'))('the modality worklist (needs DCMTK)', () => {
  let salus: CoreWithNodes;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'salus-worklist-'));
    salus = await openCoreWithNodes();
  });
  afterAll(async () => {
    await salus?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  async function search(nodeIds: string[], query: object) {
    const events: ScheduleEvent[] = [];
    for await (const event of await salus.client.exchange.findSchedule({ nodeIds, query })) events.push(event);
    return {
      rows: events.flatMap((event) => (event.type === 'scheduled' ? event.rows : [])),
      ends: events.filter((event) => event.type === 'ended'),
    };
  }

  it('reads what another system has planned', async () => {
    const files = [
      worklistFile('ÇELIK^Zoé', 'CT', '20261120', 1),
      worklistFile('MARTIN^Jo', 'MR', '20261120', 2),
      worklistFile('MARTIN^Al', 'CT', '20261125', 3),
    ].map((bytes, index) => {
      const file = path.join(folder, `${index}.dcm`);
      writeFileSync(file, bytes);
      return file;
    });
    const server = await startWlmscpfs({ worklist: files });
    try {
      const { nodeId } = await salus.addDimse('planner', server);
      const all = await search([nodeId], {});
      expect(all.ends).toMatchObject([{ failure: null, count: 3, isCut: false }]);
      expect(all.rows.find(({ patientId }) => patientId === 'P1')).toEqual({
        nodeId,
        entryId: null,
        patientName: 'ÇELIK^Zoé',
        patientId: 'P1',
        birthDate: '19700101',
        sex: 'F',
        accessionNumber: 'A1',
        requestedProcedureId: 'R1',
        procedureDescription: 'Genou',
        studyUid: '1.2.4.1',
        modality: 'CT',
        stationAeTitle: 'SCANNER',
        startDate: '20261120',
        startTime: '0930',
        performingPhysician: 'DOC^TOR',
      });
      const ids = async (query: object) =>
        (await search([nodeId], query)).rows.map(({ patientId }) => patientId).sort();
      expect(await ids({ modality: 'CT' })).toEqual(['P1', 'P3']);
      expect(await ids({ dateFrom: '20261120', dateTo: '20261121' })).toEqual(['P1', 'P2']);
      expect(await ids({ patientName: 'MARTIN*', modality: 'MR' })).toEqual(['P2']);
      const nodes = await salus.client.exchange.listNodes();
      expect(nodes.find((node) => node.nodeId === nodeId)?.capabilities).toMatchObject([
        { name: 'worklist', state: 'yes' },
      ]);
    } finally {
      await server.stop();
    }
  });

  it('keeps the clinic’s own entries and gives them to a modality that asks', async () => {
    const { exchange } = salus.client;
    const [today, tomorrow] = [dayAfter(0), dayAfter(1)];
    const entry = {
      ...{ patientName: 'NÚÑEZ^Inès', patientId: 'N-7', birthDate: '19800229', sex: 'F' as const },
      ...{ accessionNumber: 'ACC7', requestedProcedureId: 'RP7', procedureDescription: 'Thorax', studyUid: '' },
      ...{ modality: 'DX', stationAeTitle: 'ROOM1', startDate: today, startTime: '1015' },
      performingPhysician: '',
    };
    const saved = await exchange.saveEntry({ entryId: null, baseVersion: null, entry });
    expect(saved).toMatchObject({ version: 1, studyUid: expect.stringMatching(/^2\.25\.\d+$/) });
    await exchange.saveEntry({
      entryId: null,
      baseVersion: null,
      entry: { ...entry, patientId: 'N-8', modality: 'MR' },
    });
    // Long done: who asks without a day is not told of it.
    await exchange.saveEntry({
      entryId: null,
      baseVersion: null,
      entry: { ...entry, patientId: 'N-1', startDate: dayAfter(-400) },
    });
    const gone = await exchange.saveEntry({
      entryId: null,
      baseVersion: null,
      entry: { ...entry, patientId: 'N-9', startDate: tomorrow },
    });
    await exchange.archiveEntry({ entryId: gone.entryId });
    expect((await exchange.listSchedule({ dateFrom: today })).map(({ patientId }) => patientId).sort()).toEqual([
      'N-7',
      'N-8',
    ]);
    await expect(exchange.saveEntry({ entryId: saved.entryId, baseVersion: 0, entry })).rejects.toMatchObject({
      code: 'exchange.entryChanged',
    });

    const port = await findFreePort();
    await salus.addDimse('room 1', { host: '127.0.0.1', port: 104, aeTitle: 'ROOM1' });
    const { settings } = await exchange.receiver();
    await exchange.saveReceiver({ settings: { ...settings, enabled: true, port } });
    const ask = async (callingAe: string, ...keys: string[]) => {
      const answers = mkdtempSync(path.join(folder, 'answers-'));
      await runProgram('findscu', [
        ...['-W', '-X', '-od', answers, '-aet', callingAe, '-aec', 'SALUS'],
        ...['PatientName', 'PatientID', 'StudyInstanceUID', ...keys].flatMap((key) => ['-k', key]),
        ...['127.0.0.1', String(port)],
      ]);
      const files = readdirSync(answers).sort();
      return files.map((name) => {
        const file = readFileSync(path.join(answers, name));
        // findscu writes a preamble and a meta group: the data set follows it.
        const metaLength = file.readUInt32LE(140);
        return decodeDataset(file.subarray(144 + metaLength), '1.2.840.10008.1.2.1');
      });
    };
    const sequence = 'ScheduledProcedureStepSequence[0]';
    const found = await ask(
      'ROOM1',
      'PatientName=nunez*',
      `${sequence}.Modality=DX`,
      `${sequence}.ScheduledProcedureStepStartDate=${dayAfter(-1)}-${tomorrow}`,
      `${sequence}.ScheduledProcedureStepStartTime`,
      `${sequence}.ScheduledStationAETitle=ROOM1`,
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      '00100010': { Value: [{ Alphabetic: 'NÚÑEZ^Inès' }] },
      '00100020': { Value: ['N-7'] },
      '0020000D': { Value: [saved.studyUid] },
      '00400100': { Value: [{ '00080060': { Value: ['DX'] }, '00400003': { Value: ['1015'] } }] },
    });
    expect(await ask('ROOM1', `${sequence}.Modality=CT`)).toEqual([]);
    expect(await ask('ROOM1', `${sequence}.Modality`)).toHaveLength(2);
    // Who may not send may not ask either.
    // findscu is told off before it has asked anything.
    await expect(ask('STRANGER', `${sequence}.Modality`)).rejects.toThrow(/Rejected/);
  });
});
