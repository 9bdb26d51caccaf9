import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Clock, Log } from './platform.ts';

type Fields = Record<string, string | number | boolean>;

const maxFileBytes = 4 * 1024 * 1024;
const keptFiles = 5;

/**
 * A log of JSON lines in `<directory>/salus.log`, rotated at 4 MiB, five files kept, readable by their owner alone.
 * Of an error it keeps the class, the code, the frames of the stack, and the message with everything in quotes taken
 * out: quotes in messages hold file names and input, which may name a patient.
 */
export function openJsonLog(directory: string, clock: Clock, echo?: (level: string, line: string) => void): Log {
  const file = path.join(directory, 'salus.log');
  let bytes = -1;

  const write = (level: 'info' | 'warn' | 'error', message: string, fields: object) => {
    const line = `${JSON.stringify({ at: new Date(clock.nowMs()).toISOString(), level, message, ...fields })}\n`;
    try {
      if (bytes < 0) bytes = openFile(directory, file);
      if (bytes + line.length > maxFileBytes) {
        rotate(file);
        bytes = 0;
      }
      appendFileSync(file, line, { mode: 0o600 });
      bytes += Buffer.byteLength(line);
      echo?.(level, message);
    } catch {
      // A full disk must not turn a log line into a failed call; the line goes where a person may still see it.
      process.stderr.write(line);
    }
  };
  return {
    info: (message, fields: Fields = {}) => write('info', message, fields),
    warn: (message, fields: Fields = {}) => write('warn', message, fields),
    error: (message, error, fields: Fields = {}) => write('error', message, { ...fields, error: describeError(error) }),
  };
}

/** A log for programs that keep none: warnings and errors go to the given writer. */
export function openPlainLog(write: (line: string) => void): Log {
  return {
    info: () => undefined,
    warn: (message, fields = {}) => write(JSON.stringify({ level: 'warn', message, ...fields })),
    error: (message, error, fields = {}) =>
      write(JSON.stringify({ level: 'error', message, ...fields, error: describeError(error) })),
  };
}

export interface LoggedError {
  readonly name: string;
  readonly code?: string | number;
  readonly message: string;
  readonly frames: readonly string[];
  readonly cause?: LoggedError;
}

/** What may be written of an error; see `openJsonLog`. */
export function describeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error, message: '', frames: [] };
  const { code } = error as { code?: unknown };
  // The stack begins with the message, whose own lines could look like frames.
  const stack = (error.stack ?? '').replace(error.message, '');
  const frames = stack.split('\n').filter((line) => /^\s+at .*(:\d+:\d+\)?|<anonymous>\)?|native\)?)$/.test(line));
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: withoutQuotes(error.message).slice(0, 500),
    frames: frames.slice(0, 30).map((line) => line.trim()),
    ...(error.cause !== undefined && depth < 3 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

/** From the first quote to the last, whatever kinds they are: a quoted path may itself hold one (O'Brien, d'Hérouville). */
function withoutQuotes(message: string): string {
  return message.replace(/["'`].*["'`]/s, "'…'");
}

function openFile(directory: string, file: string): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function rotate(file: string): void {
  rmSync(`${file}.${keptFiles - 1}`, { force: true });
  for (let number = keptFiles - 2; number >= 0; number -= 1) {
    const from = number === 0 ? file : `${file}.${number}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${number + 1}`);
  }
}
