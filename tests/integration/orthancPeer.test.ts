import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { have, startOrthanc } from '../../scripts/services.ts';

describe.skipIf(!have('orthanc', 'orthanc-dicomweb'))('the Orthanc that tests compare with (needs Orthanc)', () => {
  it('answers DICOMweb on a port of its own, asks for a password when told to, and leaves nothing behind', async () => {
    const before = new Set(listFolders());
    const orthanc = await startOrthanc({ credentials: { name: 'tester', password: 'a passphrase' } });
    const mine = listFolders().filter((name) => !before.has(name));
    try {
      expect((await fetch(`${orthanc.dicomWebUrl}/studies`)).status).toBe(401);
      const studies = await fetch(`${orthanc.dicomWebUrl}/studies`, { headers: orthanc.headers });
      expect(studies.status).toBe(200);
      expect(await studies.json()).toEqual([]);
      expect(mine).toHaveLength(1);
    } finally {
      await orthanc.stop();
    }
    await expect(fetch(`${orthanc.url}/system`)).rejects.toThrow();
    expect(mine.filter((name) => existsSync(`${tmpdir()}/${name}`))).toEqual([]);
  });

  it('says why it did not start', async () => {
    await expect(startOrthanc({ configuration: { HttpPort: 'not a port' } })).rejects.toThrow(
      /Orthanc did not start: it ended with/,
    );
  });
});

function listFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('salus-orthanc-'));
}
