import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StowObject } from './dicomweb.ts';
import { integerIn, itemsIn, textIn, toJsonDataSet, toJsonDataSets } from './jsonDataSets.ts';
import { loosen } from './looserMatch.ts';
import { readNativeXml } from './nativeXml.ts';
import { readStowAnswer } from './stowAnswer.ts';
import { parseStrictJson } from './strictJson.ts';
import { type WebAnswer, WebError } from './webPeer.ts';

function reasonOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof WebError) return error.details.reason;
    throw error;
  }
}

describe('JSON from outside', () => {
  it('is what JSON.parse makes of it, when no key comes twice', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['duplicateKey', '{"a":1,"a":2}'],
    ['duplicateKey', '[{"x":{"a":[],"b":"a","a":{}}}]'],
    ['duplicateKey', '{"00100010":1,"001000\\u0031\\u0030":2}'],
    ['json', '{"a":1,}'],
    ['json', ''],
    ['tooDeep', `${'['.repeat(65)}${']'.repeat(65)}`],
  ])('%s: %s', (reason, text) => {
    expect(reasonOf(() => parseStrictJson(Buffer.from(text)))).toBe(reason);
  });

  it('takes the same key in two objects, keys that are in texts, and texts that look like objects', () => {
    const text = '[{"a":"{\\"a\\":1}","b":{"a":"a:","c":":"}},{"a":1}]';
    expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it('is looked through however long its texts are', () => {
    const long = '\\"x'.repeat(8_000_000);
    const text = JSON.stringify([{ a: long, b: { a: long } }]);
    expect(parseStrictJson(Buffer.from(text))).toHaveLength(1);
    const twice = `{"a" : ${JSON.stringify(long)}, "a"\n: 1}`;
    expect(reasonOf(() => parseStrictJson(Buffer.from(twice)))).toBe('duplicateKey');
  });

  it('is read in the character set it names, and in no other', () => {
    expect(parseStrictJson(Buffer.from('"é"', 'latin1'), 'iso-8859-1')).toBe('é');
    expect(reasonOf(() => parseStrictJson(Buffer.from('"é"', 'latin1')))).toBe('encoding');
    expect(reasonOf(() => parseStrictJson(Buffer.from('"e"'), 'no-such-set'))).toBe('encoding');
  });

  it('becomes data sets only where it has their shape', () => {
    const dataset = toJsonDataSet({
      '0010001a': { vr: 'PN', Value: ['Old^Style', { Alphabetic: 'A' }, null] },
      '00081199': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }, null] },
      '00280010': { vr: 'US', Value: [8] },
      '00200013': { vr: 'IS', Value: ['7'] },
      '7FE00010': { vr: 'OW', BulkDataURI: 'http://peer/bulk' },
    });
    expect(dataset['0010001A']?.Value).toEqual([{ Alphabetic: 'Old^Style' }, { Alphabetic: 'A' }, null]);
    expect(itemsIn(dataset, '00081199').map((item) => textIn(item, '00081155'))).toEqual(['1.2', '']);
    expect([integerIn(dataset, '00280010'), integerIn(dataset, '00200013'), integerIn(dataset, '00080018')]).toEqual([
      8,
      7,
      null,
    ]);
  });

  it.each([
    ['shape', {}],
    ['shape', [1]],
    ['shape', [{ name: 'x' }]],
    ['shape', [{ '00100010': 'x' }]],
    ['shape', [{ '00100010': { Value: ['x'] } }]],
    ['shape', [{ '00100010': { vr: 'PN', Value: 'x' } }]],
    ['shape', [{ '00100010': { vr: 'PN', Value: [{ Alphabetic: 1 }] } }]],
    ['shape', [{ '00080018': { vr: 'UI', Value: [{}] } }]],
    ['shape', [{ '00080018': { vr: 'UI', Value: ['1'], InlineBinary: 'AA==' } }]],
    ['shape', [{ '0020000d': { vr: 'UI' }, '0020000D': { vr: 'UI' } }]],
    ['tooMany', [{}, {}, {}]],
  ])('%s: %j', (reason, json) => {
    expect(reasonOf(() => toJsonDataSets(json, 2))).toBe(reason);
  });
});

