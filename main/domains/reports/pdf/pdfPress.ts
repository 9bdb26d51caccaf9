import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Failure } from '../../../../app/shared/failure.ts';
import type { Platform } from '../../../platform/platform.ts';
import type { ReportPdfInput } from './reportPdfInput.ts';

/** Longest time one PDF may take, in milliseconds; past it the worker is ended. */
const limitMs = 60_000;
/** The worker ends after this long without work, in milliseconds. */
const idleMs = 30_000;

export interface PdfPress {
  /** @throws Failure('reports.pdfFailed') */
  print(input: Omit<ReportPdfInput, 'fonts'>): Promise<Uint8Array>;
  /** Ends the worker; what is being printed fails. */
  stop(): Promise<void>;
}

type Reply = { id: number; bytes: Uint8Array } | { id: number; error: string };

/** Prints reports in one worker thread, started when needed and ended when idle. */
export function openPdfPress(platform: Platform): PdfPress {
  let worker: Worker | undefined;
  let fonts: Promise<ReportPdfInput['fonts']> | undefined;
  let nextId = 1;
  let idle: NodeJS.Timeout | undefined;
  let stopped = false;
  const waiting = new Map<
    number,
    { resolve: (bytes: Uint8Array) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();

  /** Whoever still waits for a PDF hears that none comes. */
  const giveUp = (): Worker | undefined => {
    for (const entry of waiting.values()) {
      clearTimeout(entry.timer);
      entry.reject(new Failure('reports.pdfFailed', 'the PDF could not be made'));
    }
    waiting.clear();
    const ended = worker;
    worker = undefined;
    return ended;
  };

  const fail = (reason: string): void => {
    platform.log.error('the PDF worker failed', new Error(reason));
    void giveUp()?.terminate();
  };

  const start = (): Worker => {
    const started = new Worker(new URL('./reportPdf.worker.ts', import.meta.url));
    started.unref();
    started.on('message', (reply: Reply) => {
      const entry = waiting.get(reply.id);
      if (entry === undefined) return;
      waiting.delete(reply.id);
      clearTimeout(entry.timer);
      if ('bytes' in reply) entry.resolve(reply.bytes);
      else {
        platform.log.error('a PDF could not be made', new Error(reply.error));
        entry.reject(new Failure('reports.pdfFailed', 'the PDF could not be made'));
      }
    });
    started.on('error', (error) => {
      if (worker === started) fail(error.message);
    });
    started.on('exit', () => {
      if (worker === started) fail('the worker ended');
    });
    return started;
  };

  return {
    async print(input) {
      fonts ??= loadFonts(platform.resourcesDirectory).catch((error: unknown) => {
        fonts = undefined;
        throw error;
      });
      const message = { id: nextId++, input: { ...input, fonts: await fonts } };
      if (stopped) throw new Failure('reports.pdfFailed', 'the core is stopping');
      clearTimeout(idle);
      worker ??= start();
      const target = worker;
      // A thread at work keeps the process alive (a command line must not end before its PDF); an idle one does not.
      target.ref();
      try {
        return await new Promise<Uint8Array>((resolve, reject) => {
          const timer = setTimeout(() => fail('a PDF took too long'), limitMs);
          waiting.set(message.id, { resolve, reject, timer });
          target.postMessage(message);
        });
      } finally {
        if (waiting.size === 0) target.unref();
        clearTimeout(idle);
        idle = setTimeout(() => {
          if (waiting.size === 0) void giveUp()?.terminate();
        }, idleMs);
        idle.unref();
      }
    },
    async stop() {
      stopped = true;
      clearTimeout(idle);
      await giveUp()?.terminate();
    },
  };
}

/** DejaVu Sans: Latin with every French accent, Greek, Cyrillic and Arabic, free to embed. A packaged program carries it among its resources. */
async function loadFonts(resourcesDirectory: string): Promise<ReportPdfInput['fonts']> {
  const load = async (name: string): Promise<Uint8Array> => {
    try {
      return new Uint8Array(await readFile(join(resourcesDirectory, 'fonts', name)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return new Uint8Array(await readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}`)));
    }
  };
  const [regular, bold] = await Promise.all([load('DejaVuSans.ttf'), load('DejaVuSans-Bold.ttf')]);
  return { regular, bold };
}
