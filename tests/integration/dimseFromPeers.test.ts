import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import { decodeDataset } from '../../main/dicom/readDataset.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import { rawDataSet } from '../../main/domains/imaging/testObjects.ts';
import { have } from '../../scripts/services.ts';

import {
  bytesOf,
  ctImage,
  echoWish,
  explicit,
  jpegLossless,
  listen,
  open,
  plain,
  run,
  slice,
  sliceFile,
  studyFind,
  until,
} from './dimsePeer.ts';

describe.skipIf(!have('dcmtk'))('DIMSE from DCMTK (needs DCMTK)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'salus-dimse-'));
    await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        writeFile(join(folder, `${index + 1}.dcm`), sliceFile(index + 1, (index + 1) * 64_000)),
      ),
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('answers echoscu and takes from storescu byte for byte, in short PDUs and long ones', async () => {
    const { acceptor, objects, reports, problems } = await listen();
    const port = String(acceptor.port);
    expect(await run('echoscu', '-aet', 'MODALITY', '-aec', 'SALUS', 'localhost', port)).toMatchObject({ code: 0 });
    for (const pdu of ['4096', '131072']) {
      objects.length = 0;
      const sent = await run('storescu', '--max-send-pdu', pdu, '-xe', '+sd', 'localhost', port, folder);
      expect(sent).toMatchObject({ code: 0 });
      expect(objects).toHaveLength(6);
      for (const { sopInstanceUid, bytes, transferSyntaxUid } of objects) {
        const number = Number(sopInstanceUid.split('.').at(-1));
        expect(transferSyntaxUid).toBe(explicit);
        expect(bytes.equals(rawDataSet(slice(number, number * 64_000)))).toBe(true);
      }
    }
    await until(() => reports.length === 3);
    expect(reports.map(({ ending, objects: stored }) => [ending, stored])).toEqual([
      ['released', 0],
      ['released', 6],
      ['released', 6],
    ]);
    expect(reports[0]).toMatchObject({ callingAe: 'MODALITY', calledAe: 'SALUS', address: '127.0.0.1' });
    expect(problems).toEqual([]);
    await acceptor.close();
  });

  it('rejects with the reason it was given, and where no place is left', async () => {
    const { acceptor, reports } = await listen({
      limits: { associations: 1 },
      answer: ({ calledAe }) =>
        calledAe === 'SALUS'
          ? { accept: true, transferSyntaxesOf: () => plain }
          : { accept: false, result: 1, source: 1, reason: 7 },
    });
    const port = String(acceptor.port);
    const wrong = await run('echoscu', '-aec', 'WRONG', 'localhost', port);
    expect(wrong.code).not.toBe(0);
    expect(wrong.said).toContain('Called AE Title Not Recognized');
    expect(reports[0]).toMatchObject({ ending: 'rejected', details: { result: 1, source: 1, reason: 7 } });
    const first = await open({ port: acceptor.port, aeTitle: 'SALUS' }, [echoWish]);
    const second = await run('echoscu', '-aec', 'SALUS', 'localhost', port);
    expect(second.code).not.toBe(0);
    expect(second.said).toContain('Local Limit Exceeded');
    expect(acceptor.open).toBe(1);
    await first.release();
    await until(() => acceptor.open === 0);
    expect(await run('echoscu', '-aec', 'SALUS', 'localhost', port)).toMatchObject({ code: 0 });
    await acceptor.close();
  });

  it('takes the transfer syntaxes that it wants, and refuses the rest', async () => {
    const { acceptor, objects } = await listen({
      answer: () => ({ accept: true, transferSyntaxesOf: (uid) => (uid === ctImage ? [jpegLossless] : []) }),
    });
    const sent = await run('storescu', '-xe', 'localhost', String(acceptor.port), join(folder, '1.dcm'));
    expect(sent.code).not.toBe(0);
    expect(sent.said).toContain('No Acceptable Presentation Contexts');
    expect(objects).toEqual([]);
    await acceptor.close();
  });

  it('answers the status it is told, a failure for what was thrown or not read, and aborts what is too long', async () => {
    const says: (() => Promise<{ status: number; comment?: string }>)[] = [
      async () => ({ status: 0xa700, comment: 'Out of resources' }),
      async () => {
        throw new Error('no disk');
      },
      async () => ({ status: 0 }),
    ];
    const { acceptor, problems, reports } = await listen({
      limits: { objectBytes: 300_000 },
      take: async (object) => (says.shift() ?? (() => bytesOf(object.dataset).then(() => ({ status: 0 }))))(),
    });
    const sent = await run('storescu', '-v', '-nh', '-xe', 'localhost', String(acceptor.port), ...files([1, 2, 3, 4]));
    expect(sent.said.match(/Received Store Response \((.*)\)/g)).toEqual([
      'Received Store Response (Refused: OutOfResources)',
      'Received Store Response (Unknown Status: 0x110)',
      'Received Store Response (Unknown Status: 0x110)',
      'Received Store Response (Success)',
    ]);
    expect(problems).toEqual([new Error('no disk')]);
    const tooLong = await run('storescu', '-xe', 'localhost', String(acceptor.port), join(folder, '6.dcm'));
    expect(tooLong.code).not.toBe(0);
    await until(() => reports.length === 2);
    expect(reports[1]).toMatchObject({ ending: 'protocol', details: { limit: 'objectBytes', most: 300_000 } });
    await acceptor.close();
  });

  it('takes from 16 at once', async () => {
    const { acceptor, objects, reports } = await listen();
    const sent = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        run('storescu', '-aet', `SENDER${index}`, '+sd', 'localhost', String(acceptor.port), folder),
      ),
    );
    expect(sent.map(({ code }) => code)).toEqual(Array(16).fill(0));
    expect(objects).toHaveLength(16 * 6);
    await until(() => reports.length === 16);
    await acceptor.close();
  });

  it('answers findscu, and stops when it cancels', async () => {
    const asked: { abstractSyntax: string; callingAe: string; keys: JsonDataSet }[] = [];
    let stopped = false;
    let most = 100;
    const { acceptor, problems } = await listen({
      async *find({ abstractSyntax, callingAe, keys, transferSyntaxUid, signal }) {
        asked.push({ abstractSyntax, callingAe, keys: decodeDataset(keys, transferSyntaxUid) });
        try {
          for (let number = 1; number <= most && !signal.aborted; number += 1) {
            yield encodeDataset(
              {
                '00080052': { vr: 'CS', Value: ['STUDY'] },
                '00100020': { vr: 'LO', Value: [`ID-${number}`] },
              },
              transferSyntaxUid,
            );
          }
        } finally {
          stopped = signal.aborted;
        }
      },
    });
    const key = ['-k', '0008,0052=STUDY', '-k', 'PatientID', '-k', 'PatientName=T*'];
    const all = await run('findscu', '-v', '-S', ...key, 'localhost', String(acceptor.port));
    expect(all.code).toBe(0);
    expect(all.said.match(/\(0010,0020\) LO \[ID-\d+ *\]/g)).toHaveLength(most);
    most = Number.POSITIVE_INFINITY;
    expect(asked[0]).toMatchObject({ abstractSyntax: studyFind, callingAe: 'FINDSCU' });
    expect(asked[0]?.keys['00100010']?.Value).toEqual([{ Alphabetic: 'T*' }]);
    const cancelled = await run('findscu', '-v', '-S', '--cancel', '3', ...key, 'localhost', String(acceptor.port));
    expect(cancelled.code).toBe(0);
    await until(() => stopped);
    expect(problems).toEqual([]);
    await acceptor.close();
  });

  const files = (numbers: number[]) => numbers.map((number) => join(folder, `${number}.dcm`));
});
