/** What the DIMSE tests share: objects, keys, and both sides of an association. */
import { spawn } from 'node:child_process';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import type {
  AcceptorInput,
  AssociationReport,
  ContextWish,
  IncomingObject,
  RequestedAssociation,
} from '../../main/dicom/dimse/dimse.ts';
import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import { startAcceptor } from '../../main/dicom/dimse/startAcceptor.ts';
import { encodeDataset } from '../../main/dicom/writeDataset.ts';
import { type RawElements, rawFile } from '../../main/domains/imaging/testObjects.ts';
import { programOf } from '../../scripts/services.ts';

export const verification = '1.2.840.10008.1.1';
export const ctImage = '1.2.840.10008.5.1.4.1.1.2';
export const studyFind = '1.2.840.10008.5.1.4.1.2.2.1';
export const studyMove = '1.2.840.10008.5.1.4.1.2.2.2';
export const studyGet = '1.2.840.10008.5.1.4.1.2.2.3';
export const worklistFind = '1.2.840.10008.5.1.4.31';
export const implicit = '1.2.840.10008.1.2';
export const explicit = '1.2.840.10008.1.2.1';
export const jpegLossless = '1.2.840.10008.1.2.4.70';
export const plain = [explicit, implicit];
export const study = '1.2.826.0.1.77';

export const echoWish: ContextWish = { abstractSyntax: verification, transferSyntaxes: [implicit] };
export const ctWish: ContextWish = { abstractSyntax: ctImage, transferSyntaxes: [explicit] };

/** A CT slice of any size: what a peer needs to store, list and send it. */
export function slice(number: number, pixelBytes = 2048): RawElements {
  return {
    '00080016': ['UI', ctImage],
    '00080018': ['UI', `${study}.1.${number}`],
    '00080020': ['DA', '20260301'],
    '00080030': ['TM', '101500'],
    '00080050': ['SH', 'ACC1'],
    '00080060': ['CS', 'CT'],
    '00100010': ['PN', 'Test^Person'],
    '00100020': ['LO', 'ID-001'],
    '00100030': ['DA', '19600102'],
    '00100040': ['CS', 'F'],
    '0020000D': ['UI', study],
    '0020000E': ['UI', `${study}.1`],
    '00200010': ['SH', 'S1'],
    '00200011': ['IS', '1'],
    '00200013': ['IS', String(number)],
    '00280002': ['US', 1],
    '00280004': ['CS', 'MONOCHROME2'],
    '00280010': ['US', 8],
    '00280011': ['US', pixelBytes / 16],
    '00280100': ['US', 16],
    '00280101': ['US', 12],
    '00280102': ['US', 11],
    '00280103': ['US', 0],
    '7FE00010': ['OW', Buffer.alloc(pixelBytes, number)],
  };
}

export function sliceFile(number: number, pixelBytes?: number): Buffer {
  return rawFile(slice(number, pixelBytes));
}

export const keysOf =
  (keys: JsonDataSet) =>
  (transferSyntaxUid: string): Uint8Array =>
    encodeDataset(keys, transferSyntaxUid);
export const instanceKeys = keysOf({
  '00080018': { vr: 'UI' },
  '00080052': { vr: 'CS', Value: ['IMAGE'] },
  '0020000D': { vr: 'UI', Value: [study] },
  '0020000E': { vr: 'UI', Value: [`${study}.1`] },
  '00200013': { vr: 'IS' },
});
export const studyKeys = keysOf({
  '00080052': { vr: 'CS', Value: ['STUDY'] },
  '00100010': { vr: 'PN' },
  '0020000D': { vr: 'UI', Value: [study] },
});

export function open(
  peer: { port: number; aeTitle?: string },
  contexts: readonly ContextWish[],
  more: Partial<Parameters<typeof openAssociation>[0]> = {},
): Promise<RequestedAssociation> {
  return openAssociation({
    host: 'localhost',
    port: peer.port,
    callingAe: 'SALUS',
    calledAe: peer.aeTitle ?? 'ANYONE',
    contexts,
    ...more,
  });
}

export async function run(name: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(programOf(name), args, { env: { ...process.env, TCP_NODELAY: '1' } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { code, said };
}

export async function bytesOf(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

/** An acceptor that takes whatever is in `plain`, and what it took and heard. */
export async function listen(more: Partial<AcceptorInput> = {}) {
  const objects: { sopInstanceUid: string; transferSyntaxUid: string; bytes: Buffer; from: string }[] = [];
  const reports: AssociationReport[] = [];
  const problems: unknown[] = [];
  const acceptor = await startAcceptor({
    host: '127.0.0.1',
    port: 0,
    answer: () => ({ accept: true, transferSyntaxesOf: () => plain }),
    async take(object: IncomingObject, { callingAe }) {
      const { sopInstanceUid, transferSyntaxUid } = object;
      objects.push({ sopInstanceUid, transferSyntaxUid, bytes: await bytesOf(object.dataset), from: callingAe });
      return { status: 0 };
    },
    ended: (report) => reports.push(report),
    failed: (problem) => problems.push(problem),
    ...more,
  });
  return { acceptor, objects, reports, problems };
}

export async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!done()) {
    if (Date.now() > deadline) throw new Error('it did not come');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
