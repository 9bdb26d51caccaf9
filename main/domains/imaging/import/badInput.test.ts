import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestImaging, type TestImaging } from '../testImaging.ts';
import { aSlice, type RawElements, rawDataSet, rawElement, rawFile } from '../testObjects.ts';
import { makeZip } from '../testZip.ts';

let t: TestImaging;
let folder: string;

beforeEach(async () => {
  t = await openTestImaging();
  folder = mkdtempSync(join(tmpdir(), 'salus-import-'));
});
afterEach(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (name: string, bytes: Buffer | string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
};

async function importAll(...paths: string[]) {
  const job = await t.importPaths(...(paths.length > 0 ? paths : [folder]));
  const summary = t.imaging.getImportSummary(job.jobId);
  const reasons = Object.fromEntries(
    summary.rejected.map(({ path, reason }) => [path.replace(`${folder}/`, ''), reason]),
  );
  return { job, summary, reasons };
}

const slice = (more: RawElements = {}) => aSlice({ more });

describe('bad input', () => {
  it('gives each file its own reason and takes the rest of the batch', async () => {
    const good = slice();
    put('good.dcm', good);
    put('notes.txt', 'nothing medical in here, only a sentence that goes on for a while');
    put('empty.dcm', '');
    put('cut-in-header.dcm', good.subarray(0, 500));
    put('cut-in-pixels.dcm', good.subarray(0, good.length - 2));
    put('no-study.dcm', slice({ '0020000D': null }));
    put('no-series.dcm', slice({ '0020000E': null }));
    put('no-sop.dcm', slice({ '00080018': null }));
    put('bad-uid.dcm', slice({ '0020000E': ['UI', 'REMSAMPLES1'] }));
    put('long-uid.dcm', slice({ '0020000E': ['UI', '1.2.'.repeat(17)] }));
    put('directory.dcm', rawFile({ '00080016': ['UI', '1.2.840.10008.1.3.10'], '00041220': ['SQ', Buffer.alloc(0)] }));
    put('prefix-only.dcm', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]));
    put(
      'huge-element.dcm',
      Buffer.concat([rawFile({ '00080018': ['UI', '1.2'] }), rawElement('00100010', 'PN', 'x', 60_000)]),
    );
    const { job, summary, reasons } = await importAll();
    expect(job.state).toBe('done');
    expect(summary).toMatchObject({ imported: 1, duplicates: 0, conflicts: 0 });
    expect(reasons).toEqual({
      'notes.txt': 'imaging.notDicom',
      'empty.dcm': 'imaging.emptyFile',
      'cut-in-header.dcm': 'imaging.truncated',
      'cut-in-pixels.dcm': 'imaging.truncated',
      'no-study.dcm': 'imaging.missingUid',
      'no-series.dcm': 'imaging.missingUid',
      'no-sop.dcm': 'imaging.missingUid',
      'bad-uid.dcm': 'imaging.invalidUid',
      'long-uid.dcm': 'imaging.invalidUid',
      'directory.dcm': 'imaging.isDicomdir',
      'prefix-only.dcm': 'imaging.missingUid',
      'huge-element.dcm': 'imaging.truncated',
    });
    expect(job.counts).toEqual({ imported: 1, duplicates: 0, conflicts: 0, rejected: 12 });
  });

  it('keeps what is complete though odd: no pixels, empty pixels, absurd dimensions, no end of stream', async () => {
    put('no-pixels.dcm', slice({ '7FE00010': null }));
    put('empty-pixels.dcm', slice({ '7FE00010': ['OW', Buffer.alloc(0)] }));
    put('absurd.dcm', slice({ '00280010': ['US', 65535], '00280011': ['US', 65535] }));
    put(
      'bare.dcm',
      rawDataSet({
        '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
        '00080018': ['UI', '1.9.1'],
        '00100020': ['LO', 'X'],
        '0020000D': ['UI', '1.9'],
        '0020000E': ['UI', '1.9.2'],
      }),
    );
    const fragment = (bytes: Buffer) => {
      const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
      head.writeUInt32LE(bytes.length, 4);
      return Buffer.concat([head, bytes]);
    };
    const encapsulated = (frames: string, ...tail: Buffer[]) => {
      const start = rawElement('7FE00010', 'OB', Buffer.alloc(0), 0xffffffff);
      const elements = { ...uids(), '00280008': ['IS', frames] as const };
      return rawFile(elements, { transferSyntaxUid: '1.2.840.10008.1.2.4.50' }, Buffer.concat([start, ...tail]));
    };
    const two = [fragment(Buffer.alloc(0)), fragment(Buffer.alloc(64, 1)), fragment(Buffer.alloc(64, 2))];
    put('no-delimiter.dcm', encapsulated('2', ...two));
    put('frame-missing.dcm', encapsulated('3', ...two));
    put('fragment-cut.dcm', encapsulated('2', ...two.slice(0, 2), (two[2] as Buffer).subarray(0, 30)));
    const { summary, reasons } = await importAll();
    expect(summary.imported).toBe(5);
    expect(reasons).toEqual({ 'frame-missing.dcm': 'imaging.truncated', 'fragment-cut.dcm': 'imaging.truncated' });
  });

  it('does not read a sparse file of 10 GB, and refuses a huge one that claims to be DICOM', async () => {
    const zeros = put('zeros.bin', '');
    truncateSync(zeros, 10 * 1024 ** 3);
    const claims = put('claims.dcm', slice());
    truncateSync(claims, 10 * 1024 ** 3);
    const before = process.memoryUsage().rss;
    const { reasons } = await importAll();
    expect(reasons).toEqual({ 'zeros.bin': 'imaging.notDicom', 'claims.dcm': 'imaging.tooLarge' });
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  it('reports loops, pipes and what cannot be read, and goes on', async () => {
    put('a/one.dcm', slice());
    symlinkSync('..', join(folder, 'a', 'up'));
    symlinkSync('self', join(folder, 'self'));
    symlinkSync('nowhere', join(folder, 'broken'));
    put('b/two.dcm', slice());
    symlinkSync('../a', join(folder, 'b', 'to-a'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { job, summary, reasons } = await importAll();
    expect(job.state).toBe('done');
    expect(summary.imported).toBe(2);
    // a is walked once as itself and once through b's link, in which its own link leads up again.
    expect(summary.duplicates).toBe(1);
    expect(reasons).toEqual({
      'a/up': 'imaging.symlinkLoop',
      'b/to-a/up': 'imaging.symlinkLoop',
      self: 'imaging.symlinkLoop',
      broken: 'imaging.pathUnreadable',
      pipe: 'imaging.pathUnreadable',
    });
  });

  it('says that a path does not exist', async () => {
    const { summary } = await importAll(join(folder, 'missing'));
    expect(summary.rejected).toEqual([{ path: join(folder, 'missing'), reason: 'imaging.pathUnreadable' }]);
  });

  it.skipIf(process.getuid?.() === 0)('reports a folder that may not be read (needs an ordinary user)', async () => {
    put('closed/one.dcm', slice());
    chmodSync(join(folder, 'closed'), 0);
    try {
      expect((await importAll()).reasons).toEqual({ closed: 'imaging.pathUnreadable' });
    } finally {
      chmodSync(join(folder, 'closed'), 0o700);
    }
  });
});

describe('zip archives', () => {
  it('are unpacked in memory, archives inside them too, down to a depth', async () => {
    let inner = makeZip([{ name: 'deep.dcm', content: slice() }]);
    for (let depth = 2; depth <= 4; depth += 1) {
      inner = makeZip([
        { name: `level${depth}.dcm`, content: slice() },
        { name: 'inner.zip', content: inner, stored: true },
      ]);
    }
    put('archive.zip', inner);
    const { summary, reasons } = await importAll();
    expect(summary.imported).toBe(3);
    expect(reasons).toEqual({ 'archive.zip/inner.zip/inner.zip/inner.zip': 'imaging.zipTooDeep' });
  });

  it('refuse names that lead out, and take the rest', async () => {
    put(
      'slip.zip',
      makeZip([
        { name: '../../escape.dcm', content: slice() },
        { name: '/absolute.dcm', content: slice() },
        { name: 'C:/windows.dcm', content: slice() },
        { name: 'a/../../b.dcm', content: slice() },
        { name: 'folder/fine.dcm', content: slice() },
        { name: 'readme.txt', content: Buffer.from('hello there') },
        { name: 'DICOMDIR', content: Buffer.from('ignored') },
        { name: 'empty.dcm', content: Buffer.alloc(0) },
      ]),
    );
    const { summary, reasons } = await importAll();
    expect(summary.imported).toBe(1);
    expect(Object.values(reasons).sort()).toEqual([
      'imaging.emptyFile',
      'imaging.notDicom',
      'imaging.zipSlip',
      'imaging.zipSlip',
      'imaging.zipSlip',
      'imaging.zipSlip',
    ]);
  });

  it('stop at a bomb without unpacking it', async () => {
    const bomb = Buffer.concat([slice().subarray(0, 700), Buffer.alloc(200 * 1024 ** 2)]);
    put(
      'bomb.zip',
      makeZip([
        { name: 'before.dcm', content: slice() },
        { name: 'bomb.dcm', content: bomb },
      ]),
    );
    put('zeros.zip', makeZip([{ name: 'zeros', content: Buffer.alloc(100 * 1024 ** 2) }]));
    const { summary, reasons } = await importAll();
    expect(summary.imported).toBe(1);
    expect(reasons).toEqual({ 'bomb.zip': 'imaging.zipBomb', 'zeros.zip/zeros': 'imaging.notDicom' });
  });

  it('report what is damaged', async () => {
    const whole = makeZip([
      { name: 'good.dcm', content: slice() },
      { name: 'wrong-sum.dcm', content: slice(), claimedCrc: 1 },
    ]);
    put('sum.zip', whole);
    put('cut.zip', whole.subarray(0, whole.length - 30));
    const { summary, reasons } = await importAll();
    expect(summary.imported).toBe(1);
    expect(reasons).toEqual({ 'sum.zip/wrong-sum.dcm': 'imaging.zipDamaged', 'cut.zip': 'imaging.zipDamaged' });
  });
});

describe('media directories', () => {
  const record = (...components: string[]) => {
    const content = rawDataSet({ '00041430': ['CS', 'IMAGE'], '00041500': ['CS', components.join('\\')] });
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content]);
  };
  const directory = (...records: Buffer[]) =>
    rawFile({ '00041130': ['CS', 'TEST'], '00041220': ['SQ', Buffer.concat(records)] });

  it('are followed inside their own folder and nowhere else', async () => {
    put('medium/IMAGES/IM1', slice());
    put('medium/images2/im2', slice());
    put('medium/UNLISTED', slice());
    put('secret.dcm', slice());
    symlinkSync(join(folder, 'secret.dcm'), join(folder, 'medium', 'LINK'));
    const path = put(
      'medium/DICOMDIR',
      directory(
        record('IMAGES', 'IM1'),
        record('IMAGES2', 'IM2'),
        record('..', 'secret.dcm'),
        record('/etc', 'passwd'),
        record('LINK'),
        record('IMAGES', 'GONE'),
      ),
    );
    const { summary } = await importAll(path);
    expect(summary.imported).toBe(2);
    expect(summary.rejected.map(({ reason }) => reason).sort()).toEqual([
      'imaging.dicomdirMissingFile',
      'imaging.dicomdirOutside',
      'imaging.dicomdirOutside',
      'imaging.dicomdirOutside',
    ]);
  });

  it('in a folder only say what they miss: the folder is walked anyway', async () => {
    put('IM1', slice());
    put('UNLISTED', slice());
    put('DICOMDIR', directory(record('IM1'), record('GONE')));
    const { summary } = await importAll();
    expect(summary.imported).toBe(2);
    expect(summary.rejected.map(({ reason }) => reason)).toEqual(['imaging.dicomdirMissingFile']);
  });
});

function uids(): RawElements {
  const study = `1.2.77.${Math.floor(Math.random() * 1e9)}`;
  return {
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.6.1'],
    '00080018': ['UI', `${study}.1`],
    '00100020': ['LO', 'X'],
    '0020000D': ['UI', study],
    '0020000E': ['UI', `${study}.2`],
  };
}
