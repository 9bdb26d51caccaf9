/** How the pixels of a transfer syntax are coded (PS3.5 section 10 and annex A, UIDs from PS3.6 annex A). */

export type PixelCoding = 'native' | 'deflatedFrame' | 'rle' | 'jpeg' | 'jpegLs' | 'jpeg2000' | 'htj2k';

export interface TransferSyntax {
  readonly uid: string;
  readonly coding: PixelCoding;
  readonly encapsulated: boolean;
  readonly bigEndian: boolean;
  /** True when the syntax itself allows loss; a near-lossless parameter of zero may still make it lossless. */
  readonly maybeLossy: boolean;
  /** PS3.18 media type of one frame. */
  readonly mediaType: string;
}

const syntax = (
  uid: string,
  coding: PixelCoding,
  maybeLossy: boolean,
  mediaType: string,
  bigEndian = false,
): TransferSyntax => ({
  uid,
  coding,
  encapsulated: coding !== 'native',
  bigEndian,
  maybeLossy,
  mediaType,
});

export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';

const octets = 'application/octet-stream';

const table: readonly TransferSyntax[] = [
  syntax(IMPLICIT_LITTLE_ENDIAN, 'native', false, octets),
  syntax(EXPLICIT_LITTLE_ENDIAN, 'native', false, octets),
  syntax('1.2.840.10008.1.2.1.99', 'native', false, octets),
  syntax(EXPLICIT_BIG_ENDIAN, 'native', false, octets, true),
  { ...syntax('1.2.840.10008.1.2.1.98', 'native', false, octets), encapsulated: true },
  syntax('1.2.840.10008.1.2.8.1', 'deflatedFrame', false, 'application/x-deflate'),
  syntax('1.2.840.10008.1.2.5', 'rle', false, 'image/dicom-rle'),
  syntax('1.2.840.10008.1.2.4.50', 'jpeg', true, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.51', 'jpeg', true, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.53', 'jpeg', true, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.55', 'jpeg', true, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.57', 'jpeg', false, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.70', 'jpeg', false, 'image/jpeg'),
  syntax('1.2.840.10008.1.2.4.80', 'jpegLs', false, 'image/jls'),
  syntax('1.2.840.10008.1.2.4.81', 'jpegLs', true, 'image/jls'),
  syntax('1.2.840.10008.1.2.4.90', 'jpeg2000', false, 'image/jp2'),
  syntax('1.2.840.10008.1.2.4.91', 'jpeg2000', true, 'image/jp2'),
  syntax('1.2.840.10008.1.2.4.201', 'htj2k', false, 'image/jphc'),
  syntax('1.2.840.10008.1.2.4.202', 'htj2k', false, 'image/jphc'),
  syntax('1.2.840.10008.1.2.4.203', 'htj2k', true, 'image/jphc'),
];

const byUid = new Map(table.map((entry) => [entry.uid, entry]));

/** The transfer syntax of that UID, or undefined when no decoder here reads it (video, JPEG XL, private ones). */
export function findTransferSyntax(uid: string): TransferSyntax | undefined {
  return byUid.get(uid);
}
