import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { JsonDataSet } from '../../main/dicom/dicomJson.ts';
import { anyDataset } from '../../main/dicom/testDatasets.ts';
import { encodePart10 } from '../../main/dicom/writeDataset.ts';
import { have, programOf } from '../../scripts/services.ts';

const implicit = '1.2.840.10008.1.2';
const explicit = '1.2.840.10008.1.2.1';

describe.skipIf(!have('dcmtk'))('data sets as dcmdump reads them (needs DCMTK)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'salus-write-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([implicit, explicit])('in %s', (syntax) => {
    fc.assert(
      fc.property(anyDataset, (drawn) => {
        const dataset: JsonDataSet = {
          ...drawn,
          '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.104.1'] },
          '00080018': { vr: 'UI', Value: ['2.25.77'] },
        };
        const file = join(folder, 'a.dcm');
        writeFileSync(file, encodePart10({ dataset, transferSyntaxUid: syntax }));
        const lines = dump(file);
        expect(lines.filter((line) => /^[EWF]:/.test(line))).toEqual([]);
        for (const [tag, { vr }] of Object.entries(dataset)) {
          // 'US or SS' is settled by Pixel Representation, which is not there.
          expect(lines.join('\n')).toContain(`(${tag.slice(0, 4)},${tag.slice(4)}) ${vr}`.toLowerCase());
        }
      }),
      { numRuns: 12 },
    );
  });

  function dump(file: string): string[] {
    return execFileSync(programOf('dcmdump'), ['-q', '+E', file], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.replace(/^\(([0-9a-f,]+)\) (\w\w)/, (whole) => whole.toLowerCase()));
  }
});