describe('XML from outside', () => {
  const wrapped = (inner: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n<NativeDicomModel xml:space="preserve">${inner}</NativeDicomModel>`;

  it('becomes the data set it stands for', () => {
    const dataset = readNativeXml(
      Buffer.from(
        wrapped(
          `<DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">
            <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2.3</Value></DicomAttribute>
            <DicomAttribute tag='00081196' vr='US'><Value number='1'>45056</Value></DicomAttribute></Item></DicomAttribute>
          <DicomAttribute tag="00081190" vr="UR"><Value number="1">a&amp;b&#x26;<![CDATA[<c>]]></Value></DicomAttribute>
          <DicomAttribute tag="00080050" vr="SH"/>
          <DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Alphabetic><FamilyName>X</FamilyName></Alphabetic></PersonName></DicomAttribute>`,
        ),
      ),
    );
    const [item] = itemsIn(dataset, '00081199');
    expect(textIn(item ?? {}, '00081155')).toBe('1.2.3');
    expect(integerIn(item ?? {}, '00081196')).toBe(0xb000);
    expect(textIn(dataset, '00081190')).toBe('a&b&<c>');
    expect(dataset['00080050']).toEqual({ vr: 'SH' });
    expect(dataset['00100010']).toEqual({ vr: 'PN' });
  });

  it.each([
    '<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel/>',
    wrapped('&a;'),
    wrapped('<a>'),
    wrapped('</a>'),
    wrapped('<a x="1" x="2"/>'),
    wrapped('<DicomAttribute vr="UI"/>'),
    wrapped('<DicomAttribute tag="00080018" vr="UI"/><DicomAttribute tag="00080018" vr="UI"/>'),
    wrapped('&#x110000;'),
    '<NativeDicomModel/><NativeDicomModel/>',
    '<html/>',
    '',
    `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
  ])('is refused: %s', (text) => {
    expect(reasonOf(() => readNativeXml(Buffer.from(text)))).toBe('xml');
  });
});

describe('a store response', () => {
  const object = (sopInstanceUid: string): StowObject => ({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid,
    byteLength: 0,
    open: async function* () {
      yield new Uint8Array(0);
    },
  });
  const answer = (status: number, type: string, body: string): WebAnswer => ({
    status,
    headers: type === '' ? {} : { 'content-type': type },
    body: object('').open(),
    bytes: () => Promise.resolve(Buffer.from(body)),
    dispose: () => undefined,
    skewMs: null,
    certificate: null,
  });
  const named = (uid: string, more: object = {}, classUid = '1.2.840.10008.5.1.4.1.1.2') => ({
    '00081150': { vr: 'UI', Value: [classUid] },
    '00081155': { vr: 'UI', Value: [uid] },
    ...more,
  });

  it('counts only for what it names, with its class, on one side', async () => {
    const json = {
      '00081198': { vr: 'SQ', Value: [named('1.1', { '00081197': { vr: 'US', Value: [0xa700] } }), named('1.2')] },
      '00081199': {
        vr: 'SQ',
        Value: [
          named('1.2'),
          named('1.3'),
          named('1.4', { '00081196': { vr: 'US', Value: [0xb000] } }),
          named('1.5', {}, '1.9'),
          named('1.7', { '00081196': { vr: 'US', Value: ['B000'] } }),
        ],
      },
    };
    const sent = ['1.1', '1.2', '1.3', '1.4', '1.5', '1.6', '1.7'].map(object);
    const outcomes = await readStowAnswer(answer(202, 'application/dicom+json', JSON.stringify([json])), sent);
    expect(outcomes.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['failed', 0xa700],
      ['unknown', null],
      ['stored', null],
      ['warned', 0xb000],
      ['unknown', null],
      ['unknown', null],
      ['warned', null],
    ]);
  });

  it('is also taken as XML', async () => {
    const xml =
      '<NativeDicomModel><DicomAttribute tag="00081199" vr="SQ"><Item number="1"><DicomAttribute tag="00081155" vr="UI">' +
      '<Value number="1">1.1</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>';
    const outcomes = await readStowAnswer(answer(200, 'application/dicom+xml', xml), [object('1.1'), object('1.2')]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'unknown']);
  });

  it('is unknown where it is empty, refused where a conflict says nothing, an error where it is something else', async () => {
    const sent = [object('1.1')];
    expect((await readStowAnswer(answer(200, '', ''), sent))[0]?.outcome).toBe('unknown');
    await expect(readStowAnswer(answer(409, 'text/html', '<p>no</p>'), sent)).rejects.toMatchObject({
      trouble: 'refused',
    });
    await expect(readStowAnswer(answer(200, 'text/html', '<p>ok</p>'), sent)).rejects.toMatchObject({
      trouble: 'protocol',
    });
    await expect(readStowAnswer(answer(200, 'application/json', '"ok"'), sent)).rejects.toMatchObject({
      trouble: 'protocol',
    });
  });
});

