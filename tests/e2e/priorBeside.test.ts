import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from '../../scripts/services.ts';
import type { SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import { samplesFolder } from './harness/runningHost.ts';
import { openWorkstation, type Workstation } from './harness/workstation.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const patience = { timeout: 20_000 };
const person = { operatorName: 'besides', fullName: 'Besides', password: 'two years side by side' };

/** The hazard: a prior that an import finds to be of two people stays on the screen beside the study being read. */
describe.skipIf(!have('chromium'))('a prior beside the study being read (needs Chromium)', () => {
  let station: Workstation;
  let window: SalusWindow;

  beforeAll(async () => {
    station = await openWorkstation('beside', person);
    for (const name of ['chest-ct-prior', 'chest-ct']) await station.bring(name);
    window = await station.enter();
  });
  afterAll(() => station?.close());

  it('is shown, and taken off the screen once it names two people', async () => {
    const { page } = window;
    const list = new WorklistPage(window);
    await list.waitFor();
    await list.read(list.rows('LEFÈVRE').first());
    await new ReadingRoomPage(window).waitForPicture();
    await page.getByTestId('tool-prior').click();
    await page.getByRole('menuitem').first().click();
    const pane = (index: number, status: string) =>
      page.locator(`[data-testid="pane-${index}"][data-status="${status}"]`);
    await pane(1, 'shown').waitFor(patience);
    await expect.poll(() => page.locator('.reading-loading-mark').count(), patience).toBe(0);

    // One more instance of the prior, of somebody of another name and number.
    const source = path.join(samplesFolder(), 'chest-ct-prior');
    const [first = ''] = globSync('**/*.dcm', { cwd: source }).sort();
    const bytes = readFileSync(path.join(source, first)).toString('latin1');
    const [surname = '', identifier = ''] = [/LEF.{1,2}VRE/.exec(bytes)?.[0], /SAL-\d{6}/.exec(bytes)?.[0]];
    expect([surname.length, identifier.length].every((length) => length > 5)).toBe(true);
    const target = path.join(station.folder, 'other');
    mkdirSync(target);
    const own =
      /1\.2\.840\.10008\.5\.1\.4\.1\.1\.2\0?[\s\S]{0,12}?(2\.25\.\d+|1\.\d[\d.]+)/.exec(bytes.slice(200))?.[1] ?? '';
    expect(own.length).toBeGreaterThan(10);
    const other = own.slice(0, -1) + ((Number(own.at(-1)) + 1) % 10);
    const changed = bytes
      .replaceAll(surname, 'SOMEBODY'.padEnd(surname.length).slice(0, surname.length))
      .replaceAll(identifier, 'SAL-999999')
      .replaceAll(own, other);
    writeFileSync(path.join(target, 'other.dcm'), Buffer.from(changed, 'latin1'));
    await station.bring(target);

    await pane(1, 'failed').waitFor(patience);
    expect(await pane(1, 'failed').innerText()).toMatch(patternOf('en', 'failures:imaging.identityConflict'));
    expect(await pane(1, 'failed').locator('canvas').count()).toBe(0);
    // The study being read stays as it was.
    await pane(0, 'shown').waitFor(patience);
    expect(window.complaints()).toEqual([]);
  });
});
