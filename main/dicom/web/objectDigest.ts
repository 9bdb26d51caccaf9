import { createHash, type Hash } from 'node:crypto';
import { toDicomJson } from '../dicomJson.ts';
import { type ElementReader, openElements, textOf, unsignedShortOf, valueBytes } from '../elementValues.ts';
import { GrowingBytes } from '../growingBytes.ts';
import { type DicomHeader, readHeader } from '../part10.ts';
import type { ObjectDigest } from './dicomweb.ts';
import { WebError } from './webPeer.ts';

/** How much of an object is held to read its header: tried at each of these, bytes. */
const headSizes = [64 * 1024, 512 * 1024, 4 * 1024 * 1024, 16 * 1024 * 1024, 64 * 1024 * 1024];
const encapsulatedDocument = 'x00420011';

/**
 * What an object holds, told by hash, from its Part 10 bytes read once. The same function for our object and for the one
 * that a peer gives back makes the two comparable.
 * @throws WebError('protocol') with reason dicom when this is no DICOM, incomplete when it ends before it should
 */
export async function digestObject(bytes: AsyncIterable<Uint8Array>): Promise<ObjectDigest> {
  const reading = new DigestReading();
  for await (const chunk of bytes) reading.add(chunk);
  return reading.end();
}

/** The header is held until it is understood; from then on bytes go to the hashes as they come. */
class DigestReading {
  #held = new GrowingBytes();
  #tries = 0;
  #header: DicomHeader | null = null;
  #datasetBytes = 0;
  readonly #dataset = createHash('sha256');
  /** Of the pixel data, or of a document too long to be held: its value as it comes. */
  #value: { hash: Hash; left: number; readonly isPixels: boolean; readonly fragments: FragmentWalk | null } | null =
    null;
  /** Of what was whole in memory. */
  #pixelsSha256: string | null = null;
  #contentSha256: string | null = null;

  add(chunk: Uint8Array): void {
    if (this.#header) {
      this.#hash(chunk);
      return;
    }
    this.#held.append(chunk);
    const enough = headSizes[this.#tries];
    if (enough === undefined || this.#held.length < enough) return;
    while (this.#held.length >= (headSizes[this.#tries] ?? Number.POSITIVE_INFINITY)) this.#tries += 1;
    this.#readHead(this.#tries < headSizes.length);
  }

  end(): ObjectDigest {
    if (!this.#header) this.#readWhole();
    const header = this.#header as DicomHeader | null;
    if (!header) throw noDicom();
    const reader = openElements(header.bytes, header.elements, header.littleEndian);
    const datasetSha256 = this.#dataset.digest('hex');
    if (this.#value) {
      const { hash, left, isPixels, fragments } = this.#value;
      if (fragments ? !fragments.isWhole : left > 0) throw cutShort();
      if (isPixels) this.#pixelsSha256 = hash.digest('hex');
      else this.#contentSha256 = hash.digest('hex');
    }
    return {
      transferSyntaxUid: header.transferSyntaxUid,
      sopClassUid: textOf(reader, 'x00080016'),
      sopInstanceUid: textOf(reader, 'x00080018'),
      studyUid: textOf(reader, 'x0020000d'),
      seriesUid: textOf(reader, 'x0020000e'),
      rows: unsignedShortOf(reader, 'x00280010'),
      columns: unsignedShortOf(reader, 'x00280011'),
      datasetSha256,
      datasetBytes: this.#datasetBytes,
      pixelsSha256: this.#pixelsSha256,
      // Too long to be held, and nothing in it that stands for the rest: only the same bytes are the same.
      contentSha256: this.#contentSha256 ?? (this.#pixelsSha256 === null ? datasetSha256 : null),
    };
  }

  /** Of the beginning. An object without pixel data is understood at its end; a long one by as much of it as is held. */
  #readHead(mayGrow: boolean): void {
    const head = this.#held.bytes();
    const header = readHeader(head, true);
    if (!header && !mayGrow) throw noDicom();
    const pixels = header && !header.deflated ? header.pixelData : null;
    if (!header || (!pixels && mayGrow)) return;
    const document = header.deflated ? undefined : header.elements[encapsulatedDocument];
    this.#take(header);
    if (pixels) this.#hashValue(head, pixels.offset, pixels.encapsulated ? null : pixels.length, true);
    else if (document) this.#hashValue(head, document.dataOffset, document.length, false);
    else this.#hash(head.subarray(datasetStart(header)));
  }

  #readWhole(): void {
    const head = this.#held.bytes();
    const header = readHeader(head);
    if (!header) throw noDicom();
    if (header.ending !== 'complete') throw cutShort();
    this.#take(header);
    const pixels = header.pixelData;
    if (pixels && !header.deflated) {
      this.#hashValue(head, pixels.offset, pixels.encapsulated ? null : pixels.length, true);
      return;
    }
    this.#hash(head.subarray(datasetStart(header)));
    if (!pixels) {
      this.#contentSha256 = hashContent(openElements(header.bytes, header.elements, header.littleEndian));
      return;
    }
    const value = header.bytes.subarray(pixels.offset, pixels.offset + pixels.length);
    if (value.length < pixels.length) throw cutShort();
    this.#pixelsSha256 = createHash('sha256').update(value).digest('hex');
  }

  #take(header: DicomHeader): void {
    this.#header = header;
    this.#held = new GrowingBytes();
  }

  /** @param length of the value; null where it is in fragments */
  #hashValue(head: Buffer, at: number, length: number | null, isPixels: boolean): void {
    this.#hash(head.subarray(datasetStart(this.#header as DicomHeader), at));
    const fragments = length === null ? new FragmentWalk() : null;
    this.#value = { hash: createHash('sha256'), left: length ?? Number.POSITIVE_INFINITY, isPixels, fragments };
    this.#hash(head.subarray(at));
  }

