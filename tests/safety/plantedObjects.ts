import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import { deidentificationSchema } from '../../app/domains/imaging/deidentificationSchema.ts';
import { openConfidentiality } from '../../main/dicom/deidentify/confidentiality.ts';
import { type Deidentification, deidentifyDataset } from '../../main/dicom/deidentify/deidentifyDataset.ts';
import { openPseudonyms } from '../../main/dicom/deidentify/pseudonyms.ts';
import { readBareDataSet } from '../../main/dicom/part10.ts';

/** Objects made element by element, so that each may be wrong in its own way, and what becomes of them without the person. */
const resources = join(import.meta.dirname, '../../resources/knowledge/deidentification.json');
export const how: Deidentification = {
  confidentiality: openConfidentiality(deidentificationSchema.parse(JSON.parse(readFileSync(resources, 'utf8')))),
  pseudonyms: openPseudonyms(new Uint8Array(32).fill(7)),
  patientId: 'patient-1',
};

export const explicitLittle = '1.2.840.10008.1.2.1';
export const implicitLittle = '1.2.840.10008.1.2';
export const explicitBig = '1.2.840.10008.1.2.2';
export const deflated = '1.2.840.10008.1.2.1.99';

export type Item = readonly (readonly [tag: number, vr: string, value: Buffer | readonly Item[], open?: boolean])[];
export interface Form {
  readonly explicit: boolean;
  readonly little: boolean;
}
const long = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

export function encode(elements: Item, form: Form): Buffer {
  const { little } = form;
  const number = (value: number, bytes: 2 | 4) => {
    const out = Buffer.alloc(bytes);
    if (little) out.writeUIntLE(value, 0, bytes);
    else out.writeUIntBE(value, 0, bytes);
    return out;
  };
  const tagOf = (tag: number) => Buffer.concat([number(tag >>> 16, 2), number(tag & 0xffff, 2)]);
  const sorted = [...elements].sort(([left], [right]) => left - right);
  return Buffer.concat(
    sorted.flatMap(([tag, vr, value, open]) => {
      // A sequence sent as UN lies in implicit little endian.
      const inside = vr === 'UN' ? { explicit: false, little: true } : form;
      const head = (length: number) =>
        !form.explicit
          ? [tagOf(tag), number(length, 4)]
          : long.has(vr)
            ? [tagOf(tag), Buffer.from(`${vr}\0\0`, 'latin1'), number(length, 4)]
            : [tagOf(tag), Buffer.from(vr, 'latin1'), number(length, 2)];
      if (Buffer.isBuffer(value)) {
        const even = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
        return [...head(even.length), even];
      }
      const mark = (element: number, length: number) => {
        const out = Buffer.alloc(8);
        const write = inside.little ? out.writeUInt16LE.bind(out) : out.writeUInt16BE.bind(out);
        write(0xfffe, 0);
        write(element, 2);
        if (inside.little) out.writeUInt32LE(length, 4);
        else out.writeUInt32BE(length, 4);
        return out;
      };
      const items = value.flatMap((item) => {
        const bytes = encode(item, inside);
        return open ? [mark(0xe000, 0xffff_ffff), bytes, mark(0xe00d, 0)] : [mark(0xe000, bytes.length), bytes];
      });
      const body = Buffer.concat(items);
      return open ? [...head(0xffff_ffff), body, mark(0xe0dd, 0)] : [...head(body.length), body];
    }),
  );
}

export const text = (value: string) => Buffer.from(value, 'latin1');

const short = (value: number, little: boolean) => {
  const out = Buffer.alloc(2);
  if (little) out.writeUInt16LE(value);
  else out.writeUInt16BE(value);
  return out;
};

export function image(little: boolean, more: Item): Item {
  return [
    [0x0008_0005, 'CS', text('ISO 2022 IR 6\\ISO 2022 IR 87')],
    [0x0008_0008, 'CS', text('ORIGINAL\\PRIMARY\\AXIAL')],
    [0x0008_0016, 'UI', text('1.2.840.10008.5.1.4.1.1.2')],
    [0x0008_0018, 'UI', text('1.2.3.777777.1')],
    [0x0008_0060, 'CS', text('CT')],
    [0x0020_000d, 'UI', text('1.2.3.777777.2')],
    [0x0020_000e, 'UI', text('1.2.3.777777.3')],
    [0x0028_0002, 'US', short(1, little)],
    [0x0028_0004, 'CS', text('MONOCHROME2')],
    [0x0028_0010, 'US', short(2, little)],
    [0x0028_0011, 'US', short(2, little)],
    [0x0028_0100, 'US', short(16, little)],
    [0x0028_0101, 'US', short(12, little)],
    [0x0028_0102, 'US', short(11, little)],
    [0x0028_0103, 'US', short(0, little)],
    [0x7fe0_0010, 'OW', Buffer.alloc(8)],
    ...more,
  ];
}

export function deidentified(elements: Item, form: Form, syntax: string): { out: Buffer; bytes: Buffer } {
  const plain = encode(elements, form);
  const made = deidentifyDataset(syntax === deflated ? deflateRawSync(plain) : plain, syntax, how);
  const bytes = Buffer.concat(made.pieces);
  expect(bytes.length).toBe(made.byteLength);
  expect(readBareDataSet(bytes, syntax).ending).toBe('complete');
  return { out: syntax === deflated ? inflateRawSync(bytes) : bytes, bytes };
}
