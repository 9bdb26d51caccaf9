import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Route } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { have } from '../../scripts/services.ts';
import { picture, type SalusWindow } from '../e2e/harness/chromiumWindow.ts';
import { withText } from '../e2e/harness/madeFiles.ts';
import { codeOfRefusal, type HostClient } from '../e2e/harness/runningHost.ts';
import { openWorkstation, type Workstation } from '../e2e/harness/workstation.ts';
import { ReadingRoomPage } from '../e2e/pages/readingRoomPage.ts';
import { WorklistPage } from '../e2e/pages/worklistPage.ts';

const person = { operatorName: 'careful', fullName: 'Careful', password: 'look twice at the name' };
const mr = ['BEAUMONT', 'MR brain'] as const;

/** The hazard: one person's picture or report taken for another's. */
describe.skipIf(!have('chromium'))('no picture and no report of the wrong patient (needs Chromium)', () => {
  let station: Workstation;
  let program: HostClient;
  let conflictUid: string;
  let window: SalusWindow;
  const list = () => new WorklistPage(window);
  const room = () => new ReadingRoomPage(window);

  beforeAll(async () => {
    station = await openWorkstation('patients', person);
    ({ program } = station);
    const conflict = writeConflict(path.join(station.folder, 'conflict'));
    conflictUid = conflict.studyUid;
    await station.bring(conflict.folder, 'head-mr', 'ultrasound');
    window = await station.enter();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-${task.name.slice(0, 20)}`);
    expect(window.complaints()).toEqual([]);
  });
  afterAll(() => station?.close());

  it('lists a study that names two people, says so, and draws nothing of it', async () => {
    const row = list().rows('Load test').first();
    await row.click();
    await window.page.getByText(window.text('worklist:marks.identityWhy')).first().waitFor();
    expect(await window.page.getByRole('img', { name: window.text('worklist:preview.picture') }).count()).toBe(0);
    await picture(window, 'identity-conflict');
    expect(await window.page.getByRole('button', { name: window.text('worklist:preview.read') }).isDisabled()).toBe(
      true,
    );
    await row.dblclick();
    await window.page.getByText(window.text('worklist:conflictRefused')).waitFor();
    expect(await room().root.count()).toBe(0);
    expect(await codeOfRefusal(program.client.imaging.openStudy({ studyUid: conflictUid }))).toBe(
      'imaging.identityConflict',
    );
    // Nor by the way of any other DICOMweb client.
    const { series } = await program.client.imaging.getStudy({ studyUid: conflictUid });
    for (const { seriesUid } of series) {
      for (const { sopUid } of await program.client.imaging.listInstances({ studyUid: conflictUid, seriesUid })) {
        const instance = `/dicomweb/studies/${conflictUid}/series/${seriesUid}/instances/${sopUid}`;
        for (const picture of ['/frames/1', '/frames/1/rendered', '/frames/1/thumbnail', '/rendered']) {
          expect((await program.fetchAsset(instance + picture)).status, picture).toBeGreaterThanOrEqual(400);
        }
      }
    }
  });

  it('is blank between two series, and never shows one under the name of the other', async () => {
    await list().read(
      list()
        .rows(...mr)
        .first(),
    );
    await room().waitForPicture();
    const before = await room().shownSopUid();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = async (route: Route) => {
      await held;
      await route.continue();
    };
    await window.page.route('**/frames/*', slow);
    await window.page.getByTestId('thumbnail').nth(1).dblclick();
    await window.page.locator('[data-testid="pane-0"]:not([data-status="shown"])').waitFor();
    expect(await room().shownSopUid()).toBeUndefined();
    const visible = await room()
      .pane()
      .locator('.viewport-picture')
      .evaluate((element) => getComputedStyle(element).visibility);
    expect(visible).toBe('hidden');
    expect(await room().pane().getByTestId('pane-overlay').count()).toBe(0);
    release();
    await room().waitForPicture();
    await window.page.unroute('**/frames/*', slow);
    expect(await room().shownSopUid()).not.toBe(before);
  });

  it('is blank when another study is opened, until its own first picture is there', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await list().open();
    const slow = async (route: Route) => {
      await held;
      await route.continue();
    };
    await window.page.route('**/frames/*', slow);
    await list().read(list().rows("O'BRIEN").first());
    await window.page.getByTestId('patient-banner').getByText("O'BRIEN").first().waitFor();
    await window.page.waitForTimeout(400);
    expect(await room().shownSopUid()).toBeUndefined();
    expect(await window.page.content()).not.toContain('BEAUMONT');
    release();
    await room().waitForPicture();
    await window.page.unroute('**/frames/*', slow);
    expect(await room().pane().getByTestId('pane-overlay').innerText()).toContain("O'BRIEN");
  });

  it('refuses pixels whose own header names somebody else', async () => {
    const tamper = async (route: Route) => {
      const response = await route.fetch();
      const instances = (await response.json()) as Record<string, { Value?: unknown[] }>[];
      for (const instance of instances) instance['00100020'] = { ...instance['00100020'], Value: ['SOMEBODY-ELSE'] };
      await route.fulfill({ response, json: instances });
    };
    await window.page.route('**/metadata', tamper);
    await list().open();
    await list().read(
      list()
        .rows(...mr)
        .first(),
    );
    await window.page.locator('[data-testid="pane-0"][data-status="failed"]').waitFor();
    expect(await room().messageOf()).toContain(window.text('failures:imaging.patientDiffers').slice(0, 30));
    expect(await room().shownSopUid()).toBeUndefined();
    await picture(window, 'patient-differs');
    await window.page.unroute('**/metadata', tamper);
  });

  it('stops hard when the report beside the pictures is of another patient', async () => {
    const rows = await program.client.worklist.list({
      filter: {},
      sort: { key: 'receivedAt', direction: 'ascending' },
    });
    const study = rows.rows.find((row) => row.modalities.includes('MR'));
    const other = rows.rows.find((row) => row.modalities.includes('US'));
    await program.client.reports.openDraft({ studyUid: study?.studyUid ?? '', language: 'en' });
    await window.close();
    // Everything the host says of this study's reports arrives with the other patient's id.
    window = await station.enter({
      prepare: async (page) => {
        await page.routeWebSocket(/\/rpc$/, (socket) => {
          const server = socket.connectToServer();
          server.onMessage((message) => {
            const text = String(message);
            const isReport = text.includes('"addendumTo"');
            socket.send(isReport ? text.replaceAll(study?.patientId ?? '', other?.patientId ?? '') : message);
          });
        });
      },
    });
    await list().read(
      list()
        .rows(...mr)
        .first(),
    );
    await room().waitForPicture();
    await room().chooseTab('report');
    await window.page.getByText(window.text('reports:wrongPatient.title')).waitFor();
    await picture(window, 'wrong-patient-report');
    expect(await window.page.locator('[data-section]').count()).toBe(0);
    expect(await window.page.getByRole('button', { name: window.text('reports:previewAndSign') }).count()).toBe(0);
  });

  it('and the host signs for nobody but the patient that was seen', async () => {
    const [draft] = await program.client.reports.list({ state: 'draft' });
    const others = await program.client.patients.list({});
    const other = others.rows.find((patient) => patient.patientId !== draft?.patientId);
    const refused = program.client.reports.sign({
      reportId: draft?.reportId ?? '',
      version: draft?.version ?? 1,
      digest: (await program.client.reports.preview({ reportId: draft?.reportId ?? '' })).digest,
      studyUid: draft?.studyUid ?? '',
      patientId: other?.patientId ?? '',
      password: person.password,
    });
    expect(await codeOfRefusal(refused)).toBe('reports.wrongPatient');
  });
});

/** Two images of one Study Instance UID that name two people. */
function writeConflict(folder: string): { folder: string; studyUid: string } {
  mkdirSync(folder);
  let studyUid = '';
  for (const { bytes, sopInstanceUid, studyUid: uid } of syntheticInstances({ count: 2, seed: 'conflict' })) {
    const isFirst = studyUid === '';
    studyUid = uid;
    const second = isFirst ? bytes : withText(withText(bytes, 'BERNARD', 'MARTINE'), 'LOAD-conflict', 'ELSE-conflict');
    writeFileSync(path.join(folder, `${sopInstanceUid}.dcm`), second);
  }
  return { folder, studyUid };
}
