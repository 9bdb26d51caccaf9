import { expect, it } from 'vitest';
import type { Log } from '../platform/platform.ts';
import type { StatementCache } from './statementCache.ts';
import { openStatementOutbox } from './statementOutbox.ts';

it('after a commit nothing throws, whatever the disk does: the caller would take a committed fact for a failed one', () => {
  const said: string[] = [];
  const log = { error: (message: string) => said.push(message) } as unknown as Log;
  const failing = {
    prepare: () => ({ run: () => ({ changes: 1 }) }),
    all: () => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' });
    },
  } as unknown as StatementCache;
  let drops = 0;
  const outbox = openStatementOutbox(
    failing,
    () => ({
      object: { name: 'a', kind: 'statement', bytes: 1 },
      land() {
        throw Object.assign(new Error('input/output error'), { code: 'EIO' });
      },
      drop() {
        drops += 1;
      },
    }),
    log,
  );
  outbox.put(Buffer.of(1));
  expect(() => outbox.committed()).not.toThrow();
  expect(drops).toBe(1);
  expect(said).toEqual([
    'a committed fact waits for its place in the archive',
    'what waits for the archive could not be read',
  ]);
  // And again with the next commit, not only with the next statement's.
  outbox.put(Buffer.of(2));
  expect(() => outbox.committed()).not.toThrow();
});
