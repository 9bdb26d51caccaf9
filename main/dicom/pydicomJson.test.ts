import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JsonDataSet, toDicomJson } from './dicomJson.ts';
import { openElements } from './elementValues.ts';
import { readHeader } from './part10.ts';

const folder = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const python = '/usr/bin/python3';
const possible = existsSync(folder) && existsSync(python);

const script = `
import sys, json, warnings
warnings.simplefilter('ignore')
import pydicom
out = {}
for path in sys.argv[1:]:
    try:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        out[path] = json.loads(ds.to_json(bulk_data_threshold=10**9, bulk_data_element_handler=lambda e: '', suppress_invalid_tags=True))
    except Exception:
        pass
print(json.dumps(out))
`;

/** Both forms brought to what they say: numbers as numbers, no empty values, private and binary attributes left out. */
function plain(dataSet: JsonDataSet): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [tag, attribute] of Object.entries(dataSet)) {
    if (Number.parseInt(tag.slice(3, 4), 16) % 2 === 1 || tag.endsWith('0000') || /^(7FE0|0002|FFFC)/.test(tag))
      continue;
    if (['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'UN'].includes(attribute.vr)) continue;
    const values = (attribute.Value ?? []).map((value) => plainValue(attribute.vr, value));
    while (values.length > 0 && (values.at(-1) === null || values.at(-1) === '')) values.pop();
    if (values.length > 0) result[tag] = [attribute.vr, values];
  }
  return result;
}

function plainValue(vr: string, value: unknown): unknown {
  if (vr === 'SQ') return plain(value as JsonDataSet);
  if (vr === 'PN')
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).filter(([, text]) => text !== ''))
      : value;
  if (vr === 'DS' || vr === 'IS') return value === null ? null : Number(value);
  if (vr === 'FL') return typeof value === 'number' ? Math.fround(value) : value;
  return typeof value === 'string' ? value.trim() : value;
}

describe.skipIf(!possible)('headers as pydicom gives them in JSON (needs python3-pydicom)', () => {
  const names = possible ? readdirSync(folder).filter((name) => name.endsWith('.dcm')) : [];
  const expected = possible
    ? (JSON.parse(
        execFileSync(python, ['-c', script, ...names.map((name) => join(folder, name))], {
          encoding: 'utf8',
          maxBuffer: 1e9,
        }),
      ) as Record<string, JsonDataSet>)
    : {};
  // Of a number that is none and of a file that ends in its middle, each program keeps what it likes.
  const odd = ['badVR.dcm', 'rtplan_truncated.dcm'];
  it.each(names.filter((name) => join(folder, name) in expected && !odd.includes(name)))('%s', (name) => {
    const header = readHeader(readFileSync(join(folder, name)));
    if (header === null) throw new Error('not read as DICOM');
    const got = toDicomJson(openElements(header.bytes, header.elements, header.littleEndian));
    expect(plain(got)).toEqual(plain(expected[join(folder, name)] as JsonDataSet));
  });
});
