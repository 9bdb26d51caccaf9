import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syntheticInstances } from '../../domains/imaging/samples/syntheticInstances.ts';

const entry = path.join(import.meta.dirname, 'cli.ts');
const password = 'correct horse 1';

let folder: string;
let home: string;
let dicom: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'salus-cli-'));
  home = path.join(folder, 'home');
  dicom = path.join(folder, 'dicom');
  mkdirSync(path.join(dicom, 'deep'), { recursive: true });
  let count = 0;
  for (const { bytes } of syntheticInstances({ count: 6, perSeries: 3 })) {
    count += 1;
    writeFileSync(path.join(dicom, count % 2 ? 'deep' : '', `${count}.dcm`), bytes);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  output: unknown;
  text: string;
  errors: string;
}

function salus(
  given: string[],
  {
    json = true,
    environment = {},
    input = '',
  }: { json?: boolean; environment?: NodeJS.ProcessEnv; input?: string } = {},
): Ended {
  const ended = spawnSync(process.execPath, [entry, ...given, '--home', home, ...(json ? ['--json'] : [])], {
    encoding: 'utf8',
    input,
    cwd: folder,
    // Called from a folder, not by the npm that runs this test: its INIT_CWD would be where paths count from.
    env: { ...process.env, INIT_CWD: undefined, SALUS_PASSWORD: password, ...environment },
  });
  const { stdout, stderr, status } = ended;
  const lines = stdout.trim().split('\n');
  // With --json, stdout is one document and nothing else.
  if (json) expect(lines).toHaveLength(1);
  return { code: status, output: json && stdout ? JSON.parse(stdout) : undefined, text: stdout, errors: stderr };
}

const hashesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) =>
      createHash('sha256')
        .update(readFileSync(path.join(item.parentPath, item.name)))
        .digest('hex'),
    )
    .sort();

