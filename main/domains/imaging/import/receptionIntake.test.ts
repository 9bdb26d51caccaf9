import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { createArchiveFolders } from '../../../archive/openArchive.ts';
import { openIntake } from './receptionIntake.ts';

it('looks at the disk while a long object comes in, and leaves nothing of it when it fills up', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'salus-intake-'));
  const { port1, port2 } = new MessageChannel();
  try {
    createArchiveFolders(directory);
    const access = {
      directory,
      keyEncryptionKey: randomBytes(32),
      nameKey: randomBytes(32),
      keyId: '0011223344556677',
    };
    const intake = openIntake(access, port1, { leastFreeBytes: 1 });
    const chunk = Buffer.alloc(1024 * 1024);
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (; given < 100; given += 1) {
        // Somebody else fills the disk meanwhile.
        if (given === 20) intake.setLeastFree(Number.MAX_SAFE_INTEGER);
        yield chunk;
      }
    }
    const taken = await intake.takeFile('reception', endless());
    expect(taken).toMatchObject({ outcome: 'refused', reason: 'space', code: 'imaging.diskFull' });
    expect(given).toBeLessThan(40);
    expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
  } finally {
    port1.close();
    port2.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