describe('a looser search', () => {
  const person = (name: string) => ({
    '00100010': { vr: 'PN', Value: [{ Alphabetic: name, Ideographic: '山田^太郎' }] },
  });

  it('asks for more and keeps what was meant', () => {
    const looser = loosen({ PatientName: 'Lefèvre^A?ne*', StudyDate: '20260101-' });
    expect(looser?.match).toEqual({ PatientName: 'Lef*vre*A*ne*', StudyDate: '20260101-' });
    expect(
      ['Lefèvre^Anne', 'LEFEVRE^Anne^Marie', 'Lefèvre^Ane', 'Lefèvre^Anne^^'].map((name) =>
        looser?.keeps(person(name)),
      ),
    ).toEqual([true, true, false, true]);
    expect(looser?.keeps({})).toBe(false);
    expect(loosen({ PatientName: 'Two Words' })?.keeps(person('Two of Words'))).toBe(false);
  });

  it('takes a name as it stands, whatever signs it holds', () => {
    const name = 'Müller-Lüdenscheidt (von) [der] {das} a/b+c.d|$';
    expect(loosen({ PatientName: name })?.keeps(person(name.toUpperCase()))).toBe(true);
    expect(loosen({ PatientName: name })?.keeps(person(name.replace('.', 'x')))).toBe(false);
    expect(loosen({ PatientName: 'Doe^Jane' })?.match).toEqual({ PatientName: 'Doe*Jane' });
    expect(loosen({ PatientName: 'Doe^Jane' })?.keeps(person('DOE^JANE'))).toBe(true);
    expect(loosen({ PatientName: 'Doe^Jane' })?.keeps(person('DOE^MARY JANE'))).toBe(false);
  });

  it('takes no time over what a peer made to take time', () => {
    const looser = loosen({ PatientName: '*müll*er*er*er*x*' });
    const startedAt = performance.now();
    for (const name of [`mull${'er'.repeat(1900)}`, '^'.repeat(4000), `${'mull'.repeat(2_000_000)}`])
      for (let turn = 0; turn < 20; turn += 1) expect(looser?.keeps(person(name))).toBe(false);
    // A pattern needed more than a minute for one of them.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it('changes nothing that every peer understands, and asks nobody for everything', () => {
    expect(loosen({ PatientName: 'Dupont*', PatientID: 'A-1' })).toBeNull();
    expect(loosen({ PatientName: 'É*' })).toBeNull();
    expect(loosen({ PatientName: '山田*' })).toBeNull();
  });
});
