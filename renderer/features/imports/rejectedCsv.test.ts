import { expect, it } from 'vitest';
import { rejectedCsv } from './rejectedCsv.ts';

it('quotes what CSV would break on and disarms what a spreadsheet would run', () => {
  const csv = rejectedCsv(
    [
      { path: 'a,"b"\nc', code: 'imaging.notDicom', text: 'Ce fichier n’est pas un DICOM.' },
      { path: '=HYPERLINK("x")', code: 'imaging.truncated', text: '+1' },
    ],
    ['Fichier', 'Code', 'Raison'],
  );
  expect(csv).toBe(
    '\ufeff"Fichier","Code","Raison"\r\n' +
      '"a,""b""\nc","imaging.notDicom","Ce fichier n’est pas un DICOM."\r\n' +
      `"'=HYPERLINK(""x"")","imaging.truncated","'+1"\r\n`,
  );
});