describe('the command line', { timeout: 120_000 }, () => {
  it('says how it is used, and refuses what it does not understand', () => {
    expect(salus(['--help'], { json: false })).toMatchObject({
      code: 0,
      text: expect.stringContaining('verify-audit'),
    });
    expect(salus([], { json: false })).toMatchObject({ code: 2, text: '', errors: expect.stringContaining('Usage') });
    expect(salus(['--help'])).toMatchObject({ code: 0, output: { usage: expect.stringContaining('verify-audit') } });
    expect(salus([])).toMatchObject({ code: 2, output: { failure: 'usage' } });
    for (const given of [
      ['nonsense'],
      ['export', 'x'],
      ['studies', '--nonsense'],
      ['call', 'no.such'],
      ['report', 'x'],
      ['init', 'x'],
    ]) {
      expect(salus(given), given.join(' ')).toMatchObject({ code: 2, output: { failure: 'usage', exitCode: 2 } });
    }
  });

  it('tells that there is no store', () => {
    expect(salus(['studies'])).toMatchObject({ code: 4, output: { failure: 'security.notSetUp' } });
    expect(salus(['call', 'system.status'])).toMatchObject({ code: 0, output: { phase: 'empty' } });
  });

  it('never asks where nobody can answer', () => {
    const { code, output } = salus(['init'], { environment: { SALUS_PASSWORD: undefined } });
    expect({ code, output }).toMatchObject({ code: 2, output: { failure: 'usage' } });
  });

  it('makes the store and gives the recovery key', () => {
    expect(salus(['init', '--operator', 'x'])).toMatchObject({ code: 2, output: { failure: 'system.invalidInput' } });
    const { code, output } = salus(['init', '--operator', 'marie', '--full-name', 'Marie C.', '--language', 'fr']);
    expect(code).toBe(0);
    expect(output).toEqual({
      recoveryKey: expect.stringMatching(/^[0-9A-Z]{5}(-[0-9A-Z]{5}){7}$/),
      operatorName: 'marie',
      operatorId: expect.any(String),
      home,
    });
    expect(salus(['init'])).toMatchObject({ code: 4, output: { failure: 'security.alreadySetUp' } });
  });

  it('refuses a wrong name or password', () => {
    expect(salus(['studies'], { environment: { SALUS_PASSWORD: 'wrong' } })).toMatchObject({
      code: 3,
      output: { failure: 'security.wrongPassword' },
    });
    expect(salus(['studies', '--operator', 'nobody'])).toMatchObject({ code: 3 });
  });

  it('imports, knows what it has, and says why a file was rejected', () => {
    const first = salus(['import', dicom]);
    expect(first.code).toBe(0);
    expect(Object.keys(first.output as object).sort()).toEqual([
      'bytes',
      'conflicts',
      'duplicates',
      'imported',
      'rejected',
      'seconds',
    ]);
    expect(first.output).toMatchObject({
      imported: 6,
      duplicates: 0,
      conflicts: 0,
      rejected: [],
      bytes: expect.any(Number),
      seconds: expect.any(Number),
    });
    writeFileSync(path.join(dicom, 'notes.txt'), 'not DICOM');
    const again = salus(['import', 'dicom']);
    expect(again).toMatchObject({
      code: 0,
      output: {
        imported: 0,
        duplicates: 6,
        rejected: [{ path: path.join(dicom, 'notes.txt'), reason: 'imaging.notDicom' }],
      },
    });
    expect(salus(['import', path.join(dicom, 'notes.txt')])).toMatchObject({ code: 5, output: { imported: 0 } });
    expect(salus(['import', dicom], { json: false })).toMatchObject({
      code: 0,
      text: expect.stringContaining('6 already there'),
    });
    expect(salus(['import', path.join(folder, 'nowhere')])).toMatchObject({
      code: 5,
      output: { rejected: [{ reason: 'imaging.pathUnreadable' }] },
    });
  });

  it('lists studies, and exports the original bytes', () => {
    const { output } = salus(['studies']);
    const { studies } = output as { total: number; studies: { studyUid: string; instanceCount: number }[] };
    expect(output).toMatchObject({ total: 1, studies: [{ instanceCount: 6 }] });
    const target = path.join(folder, 'out');
    const exported = salus(['export', studies[0]?.studyUid ?? '', 'out']);
    expect(exported).toMatchObject({ code: 0, output: { files: 6, directory: target } });
    rmSync(path.join(dicom, 'notes.txt'));
    expect(hashesIn(target).filter((hash) => hashesIn(dicom).includes(hash))).toEqual(hashesIn(dicom));
    expect(salus(['export', '1.2.3', 'other'])).toMatchObject({ code: 1, output: { failure: 'imaging.studyUnknown' } });
    expect(salus(['studies', 'zzzz'])).toMatchObject({ code: 0, output: { total: 0 } });
  });

  it('writes, signs and exports a report', () => {
    const { studies } = salus(['studies']).output as { studies: { studyUid: string }[] };
    const input = JSON.stringify({ studyUid: studies[0]?.studyUid, language: 'en' });
    const draft = salus(['call', 'reports.openDraft', '-'], { input }).output as {
      reportId: string;
      version: number;
      sections: { required: boolean }[];
    };
    expect(salus(['report', 'export', draft.reportId])).toMatchObject({
      code: 1,
      output: { failure: 'reports.notSigned' },
    });
    const sections = draft.sections.map((section) => ({
      ...section,
      paragraphs: [{ content: [{ kind: 'text', text: 'Nothing of note.' }] }],
    }));
    const saved = salus(['call', 'reports.saveDraft', '-'], {
      input: JSON.stringify({ reportId: draft.reportId, baseVersion: draft.version, sections, keyImages: [] }),
    });
    expect(saved.code).toBe(0);
    expect(salus(['report', 'list'])).toMatchObject({
      code: 0,
      output: [{ reportId: draft.reportId, state: 'draft' }],
    });
    expect(salus(['report', 'show', draft.reportId], { json: false }).text).toContain('Nothing of note.');
    expect(salus(['report', 'sign', draft.reportId])).toMatchObject({
      code: 0,
      output: { state: 'signed', signedBy: expect.any(String) },
    });
    expect(salus(['report', 'export', draft.reportId, 'signed.pdf'])).toMatchObject({
      code: 0,
      output: { file: path.join(folder, 'signed.pdf') },
    });
    expect(readFileSync(path.join(folder, 'signed.pdf')).subarray(0, 5).toString()).toBe('%PDF-');
    expect(salus(['report', 'export', draft.reportId, 'signed.pdf'])).toMatchObject({ code: 2 });
  });

  it('checks, backs up, restores and rebuilds', () => {
    expect(salus(['verify-audit'])).toMatchObject({ code: 0, output: { ok: true, reason: 'intact' } });
    expect(salus(['doctor'])).toMatchObject({ code: 0, output: { ok: true } });
    const backup = path.join(folder, 'backup');
    expect(salus(['backup', backup])).toMatchObject({ code: 0, output: { state: 'done', directory: backup } });
    const before = salus(['studies']).output;
    const kept = path.join(folder, 'kept');
    cpSync(home, kept, { recursive: true });
    expect(salus(['restore', backup])).toMatchObject({ code: 4, output: { failure: 'storage.homeNotEmpty' } });
    rmSync(home, { recursive: true });
    expect(salus(['restore', backup])).toMatchObject({ code: 0, output: { home } });
    expect(salus(['studies']).output).toEqual(before);
    expect(salus(['rebuild-index'])).toMatchObject({ code: 0, output: { state: 'done' } });
    expect(salus(['studies']).output).toEqual(before);
    expect(salus(['report', 'list'])).toMatchObject({ output: [{ state: 'signed' }] });
  });

  it('makes an unreadable database again from the archive', () => {
    const before = salus(['studies']).output;
    for (const suffix of ['-wal', '-shm']) rmSync(path.join(home, `salus.db${suffix}`), { force: true });
    writeFileSync(path.join(home, 'salus.db'), Buffer.alloc(65_536, 7));
    expect(salus(['studies'])).toMatchObject({ code: 4, output: { failure: expect.stringMatching(/^storage\./) } });
    expect(salus(['rebuild-index'])).toMatchObject({ code: 0 });
    expect(salus(['studies']).output).toEqual(before);
  });

  it('streams a procedure that streams, and ends with a signal', async () => {
    const child = spawn(process.execPath, [entry, 'call', 'system.watchChanges', '--home', home, '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const first = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
    expect(JSON.parse(first)).toMatchObject({ topics: [] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Nothing happens in this store: it waits, and does not end by itself for want of anything to do.
    const waits = new Promise((resolve) => setTimeout(resolve, 2000, 'waits'));
    expect(await Promise.race([ended, waits])).toBe('waits');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });

  it('hands the password to no child and prints it nowhere', () => {
    const { text, errors } = salus([
      'call',
      'security.changePassword',
      JSON.stringify({ password: 'wrong', newPassword: 'another horse 2' }),
    ]);
    expect(text + errors).not.toMatch(/horse/);
  });
});
