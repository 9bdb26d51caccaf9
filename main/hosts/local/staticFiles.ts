import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.bcmap': 'application/octet-stream',
  '.pfb': 'application/octet-stream',
};

/**
 * A file of the page, or undefined. The address must be plain: once decoded it may hold no empty, hidden or upward
 * step, no backslash and no NUL, its type must be one that a page has, and where it leads on the disk (links followed)
 * must lie in the page's folder.
 *
 * @param pathname of the request, still percent-encoded
 */
export async function findStaticFile(folder: string, pathname: string): Promise<string | undefined> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  const steps = (decoded === '/' ? '/index.html' : decoded).split('/').slice(1);
  if (steps.some((step) => step === '' || step.startsWith('.') || /[\\:%]/.test(step) || hasControlCharacter(step)))
    return undefined;
  const wanted = path.join(folder, ...steps);
  if (!(path.extname(wanted).toLowerCase() in mediaTypes)) return undefined;
  try {
    const [file, root] = await Promise.all([realpath(wanted), realpath(folder)]);
    const isInside = file.startsWith(root + path.sep);
    return isInside && (await stat(file)).isFile() ? file : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The reply with a file's bytes; headers of the page are added by the server. */
export async function readStaticFile(file: string): Promise<Response> {
  const { size } = await stat(file);
  return new Response(Readable.toWeb(createReadStream(file)) as ReadableStream as globalThis.ReadableStream, {
    headers: {
      'content-type': mediaTypes[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
      'content-length': String(size),
    },
  });
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ');
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '');
}
