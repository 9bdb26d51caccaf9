import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { findFreePort, have, programOf } from '../../scripts/services.ts';
import { picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { withText } from './harness/madeFiles.ts';
import { samplesFolder } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { ExchangePage } from './pages/exchangePage.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'referee', fullName: 'Referee', password: 'both sides are looked at' };
const patience = { timeout: 30_000 };
const run = promisify(execFile);

/** The same object with the last eighth of its pixels inverted: a band across the picture. */
function withOtherPixels(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let at = Math.floor(copy.length * 0.875) & ~1; at + 1 < copy.length; at += 2) {
    copy[at] = 255 - (copy[at] ?? 0);
  }
  return copy;
}

/** What arrived contradicts itself: a person sees both sides and decides, in the window. */
describe.skipIf(!have('chromium', 'dcmtk'))('conflicts settled side by side (needs Chromium and DCMTK)', () => {
  let station: Workstation;
  let window: SalusWindow;
  let exchange: ExchangePage;
  const text: SalusWindow['text'] = (key, values) => window.text(key, values);
  const side = () => window.page.locator('.conflict-side');
  const pictures = () => side().locator('.conflict-pane img:not(.blend)');
  const decide = async (decision: string, reason: string) => {
    await side()
      .getByRole('button', { name: text(`conflicts:decide.${decision}`) })
      .click();
    const dialog = window.page.getByRole('dialog');
    const confirm = dialog.getByRole('button', { name: text('conflicts:decide.confirm') });
    expect(await confirm.isDisabled()).toBe(true);
    await dialog.getByRole('textbox').fill(reason);
    await confirm.click();
    await dialog.waitFor({ state: 'hidden' });
    await side().getByText(reason).waitFor(patience);
  };

  beforeAll(async () => {
    station = await openWorkstation('conflicts', person);
    await station.bring('chest-radiograph');
    // Two people in two series of one study; whose it is, is whose image came first.
    for (const [at, { bytes }] of [
      ...syntheticInstances({ count: 3, perSeries: 1, perStudy: 3, seed: 'people' }),
    ].entries()) {
      const stranger = () => withText(withText(bytes, 'BERNARD', 'MARTINE'), 'LOAD-people', 'ELSE-people');
      const file = path.join(station.folder, `${at}.dcm`);
      writeFileSync(file, at === 0 ? bytes : stranger());
      if (at < 2) await station.bring(file);
    }
    window = await station.enter();
    exchange = new ExchangePage(window);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(window, `broken-conflicts-${task.name.slice(0, 20)}`);
    expect(window?.complaints()).toEqual([]);
  });
  afterAll(() => station?.close());

  it('shows what a console sent twice beside what is here, and in what they differ', async () => {
    const port = await findFreePort();
    await exchange.addNode({ name: 'Console', host: '127.0.0.1', port: 104, aeTitle: 'CONSOLE', receive: true });
    await exchange.open('receiving');
    await exchange.switchReceiverOn(port);
    await exchange.side.getByText(patternOf('en', 'exchange:receiver.listening')).waitFor(patience);
    const [file = ''] = globSync('**/*.dcm', { cwd: path.join(samplesFolder(), 'chest-radiograph') });
    const again = path.join(station.folder, 'again.dcm');
    writeFileSync(again, withOtherPixels(readFileSync(path.join(samplesFolder(), 'chest-radiograph', file))));
    await run(programOf('storescu'), ['-aet', 'CONSOLE', '-aec', 'SALUS', '127.0.0.1', String(port), again]);

    await exchange.open('conflicts');
    await window.page.locator('.conflict-badge', { hasText: '2' }).waitFor(patience);
    await exchange.rows('CR').or(exchange.rows('DX')).first().click();
    await pictures().nth(1).waitFor(patience);
    expect(await pictures().count()).toBe(2);
    await side().getByText('CONSOLE').first().waitFor(patience);
    await side().getByText(patternOf('en', 'conflicts:pixels.different')).waitFor(patience);
    // The pixels alone differ, and who wrote the file: no element of the data set.
    expect(await side().locator('.conflict-table tbody th').allInnerTexts()).toSatisfy((names: string[]) =>
      names.every((name) => name.startsWith('(0002,')),
    );
    await picture(window, 'conflict-contents');
    // One window for both, and where they differ.
    const level = side().getByLabel(text('conflicts:pictures.centre'));
    const before = await pictures().evaluateAll((images) => images.map((image) => (image as HTMLImageElement).src));
    await level.fill('1000');
    await expect
      .poll(async () => {
        const now = await pictures().evaluateAll((images) => images.map((image) => (image as HTMLImageElement).src));
        return now.length === 2 && now.every((src, at) => src !== before[at]);
      }, patience)
      .toBe(true);
    await window.page.keyboard.press('Escape');
    await side()
      .getByRole('button', { name: text('conflicts:pictures.difference') })
      .click();
    await side().locator('img.blend').waitFor(patience);
    await picture(window, 'conflict-difference');
  });

  it('settles it with a reason, in one of two ways, and shows what was decided everywhere', async () => {
    await decide('take', 'the console sent it corrected');
    await window.page.locator('.conflict-badge', { hasText: '1' }).waitFor(patience);
    await picture(window, 'conflict-taken');
    const { rows } = await station.program.client.imaging.listConflicts({ state: 'settled' });
    expect(rows).toHaveLength(1);
    await side()
      .getByRole('button', { name: text('conflicts:decide.reopen') })
      .click();
    await window.page.keyboard.press('Escape');
    const list = new WorklistPage(window);
    await list.open();
    const row = list.rows('CR').or(list.rows('DX')).first();
    await row.click();
    expect(await window.page.getByText(text('worklist:marks.copies')).count()).toBe(0);
    await list.read(row);
    await new ReadingRoomPage(window).waitForPicture();
    await picture(window, 'conflict-read');
  });

  it('leads from a study of two people to what can be done about it, and keeps them apart', async () => {
    const list = new WorklistPage(window);
    await list.open();
    await list.rows('Load test').first().click();
    await window.page.getByRole('button', { name: text('worklist:marks.whatIsThis') }).click();
    await side().getByText('MARTINE').first().waitFor(patience);
    await side().getByText(text('failures:imaging.conflictNothingInCommon')).waitFor(patience);
    await picture(window, 'conflict-people');
    // More of the same person comes while somebody decides: that is said, and nothing is decided unseen.
    const dialog = window.page.getByRole('dialog');
    await side()
      .getByRole('button', { name: text('conflicts:decide.keepApart') })
      .click();
    await dialog.getByRole('textbox').fill('decided about one image');
    await station.bring(path.join(station.folder, '2.dcm'));
    await side().getByText(text('conflicts:changed'), { exact: true }).waitFor(patience);
    await dialog.getByRole('button', { name: text('conflicts:decide.confirm') }).click();
    await side().getByText(text('failures:imaging.conflictChanged')).waitFor(patience);
    await dialog.waitFor({ state: 'hidden' });
    await side()
      .getByText(text('conflicts:changed'), { exact: true })
      .waitFor({ ...patience, state: 'hidden' });
    await picture(window, 'conflict-outdated');
    await decide('keepApart', 'the console mixed two patients');
    await picture(window, 'conflict-apart');
    await list.open();
    const row = list.rows('Load test').first();
    await row.click();
    await window.page.getByText(patternOf('en', 'worklist:marks.asideWhy_other')).waitFor(patience);
    await list.read(row);
    const room = new ReadingRoomPage(window);
    await room.waitForPicture();
    expect(await window.page.getByTestId('thumbnail').count()).toBe(1);
    expect(await window.page.content()).not.toContain('MARTINE');
  });

  it('takes an open reading room off a picture that is another one by now', async () => {
    const room = new ReadingRoomPage(window);
    const list = new WorklistPage(window);
    await list.open();
    await list.read(list.rows('CR').or(list.rows('DX')).first());
    await room.waitForPicture();
    const { client } = station.program;
    const [line] = (await client.imaging.listConflicts({ state: 'settled' })).rows.filter(
      ({ kind }) => kind === 'instance',
    );
    const ref = { conflictId: line?.conflictId ?? '', studyUid: line?.studyUid ?? '' };
    const settle = async (decision: 'reopen' | 'take', at: number | null) => {
      const { stand, versions } = await client.imaging.getConflict(ref);
      const objectName = at === null ? null : (versions[at]?.objectName ?? null);
      await client.imaging.settleConflict({ ...ref, stand, decision, objectName, reason: 'it was right before' });
    };
    await settle('reopen', null);
    await settle('take', 1);
    await window.page.getByText(text('failures:imaging.studyChanged')).first().waitFor(patience);
    expect(await room.shownSopUid()).toBeUndefined();
    await picture(window, 'conflict-room-changed');
    await list.open();
    await list.read(list.rows('CR').or(list.rows('DX')).first());
    await room.waitForPicture();
  });
});
