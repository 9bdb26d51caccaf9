import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../../dicom/part10.ts';
import { toInstanceHeader } from '../header/instanceHeader.ts';
import { makeSampleStudies } from '../samples/makeSampleStudies.ts';
import { syntheticInstances } from '../samples/syntheticInstances.ts';
import { describeFrames, goesAsStored } from './examineObject.ts';

const samples = path.join(import.meta.dirname, '..', '..', '..', '..', '..', 'shared', 'dicom-samples');

/** Whether the short way was taken, having checked that the long way would have changed nothing. */
function checkShortWay(bytes: Uint8Array): boolean {
  const header = readHeader(bytes);
  if (header === null || header.ending !== 'complete' || header.pixelData === null) return false;
  let json: ReturnType<typeof toInstanceHeader>['json'];
  try {
    json = toInstanceHeader(header).json;
  } catch {
    // No UIDs: never comes so far.
    return false;
  }
  const isShort = goesAsStored(header, json);
  if (isShort) {
    const before = structuredClone(json);
    describeFrames(json, bytes);
    expect(json).toEqual(before);
  }
  return isShort;
}

describe('the metadata of objects that go out as they are stored', () => {
  it('are left as they are for grey words, and only where describing them changes nothing', () => {
    const [slice] = makeSampleStudies({ only: ['chest-ct'], chestSlices: 2 });
    expect(checkShortWay(slice!.bytes)).toBe(true);
    const [instance] = syntheticInstances({ count: 1 });
    expect(checkShortWay(instance!.bytes)).toBe(true);
  });

  it.each([
    ['a modality LUT', '00283000', { vr: 'SQ', Value: [{}] }],
    ['functional groups', '52009229', { vr: 'SQ', Value: [{}] }],
    ['colour', '00280002', { vr: 'US', Value: [3] }],
    ['a palette', '00280004', { vr: 'CS', Value: ['PALETTE COLOR'] }],
    ['cells of 12 bits', '00280100', { vr: 'US', Value: [12] }],
    ['bits that lie higher', '00280102', { vr: 'US', Value: [15] }],
    ['more bits stored than there are', '00280101', { vr: 'US', Value: [17] }],
    ['no sign', '00280103', undefined],
  ])('are described for %s', (_what, tag, attribute) => {
    const [instance] = syntheticInstances({ count: 1 });
    const header = readHeader(instance!.bytes)!;
    const { json } = toInstanceHeader(header);
    Object.assign(json, { '00280101': { vr: 'US', Value: [12] }, '00280102': { vr: 'US', Value: [11] } });
    expect(goesAsStored(header, json)).toBe(true);
    if (attribute) json[tag] = attribute;
    else delete json[tag];
    expect(goesAsStored(header, json)).toBe(false);
  });

  it.skipIf(!existsSync(samples))('changes nothing for any sample (needs ../shared/dicom-samples)', () => {
    const files = globSync('**/*', { cwd: samples, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      // One slice in twenty of the CT stands for the others.
      .filter((file, index) => !file.includes('ct-phantom') || index % 20 === 0);
    const short = files.filter((file) => checkShortWay(readFileSync(file)));
    expect(short.length).toBeGreaterThan(20);
    expect(short.length).toBeLessThan(files.length);
  });
});
