import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import dicomParser from 'dicom-parser';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Series } from '../../app/domains/imaging/imagingSchema.ts';
import { seededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { have } from '../../scripts/services.ts';
import { launchBrowser, openWindow, picture, type SalusWindow } from './harness/chromiumWindow.ts';
import { withGivenUids } from './harness/givenUids.ts';
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

const everything = { filter: {}, sort: { key: 'receivedAt', direction: 'descending' } } as const;

interface Seen {
  readonly place: string;
  readonly outcome: string;
}

/**
 * Every public test object in the real viewport: its stored values are those of the host's decoder (which is compared
 * with DCMTK and pydicom elsewhere), or the viewport says why there is no picture and the host has none either. In the
 * soak every frame of every file is accounted for: drawn, refused, or in an object without pixels.
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
    /** `SOP Instance UID/frame` of what was looked at. */
    const looked = new Set<string>();
    /** File of each SOP Instance UID of the store that is open. */
    let fileOf = new Map<string, string>();
    const givenUids: string[] = [];
    const notImported: string[] = [];
    const notDisplayable: string[] = [];

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
      const rounds = makeRounds(shared as string);
      for (const [round, files] of rounds.entries()) {
        await openRound(round, files);
        const { total } = await program.client.worklist.list(everything);
        for (let index = 0; index < total; index += 1) await sweepRow(index);
        await accountForAll();
        complaints.push(...window.complaints());
        await window.close();
        await host.stop();
      }
      const refused = seen.filter(({ outcome }) => outcome.startsWith('said'));
      const lines = [
        `${rounds.flat().length} files: ${seen.length} frames looked at, ${seen.length - refused.length} drawn`,
        ...refused.map(({ place, outcome }) => `refused frame: ${place}: ${outcome}`),
        ...givenUids.map((file) => `given UIDs to be imported at all: ${file}`),
        ...notDisplayable.map((file) => `no pixels in it: ${file}`),
        ...notImported.map((file) => `refused by the import: ${file}`),
        ...(isWhole ? seen.map(({ place, outcome }) => `${outcome}: ${place}`) : []),
      ];
      console.log(lines.join('\n'));
      expect(seen.filter(({ outcome }) => !/^(same|said)/.test(outcome))).toEqual([]);
      expect(seen.filter(({ outcome }) => outcome.startsWith('same')).length).toBeGreaterThan(isWhole ? 300 : 8);
      expect(complaints).toEqual([]);
    });

    /** A fresh store with these files, and a window on its worklist. */
    async function openRound(round: number, files: readonly string[]): Promise<void> {
      const source = path.join(folder, `source-${round}`);
      for (const name of files) {
        const file = path.join(source, name);
        mkdirSync(path.dirname(file), { recursive: true });
        const original = readFileSync(path.join(shared as string, name));
        const given = withGivenUids(original);
        if (given) givenUids.push(name);
        writeFileSync(file, given ?? original);
      }
      host = await startHost({ home: path.join(folder, `home-${round}`) });
      program = await host.connect(host.address);
      await program.client.security.setUp({ ...person, language: 'en', siteName: '' });
      await program.client.security.confirmRecoveryKey();
      fileOf = new Map(files.map((name) => [identityOf(readFileSync(path.join(source, name))).object, name] as const));
      const { jobId } = await program.client.imaging.importPaths({ paths: [source] });
      expect((await waitForJob(program.client, jobId)).state).toBe('done');
      const { rejected } = await program.client.imaging.getImportSummary({ jobId });
      notImported.push(...rejected.map(({ path: file, reason }) => `${path.relative(source, file)} (${reason})`));
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
      const opened = page.waitForRequest(/\/series\/[\d.]+\/metadata$/).catch(() => undefined);
      const read = page.getByRole('button', { name: window.text('worklist:preview.read') });
      await read.waitFor();
      // A study of two identities is refused here; tests/safety looks at that.
      expect(await read.isDisabled()).toBe(false);
      await read.click();
      await new ReadingRoomPage(window).root.waitFor();
      // Nothing of it can be drawn, such as a structured report: the room opens and offers nothing.
      if ((await page.locator('[data-testid="thumbnail"]:enabled').count()) === 0) return;
      const uids = /studies\/([\d.]+)\/series\/([\d.]+)\//.exec((await opened)?.url() ?? '');
      const studyUid = uids?.[1];
      if (studyUid === undefined) throw new Error('the room asks for no series');
      const { series } = await program.client.imaging.getStudy({ studyUid });
      for (const each of series.filter(({ frameCount }) => frameCount > 0)) await sweepSeries(studyUid, each);
    }

    /** Every series of the store with something to draw was looked at; in the soak, every frame of every object. */
    async function accountForAll(): Promise<void> {
      const { rows } = await program.client.worklist.list({ ...everything, limit: 500 });
      const missed: string[] = [];
      for (const { studyUid } of rows) {
        const { series } = await program.client.imaging.getStudy({ studyUid });
        for (const { seriesUid } of series) {
          const instances = await program.client.imaging.listInstances({ studyUid, seriesUid });
          const images = instances.filter(({ isImage }) => isImage);
          notDisplayable.push(
            ...instances.filter(({ isImage }) => !isImage).map(({ sopUid }) => fileOf.get(sopUid) ?? sopUid),
          );
          const frames = images.flatMap(({ sopUid, frames: count }) =>
            Array.from({ length: count }, (_, index) => `${sopUid}/${index + 1}`),
          );
          const left = frames.filter((frame) => !looked.has(frame));
          if (isWhole ? left.length > 0 : left.length > 0 && left.length === frames.length) missed.push(...left);
        }
      }
      expect(missed).toEqual([]);
    }

    /** The code with which the host refuses a frame, or undefined when it decodes it. */
    async function hostRefusal(
      studyUid: string,
      seriesUid: string,
      { sopUid, frame }: { sopUid: string; frame: number },
    ): Promise<string | undefined> {
      const native = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1';
      const asset = `/dicomweb/studies/${studyUid}/series/${seriesUid}/instances/${sopUid}/frames/${frame}`;
      const answer = await program.fetchAsset(asset, { headers: { accept: native } });
      return answer.ok ? undefined : ((await answer.json()) as { code: string }).code;
    }

    async function sweepSeries(studyUid: string, series: Series): Promise<void> {
      const room = new ReadingRoomPage(window);
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
        const wantedFrame = await room.wanted();
        looked.add(`${wantedFrame.sopUid}/${wantedFrame.frame}`);
        const place = `${fileOf.get(wantedFrame.sopUid) ?? wantedFrame.sopUid} frame ${wantedFrame.frame}`;
        if (state.status === 'failed') {
          const said = await room.messageOf();
          const code = state.failureCode ?? '';
          const isSaid = patternOf('en', `failures:${code}`).test(said.split('\n')[0] ?? '');
          // A reason is right only when the host has none to show either.
          const refusal = await hostRefusal(studyUid, series.seriesUid, wantedFrame);
          const verdict = !isSaid ? 'mute' : refusal === undefined ? 'the host decodes it' : 'said';
          seen.push({ place, outcome: `${verdict} ${code} (the host: ${refusal ?? 'decodes it'}): ${said}` });
          continue;
        }
        const found = await compareWithHost(window, studyUid, series.seriesUid);
        const isSame = found.outcome === 'same';
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
