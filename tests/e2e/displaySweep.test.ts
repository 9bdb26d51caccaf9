import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import dicomParser from 'dicom-parser';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Series } from '../../app/domains/imaging/imagingSchema.ts';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { have } from '../../scripts/services.ts';
import { launchBrowser, openWindow, picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { patternOf } from './harness/localeTexts.ts';
import {
  type HostClient,
  makeFolder,
  type RunningHost,
  sharedSamples,
  startHost,
  waitForJob,
} from './harness/runningHost.ts';
import { SignInPage } from './pages/doorPages.ts';
import { compareWithHost } from './pages/hostFrame.ts';
import { ReadingRoomPage } from './pages/readingRoomPage.ts';
import { WorklistPage } from './pages/worklistPage.ts';

const person = { operatorName: 'sweeper', fullName: 'Sweeper', password: 'every file is looked at' };
const shared = sharedSamples('');
const isWhole = process.env['SALUS_SOAK'] === '1';
const filesInSample = 18;

/** Transfer syntaxes that lose something: two right decoders may round the last bit differently. */
const lossy: Readonly<Record<string, number>> = {
  '1.2.840.10008.1.2.4.50': 2,
  '1.2.840.10008.1.2.4.51': 2,
  '1.2.840.10008.1.2.4.91': 1,
};

interface Seen {
  readonly place: string;
  readonly outcome: string;
}

/**
 * Every public test object in the real viewport: its stored values are those of the host's decoder (which is compared
 * with DCMTK and pydicom elsewhere), or the viewport says why there is no picture.
 */
describe.skipIf(!have('chromium') || shared === undefined)(
  'every displayable object is displayed as decoded (needs Chromium and ../shared/dicom-samples)',
  () => {
    let browser: Browser;
    let host: RunningHost;
    let program: HostClient;
    let window: SalusWindow;
    let remove: () => Promise<void>;
    let folder: string;
    const seen: Seen[] = [];

    beforeAll(async () => {
      ({ folder, remove } = await makeFolder('sweep'));
      browser = await launchBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await host?.stop();
      await remove?.();
    });

    it('shows the stored values the host decodes, or says why not', {
      timeout: isWhole ? 3_600_000 : 180_000,
    }, async () => {
      const complaints: string[] = [];
      for (const [round, files] of makeRounds(shared as string).entries()) {
        await openRound(round, files);
        const { total } = await program.client.worklist.list({
          filter: {},
          sort: { key: 'receivedAt', direction: 'descending' },
        });
        for (let index = 0; index < total; index += 1) await sweepRow(index);
        complaints.push(...window.complaints());
        await window.close();
        await host.stop();
      }
      if (isWhole) console.log(seen.map(({ place, outcome }) => `${outcome}: ${place}`).join('\n'));
      expect(seen.filter(({ outcome }) => !/^(same|said)/.test(outcome))).toEqual([]);
      expect(seen.filter(({ outcome }) => outcome.startsWith('same')).length).toBeGreaterThan(isWhole ? 250 : 8);
      expect(complaints).toEqual([]);
    });

    /** A fresh store with these files, and a window on its worklist. */
    async function openRound(round: number, files: readonly string[]): Promise<void> {
      const source = path.join(folder, `source-${round}`);
      for (const name of files) {
        const file = path.join(source, name);
        mkdirSync(path.dirname(file), { recursive: true });
        copyFileSync(path.join(shared as string, name), file);
      }
      host = await startHost({ home: path.join(folder, `home-${round}`) });
      program = await host.connect(host.address);
      await program.client.security.setUp({ ...person, language: 'en', siteName: '' });
      await program.client.security.confirmRecoveryKey();
      const { jobId } = await program.client.imaging.importPaths({ paths: [source] });
      expect((await waitForJob(program.client, jobId)).state).toBe('done');
      window = await openWindow(browser, await host.newAddress());
      // The console tells of refused frames; what matters is what the viewport says.
      window.expectComplaint(/Failed to load resource: the server responded with a status of 4\d\d/);
      await new SignInPage(window).enter(person.operatorName, person.password);
      await new WorklistPage(window).waitFor();
    }

    async function sweepRow(index: number): Promise<void> {
      const { page } = window;
      const list = new WorklistPage(window);
      await list.open();
      await list.grid.focus();
      await page.keyboard.press('Home');
      for (let step = 0; step < index; step += 1) await page.keyboard.press('ArrowDown');
      const opened = page.waitForRequest(/\/series\/[\d.]+\/metadata$/, { timeout: 4_000 }).catch(() => undefined);
      const read = page.getByRole('button', { name: window.text('worklist:preview.read') });
      await read.waitFor();
      // A study of two identities is refused here; tests/safety looks at that.
      if (await read.isDisabled()) return;
      await read.click();
      const request = await opened;
      const uids = /studies\/([\d.]+)\/series\/([\d.]+)\//.exec(request?.url() ?? '');
      if (!uids?.[1]) {
        // Nothing of it can be drawn, such as a structured report: the room opens and says so.
        await new ReadingRoomPage(window).root.waitFor();
        return;
      }
      const studyUid = uids[1];
      const { series } = await program.client.imaging.getStudy({ studyUid });
      for (const each of series.filter(({ frameCount }) => frameCount > 0)) await sweepSeries(studyUid, each);
    }

    async function doesHostDecode(studyUid: string, seriesUid: string, place: string | undefined): Promise<boolean> {
      const native = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1';
      const asset = `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${place}`;
      return (await program.fetchAsset(asset, { headers: { accept: native } })).ok;
    }

    async function sweepSeries(studyUid: string, series: Series): Promise<void> {
      const room = new ReadingRoomPage(window);
      const instances = await program.client.imaging.listInstances({ seriesUid: series.seriesUid });
      const places = instances
        .filter(({ isImage }) => isImage)
        .flatMap(({ sopUid, frames }) => Array.from({ length: frames }, (_, index) => `${sopUid}/frames/${index + 1}`));
      const syntaxOf = new Map(instances.map((instance) => [instance.sopUid, instance.transferSyntaxUid]));
      await window.page.locator(`[data-testid="thumbnail"][data-series-uid="${series.seriesUid}"]`).dblclick();
      await room.until((state) => state.count === series.frameCount && state.status !== 'loading');
      const wanted = isWhole
        ? Array.from({ length: series.frameCount }, (_, at) => at)
        : [...new Set([0, Math.floor(series.frameCount / 2), series.frameCount - 1])];
      await room.press('Home');
      let here = 0;
      for (const at of wanted) {
        if (at !== here) await room.wheel(at - here);
        here = at;
        const state = await room.until(
          (each) => each.wantedIndex === at && (each.status === 'failed' || each.index === at),
        );
        const place = `${series.modality} ${series.description} ${studyUid}/${series.seriesUid} #${at}`;
        if (state.status === 'failed') {
          const said = await room.messageOf();
          const code = state.failureCode ?? '';
          const isSaid = patternOf('en', `failures:${code}`).test(said.split('\n')[0] ?? '');
          // A reason is right only when the host has none to show either.
          const isHostFault = !(await doesHostDecode(studyUid, series.seriesUid, places[at]));
          seen.push({
            place,
            outcome:
              isSaid && isHostFault ? `said ${code}` : `${isSaid ? 'the host decodes it' : 'mute'} ${code}: ${said}`,
          });
          continue;
        }
        const found = await compareWithHost(window, studyUid, series.seriesUid);
        const tolerance = lossy[syntaxOf.get(found.sopUid) ?? ''] ?? 0;
        const isSame =
          found.outcome === 'same' || (found.outcome === 'different' && found.largestDifference <= tolerance);
        const isBlank = (await room.figures()).greys < 2;
        seen.push({
          place,
          outcome: isSame
            ? `same${isBlank ? ' (flat)' : ''}`
            : `${found.outcome} ${found.code} by ${found.largestDifference}`,
        });
        if (!isSame) await picture(window, `sweep-${seen.length}`);
      }
    }
  },
);

/**
 * The objects in rounds, each for a store of its own: several are variants of one object under one UID, which one store
 * would keep aside as conflicts, or put two names under one study.
 */
function makeRounds(source: string): string[][] {
  const all = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.dcm$/.test(name) && statSync(path.join(source, name)).isFile())
    .sort();
  const rounds: { files: string[]; objects: Set<string>; people: Map<string, string> }[] = [];
  for (const name of isWhole ? all : choose(all)) {
    const { object, study, person: named } = identityOf(readFileSync(path.join(source, name)));
    const fits = rounds.find((round) => !round.objects.has(object) && (round.people.get(study) ?? named) === named);
    const round = fits ?? { files: [], objects: new Set<string>(), people: new Map<string, string>() };
    if (!fits) rounds.push(round);
    round.files.push(name);
    round.objects.add(object);
    round.people.set(study, named);
  }
  // The sample stays with one store: what it leaves out, the soak takes up.
  return rounds.slice(0, isWhole ? rounds.length : 1).map(({ files }) => files);
}

/** The fixed-seed sample: one slice of the big study, the rest from everything else. */
function choose(all: readonly string[]): string[] {
  const random = seededRandom('display-sweep');
  const pick = (from: string[], count: number): string[] => {
    const left = [...from];
    return Array.from(
      { length: Math.min(count, left.length) },
      () => left.splice(Math.floor(random.next() * left.length), 1)[0] ?? '',
    );
  };
  const isBig = (name: string) => name.startsWith('ct-phantom');
  return [
    ...pick(all.filter(isBig), 1),
    ...pick(
      all.filter((name) => !isBig(name)),
      filesInSample - 1,
    ),
  ];
}

/** Which object this is, of which study, of whom. What can't be read stands for itself. */
function identityOf(bytes: Uint8Array): { object: string; study: string; person: string } {
  try {
    const header = dicomParser.parseDicom(bytes, { untilTag: 'x0020000e' });
    const text = (tag: string) => header.string(tag) ?? '';
    return {
      object: text('x00080018') || String(unread++),
      study: text('x0020000d'),
      person: [text('x00100010'), text('x00100020'), text('x00100021'), text('x00100030')].join('|'),
    };
  } catch {
    return { object: String(unread++), study: '', person: '' };
  }
}
let unread = 0;
