import dicomParser from 'dicom-parser';
import { describe, expect, it } from 'vitest';
import { type DicomDataset, decimalString, pixelBytes, writeDicom } from './dicomWriter.ts';

const meta = { sopClassUid: '1.2.840.10008.5.1.4.1.1.7', sopInstanceUid: '2.25.1' };

function written(dataset: DicomDataset): dicomParser.DataSet {
  return dicomParser.parseDicom(writeDicom({ meta, dataset }));
}

describe('writeDicom', () => {
  it('writes a preamble, a meta header of the stated length and elements in tag order', () => {
    const bytes = writeDicom({ meta, dataset: { Rows: 2, Modality: 'OT', PatientID: 'X1', ImageType: ['A', 'B'] } });
    expect(Buffer.from(bytes.subarray(128, 132)).toString()).toBe('DICM');
    const groupLength = Buffer.from(bytes).readUInt32LE(140);
    const dataset = dicomParser.parseDicom(bytes);
    const afterMeta = Object.values(dataset.elements).filter((element) => !element.tag.startsWith('x0002'));
    expect(afterMeta[0]!.dataOffset - 8).toBe(144 + groupLength);
    expect(afterMeta.map((element) => element.tag)).toEqual(['x00080008', 'x00080060', 'x00100020', 'x00280010']);
    expect(dataset.string('x00020010')).toBe('1.2.840.10008.1.2.1');
    expect(dataset.string('x00020003')).toBe('2.25.1');
  });

  it('writes every kind of number so that another parser reads it', () => {
    const dataset = written({
      Rows: 512,
      PixelIntensityRelationshipSign: -1,
      RegionFlags: 70_000,
      ReferencePixelX0: -70_000,
      PhysicalDeltaX: 0.0512345678,
      PixelSpacing: [0.7, 0.65],
      InstanceNumber: -12,
      FrameIncrementPointer: '00181063',
    });
    expect(dataset.uint16('x00280010')).toBe(512);
    expect(dataset.int16('x00281041')).toBe(-1);
    expect(dataset.uint32('x00186016')).toBe(70_000);
    expect(dataset.int32('x00186020')).toBe(-70_000);
    expect(dataset.double('x0018602c')).toBe(0.0512345678);
    expect(dataset.string('x00280030')).toBe('0.7\\0.65');
    expect(dataset.intString('x00200013')).toBe(-12);
    expect(dataset.attributeTag('x00280009')).toBe('x00181063');
  });

  it('nests sequences, an empty one included', () => {
    const dataset = written({
      AcquisitionContextSequence: [],
      ViewCodeSequence: [{ CodeValue: 'A1', ViewModifierCodeSequence: [{ CodeValue: 'B2' }, { CodeValue: 'C3' }] }],
    });
    expect(dataset.elements['x00400555']!.length).toBe(0);
    const item = dataset.elements['x00540220']!.items![0]!.dataSet!;
    expect(item.string('x00080100')).toBe('A1');
    const inner = item.elements['x00540222']!.items!.map((one) => one.dataSet!.string('x00080100'));
    expect(inner).toEqual(['B2', 'C3']);
  });

  it('encodes text by the character set and refuses what it cannot hold', () => {
    const raw = (dataset: DicomDataset): Buffer => {
      const bytes = writeDicom({ meta, dataset });
      const element = dicomParser.parseDicom(bytes).elements['x00100010']!;
      return Buffer.from(bytes.subarray(element.dataOffset, element.dataOffset + element.length));
    };
    expect(raw({ SpecificCharacterSet: 'ISO_IR 192', PatientName: 'É' }).toString('hex')).toBe('c389');
    expect(raw({ SpecificCharacterSet: 'ISO_IR 100', PatientName: 'É' }).toString('hex')).toBe('c920');
    expect(() => raw({ PatientName: 'É' })).toThrow(RangeError);
    expect(() => raw({ SpecificCharacterSet: 'ISO_IR 100', PatientName: 'Ł' })).toThrow(RangeError);
    expect(() => raw({ SpecificCharacterSet: 'ISO_IR 192', PatientName: 'A', Modality: 'É' })).toThrow(RangeError);
  });

  it('pads to even length: UIDs with a null, text with a space, pixels with a zero', () => {
    const bytes = writeDicom({
      meta,
      dataset: { StudyInstanceUID: '2.25.123', PatientID: 'ABC', PixelData: new Uint8Array(3) },
    });
    const { elements } = dicomParser.parseDicom(bytes);
    expect(elements['x0020000d']!.length).toBe(8);
    expect(bytes[elements['x00100020']!.dataOffset + 3]).toBe(0x20);
    expect(elements['x7fe00010']!.length).toBe(4);
    expect(bytes.length % 2).toBe(0);
  });

  it('refuses fractions in an integer string and values out of a type', () => {
    expect(() => written({ InstanceNumber: 1.5 })).toThrow(RangeError);
    expect(() => written({ Rows: 70_000 })).toThrow(RangeError);
    expect(() => written({ PixelSpacing: [Number.NaN, 1] })).toThrow(RangeError);
  });
});

describe('decimalString', () => {
  it.each([
    [0.7, '0.7'],
    [-0, '0'],
    [1 / 3, '0.33333333333333'],
    [-178.85, '-178.85'],
    [-0.17364817766693033, '-0.1736481776669'],
    [1.23456789012345e-7, '1.23456789012e-7'],
  ])('writes %d as %s', (value, text) => {
    expect(decimalString(value)).toBe(text);
    expect(text.length).toBeLessThanOrEqual(16);
  });

  it('stays within sixteen characters and close to the value', () => {
    for (let i = 1; i < 2000; i++) {
      const value = Math.sin(i) * 10 ** ((i % 23) - 11);
      const text = decimalString(value);
      expect(text.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(text) / value - 1)).toBeLessThan(1e-8);
    }
  });
});

it('gives pixels little endian', () => {
  expect([...pixelBytes(new Int16Array([-2, 258]))]).toEqual([0xfe, 0xff, 2, 1]);
});
