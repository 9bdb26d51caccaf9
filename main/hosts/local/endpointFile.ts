import { createHmac } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

const endpointSchema = z.object({
  pid: z.number().int().positive(),
  port: z.number().int().min(1).max(65_535),
  /** Lets a program of the same user ask for a one-time address. It is no session: the caller still signs in. */
  token: z.string().min(20),
});
export type Endpoint = z.infer<typeof endpointSchema>;

/**
 * Shows to the other side that one knows the endpoint's token, without telling it: a host that was killed leaves its file
 * behind, and whoever took its port since must neither learn the token nor pass for the host and be given a password.
 *
 * @param text what is vouched for: the program's nonce, or that nonce with the host's answer
 * @returns HMAC-SHA-256, base64url
 */
export function proveEndpoint(token: string, side: 'program' | 'host', text: string): string {
  return createHmac('sha256', token).update(`salus.endpoint.${side}|${text}`).digest('base64url');
}

function fileIn(home: string): string {
  return path.join(home, 'endpoint.json');
}

/** Tells the command line where this host answers; readable by the user alone. */
export function writeEndpoint(home: string, endpoint: Endpoint): void {
  const temporary = `${fileIn(home)}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(endpoint), { mode: 0o600 });
  renameSync(temporary, fileIn(home));
}

/** The host that last wrote here, running or not; undefined when there is none. */
export function readEndpoint(home: string): Endpoint | undefined {
  try {
    return endpointSchema.parse(JSON.parse(readFileSync(fileIn(home), 'utf8')));
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === 'ENOENT' ||
      error instanceof SyntaxError ||
      error instanceof z.ZodError
    ) {
      return undefined;
    }
    throw error;
  }
}

/** Removes the file if it is this process's. */
export function removeEndpoint(home: string): void {
  if (readEndpoint(home)?.pid === process.pid) rmSync(fileIn(home), { force: true });
}