  #hash(bytes: Uint8Array): void {
    this.#dataset.update(bytes);
    this.#datasetBytes += bytes.length;
    const value = this.#value;
    if (!value || value.left <= 0) return;
    value.hash.update(bytes.subarray(0, Math.min(bytes.length, value.left)));
    value.left -= bytes.length;
    value.fragments?.add(bytes);
  }
}

/** Steps over the fragments of encapsulated pixel data (PS3.5 A.4), to know whether the last of them is whole. */
class FragmentWalk {
  readonly #head = Buffer.alloc(8);
  #filled = 0;
  #skip = 0;
  #isOver = false;

  /** True behind a fragment: some writers leave out the delimiter at the end. */
  get isWhole(): boolean {
    return this.#isOver || (this.#skip === 0 && this.#filled === 0);
  }

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#head[this.#filled] = bytes[at] ?? 0;
      this.#filled += 1;
      at += 1;
      if (this.#filled < this.#head.length) continue;
      this.#filled = 0;
      this.#isOver = this.#head.readUInt32LE(0) !== 0xe000_fffe;
      if (!this.#isOver) this.#skip = this.#head.readUInt32LE(4);
    }
  }
}

function datasetStart(header: DicomHeader): number {
  return Object.values(header.metaElements).reduce(
    (last, element) => Math.max(last, element.dataOffset + element.length),
    header.hasPreamble ? 132 : 0,
  );
}

/**
 * What an object without pixel data says, not whose it is: peers correct names and numbers, and write sequences in their
 * own way. The document where there is one, else everything but identification, requests (groups 0032, 0038 and the
 * lower half of 0040), digital signatures and the notes on what was corrected (0400).
 */
function hashContent(reader: ElementReader): string {
  const hash = createHash('sha256');
  const document = reader.elements[encapsulatedDocument];
  if (document) return hash.update(valueBytes(reader.bytes, document)).digest('hex');
  const content = Object.entries(reader.elements).filter(([key]) => {
    const tag = key.slice(1).toUpperCase();
    return tag > '0021' && !/^(0032|0038|0040[0-9]|0400|FFFA|FFFC|FFFE)/.test(tag) && !tag.endsWith('0000');
  });
  const json = toDicomJson({ ...reader, elements: Object.fromEntries(content) });
  for (const [key, element] of content) {
    const attribute = json[key.slice(1).toUpperCase()];
    hash.update(key).update(attribute ? JSON.stringify(attribute) : valueBytes(reader.bytes, element));
  }
  return hash.digest('hex');
}

function noDicom(): WebError {
  return new WebError('protocol', 'what came back is no DICOM object', { reason: 'dicom' });
}

function cutShort(): WebError {
  return new WebError('protocol', 'the object ends before it should', { reason: 'incomplete' });
}
