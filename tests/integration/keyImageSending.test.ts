import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { type DicomServer, have, programOf, startDcmqrscp } from '../../scripts/services.ts';
import { type CoreWithNodes, openCoreWithNodes, runProgram } from './coreWithNodes.ts';

const instances = [...syntheticInstances({ count: 5, perSeries: 5, rows: 32, columns: 32, seed: 'marks' })];
const { studyUid } = instances[0] as SyntheticInstance;
const keyObject = '1.2.840.10008.5.1.4.1.1.88.59';
const noReport = '01890a5d-ac96-774b-bcce-b302099a8057';

describe.skipIf(!have('dcmtk'))('the key images of a study (needs DCMTK)', () => {
  let core: CoreWithNodes;
  let archive: DicomServer;
  beforeAll(async () => {
    [core, archive] = await Promise.all([openCoreWithNodes(), startDcmqrscp({ aeTitle: 'ARCHIVE' })]);
    await core.import(instances);
  });
  afterAll(async () => {
    await Promise.all([core?.close(), archive?.stop()]);
  });

  /** What the archive has: UID and class of every object, with its file. */
  async function kept(): Promise<{ file: string; sopUid: string; sopClassUid: string }[]> {
    const folder = path.join(archive.folder, 'area');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'index.dat')
      .map((entry) => path.join(entry.parentPath, entry.name));
    return Promise.all(
      files.map(async (file) => {
        const said = await runProgram('dcmdump', ['-q', '-Un', '+P', '0008,0016', '+P', '0008,0018', file]);
        const [sopClassUid = '', sopUid = ''] = [...said.matchAll(/\[([\d.]+)\]/g)].map((match) => match[1] ?? '');
        return { file, sopUid, sopClassUid };
      }),
    );
  }

  it('go alone, with a correct key object that names them, and are proven', async () => {
    const { client } = core;
    const node = await core.addDimse('archive', archive, { receive: false });
    const none = client.exchange.send({ nodeId: node.nodeId, studyUid, keyImages: 'fr' });
    await expect(none).rejects.toMatchObject({ code: 'exchange.nothingToSend' });
    const { series } = await client.imaging.openStudy({ studyUid });
    const { seriesUid = '' } = series[0] ?? {};
    const listed = await client.imaging.listInstances({ studyUid, seriesUid });
    const marked = [listed[1]?.sopUid ?? '', listed[3]?.sopUid ?? ''];
    for (const sopUid of marked)
      await client.imaging.setKeyImage({ studyUid, seriesUid, sopUid, frame: 1, window: null, marked: true });
    const sent = await client.exchange.send({ nodeId: node.nodeId, studyUid, keyImages: 'fr' });
    expect(sent).toMatchObject({ instances: 3, reportId: null });
    await expect
      .poll(async () => (await client.exchange.getDelivery({ deliveryId: sent.deliveryId })).state, { timeout: 60_000 })
      .toBe('proven');
    const objects = await kept();
    const selections = objects.filter(({ sopClassUid }) => sopClassUid === keyObject);
    expect(selections).toHaveLength(1);
    expect(objects.filter((each) => each !== selections[0]).map(({ sopUid }) => sopUid)).toEqual(
      expect.arrayContaining(marked),
    );
    expect(objects).toHaveLength(3);
    const { file = '' } = selections[0] ?? {};
    const said = await runProgram('dcmdump', ['-q', '-Un', '+P', '0008,1155', file]);
    for (const sopUid of marked) expect(said).toContain(`[${sopUid}]`);
    if (have('dicom3tools')) {
      const { stderr, stdout } = spawnSync(programOf('dciodvfy'), [file], { encoding: 'latin1' });
      expect((stderr + stdout).split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
    }
    // Asked for again, it is the same object.
    const again = await client.exchange.send({ nodeId: node.nodeId, studyUid, keyImages: 'fr' });
    expect(again.instances).toBe(3);
    expect((await client.imaging.openStudy({ studyUid })).study.instanceCount).toBe(6);
    const nameless = await client.exchange.send({ nodeId: node.nodeId, studyUid, keyImages: 'fr', deidentify: true });
    expect(nameless.instances).toBe(2);
    const audit = await client.security.listAudit({ action: 'imaging.storeObjects', limit: 10 });
    expect(audit[0]).toMatchObject({ outcome: 'success', subjectId: studyUid });
  });

  it('have their lines in lists, several at once, and their deliveries by report', async () => {
    const { client } = core;
    const lines = await client.imaging.listStudyLines({ studyUids: [studyUid, '1.2.3'] });
    const { study, patient } = await client.imaging.openStudy({ studyUid });
    expect(lines).toEqual([
      {
        studyUid,
        modalities: study.modalities,
        description: study.description,
        studyDate: study.studyDate,
        patientName: patient.displayName,
      },
    ]);
    expect((await client.exchange.listDeliveries({ studyUid })).total).toBe(3);
    expect(await client.exchange.listDeliveries({ studyUid, reportId: noReport })).toEqual({ total: 0, rows: [] });
  });
});
