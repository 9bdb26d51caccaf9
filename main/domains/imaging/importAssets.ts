import { Failure } from '../../../app/shared/failure.ts';
import type { AssetHandler } from '../../core.ts';
import { importLimits } from './import/importLimits.ts';

/**
 * `POST /imports/<jobId>/files`: one file of an upload. Body: its bytes; header `x-salus-path`: its relative path,
 * URI-encoded, for the summary only. Answers 204 when the file has been read; what became of it is in the summary.
 */
export const importAssets: AssetHandler = async (request, context) => {
  const jobId = /^\/imports\/([0-9a-f-]{36})\/files$/.exec(new URL(request.url).pathname)?.[1];
  if (jobId === undefined) throw new Failure('imaging.importUnknown', 'no such address');
  if (request.method !== 'POST') return new Response(null, { status: 405, headers: { allow: 'POST' } });
  if (!context.can('studies.import')) throw new Failure('security.notAllowed', 'importing needs studies.import');
  const { imaging } = context.services();
  const author = context.author();
  // Whose upload it is comes first: up to a gigabyte is held in memory for the asking.
  await imaging.awaitUpload(jobId, author);
  const bytes = await readBody(request, importLimits.uploadBytes);
  await imaging.upload(jobId, author, decodePath(request.headers.get('x-salus-path')), bytes);
  return new Response(null, { status: 204 });
};

function decodePath(header: string | null): string {
  try {
    const path = decodeURIComponent(header ?? '').slice(0, 4096);
    return path === '' ? 'file' : path;
  } catch {
    return 'file';
  }
}

/** The whole body in memory, in a buffer of its own. @throws Failure('imaging.tooLarge') */
async function readBody(request: Request, limit: number): Promise<ArrayBuffer> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  const tooLarge = () => new Failure('imaging.tooLarge', 'the file is too large to be sent by a window');
  if (declared > limit) throw tooLarge();
  if (request.body === null) return new ArrayBuffer(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes.buffer;
}
