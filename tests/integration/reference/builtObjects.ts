/**
 * Writes small DICOM objects for tests, right or wrong on purpose: explicit VR, little or big endian, native or
 * encapsulated pixel data. Independent of the libraries under test.
 */

export type BuiltValue = string | readonly number[] | Uint8Array | readonly BuiltElement[][];

/** Tag as GGGGEEEE, VR, value. US, SS, UL, FL and FD take numbers, SQ takes items, other VRs text or bytes. */
export type BuiltElement = readonly [tag: number, vr: string, value: BuiltValue];

export interface BuiltObject {
  readonly transferSyntaxUid?: string;
  readonly bigEndian?: boolean;
  readonly elements: readonly BuiltElement[];
  /** Native bytes, or fragments with their offset table. */
  readonly pixelData?:
    | Uint8Array
    | { readonly fragments: readonly Uint8Array[]; readonly offsetTable?: readonly number[]; readonly open?: boolean };
  readonly pixelVr?: 'OB' | 'OW';
  /** Length the pixel data element claims, when it is to lie. */
  readonly claimedLength?: number;
}

const LONG_VRS = new Set(['OB', 'OW', 'OF', 'OD', 'OV', 'SQ', 'UN', 'UT', 'UC', 'UR']);

function numbers(vr: string, values: readonly number[], little: boolean): Uint8Array {
  const size = vr === 'US' || vr === 'SS' ? 2 : vr === 'FD' || vr === 'OV' ? 8 : 4;
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (vr === 'US' || vr === 'SS') view.setUint16(i * 2, value & 0xffff, little);
    else if (vr === 'FL') view.setFloat32(i * 4, value, little);
    else if (vr === 'FD') view.setFloat64(i * 8, value, little);
    else if (vr === 'OV') view.setBigUint64(i * 8, BigInt(value), little);
    else view.setUint32(i * 4, value >>> 0, little);
  });
  return bytes;
}

function isItems(value: BuiltValue): value is readonly BuiltElement[][] {
  return Array.isArray(value) && (value.length === 0 || Array.isArray(value[0]));
}

function header(tag: number, vr: string, length: number, little: boolean): Uint8Array {
  const isLong = LONG_VRS.has(vr);
  const bytes = new Uint8Array(isLong ? 12 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, tag >>> 16, little);
  view.setUint16(2, tag & 0xffff, little);
  bytes[4] = vr.charCodeAt(0);
  bytes[5] = vr.charCodeAt(1);
  if (isLong) view.setUint32(8, length, little);
  else view.setUint16(6, length, little);
  return bytes;
}

function item(length: number, element = 0xe000): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xfffe, true);
  view.setUint16(2, element, true);
  view.setUint32(4, length, true);
  return bytes;
}

function element([tag, vr, value]: BuiltElement, little: boolean): Uint8Array {
  let body: Uint8Array;
  if (typeof value === 'string') body = Buffer.from(value, 'latin1');
  else if (value instanceof Uint8Array) body = value;
  else if (vr === 'SQ' && isItems(value)) {
    const items = value.map((elements) => Buffer.concat(elements.map((one) => element(one, little))));
    body = Buffer.concat(items.flatMap((bytes) => [item(bytes.length), bytes]));
  } else body = numbers(vr, value as readonly number[], little);
  const isText = typeof value === 'string' && vr !== 'UI';
  const padding = body.length % 2 === 1 ? Uint8Array.of(isText ? 0x20 : 0) : new Uint8Array();
  return Buffer.concat([header(tag, vr, body.length + padding.length, little), body, padding]);
}

/** The bytes of a whole DICOM file. */
export function buildObject(built: BuiltObject): Uint8Array {
  const little = !built.bigEndian;
  const uid = built.transferSyntaxUid ?? (little ? '1.2.840.10008.1.2.1' : '1.2.840.10008.1.2.2');
  const meta = Buffer.concat(
    [
      [0x00020001, 'OB', Uint8Array.of(0, 1)],
      [0x00020002, 'UI', '1.2.840.10008.5.1.4.1.1.7'],
      [0x00020003, 'UI', '2.25.1'],
      [0x00020010, 'UI', uid],
    ].map((one) => element(one as unknown as BuiltElement, true)),
  );
  const parts: Uint8Array[] = [
    new Uint8Array(128),
    Buffer.from('DICM', 'latin1'),
    element([0x00020000, 'UL', [meta.length]], true),
    meta,
    ...built.elements.map((one) => element(one, little)),
  ];
  const { pixelData } = built;
  if (pixelData instanceof Uint8Array) {
    parts.push(header(0x7fe00010, built.pixelVr ?? 'OW', built.claimedLength ?? pixelData.length, little), pixelData);
  } else if (pixelData) {
    const table = numbers('UL', pixelData.offsetTable ?? [], true);
    parts.push(header(0x7fe00010, 'OB', 0xffffffff, little), item(table.length), table);
    for (const fragment of pixelData.fragments) parts.push(item(fragment.length), fragment);
    if (!pixelData.open) parts.push(item(0, 0xe0dd));
  }
  return new Uint8Array(Buffer.concat(parts));
}

export interface ImageModule {
  readonly rows?: number;
  readonly columns?: number;
  readonly samples?: number;
  readonly photometric?: string;
  readonly allocated?: number;
  readonly stored?: number;
  readonly high?: number;
  readonly signed?: boolean;
  readonly planar?: number;
  readonly frames?: number;
}

/** The elements of an Image Pixel module, in tag order. An explicit `undefined` leaves the attribute out. */
export function imageModule(given: ImageModule = {}): BuiltElement[] {
  const value = { rows: 4, columns: 4, samples: 1, photometric: 'MONOCHROME2', allocated: 16, ...given };
  const stored = 'stored' in value ? value.stored : value.allocated;
  const high = 'high' in value ? value.high : stored === undefined ? undefined : stored - 1;
  const us = (tag: number, number: number | undefined): BuiltElement[] =>
    number === undefined ? [] : [[tag, 'US', [number]]];
  return [
    [0x00080018, 'UI', '2.25.1'],
    ...us(0x00280002, value.samples),
    ...(value.photometric === undefined ? [] : [[0x00280004, 'CS', value.photometric] as const]),
    ...us(0x00280006, value.planar),
    ...(value.frames === undefined ? [] : [[0x00280008, 'IS', String(value.frames)] as const]),
    ...us(0x00280010, value.rows),
    ...us(0x00280011, value.columns),
    ...us(0x00280100, value.allocated),
    ...us(0x00280101, stored),
    ...us(0x00280102, high),
    ...us(0x00280103, value.signed ? 1 : 0),
  ];
}

/** Little-endian bytes of 16-bit words. */
export function words(values: readonly number[], little = true): Uint8Array {
  return numbers('US', values, little);
}
