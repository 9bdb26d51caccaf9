import { createHash } from 'node:crypto';

const wanted = [
  { tag: 0x00080018, branch: 3 },
  { tag: 0x0020000d, branch: 1 },
  { tag: 0x0020000e, branch: 2 },
] as const;
const longVrs = new Set(['OB', 'OW', 'OF', 'OD', 'OL', 'OV', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);
/** Big endian, and data sets packed as a whole: nothing is looked for in them. */
const otherBytes = new Set(['1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99']);
const isValid = (uid: string) => /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(uid);

/**
 * An object as the import takes it: its SOP instance, study and series UIDs are given where they lack or are invalid,
 * for pixels are to be looked at even where the rest of an object is only a decoder's test. Everything else stays byte
 * for byte. Undefined when nothing had to be given, or when its header is more than a plain list of elements.
 */
export function withGivenUids(original: Buffer): Buffer | undefined {
  const number = BigInt(`0x${createHash('sha256').update(original).digest('hex').slice(0, 24)}`);
  const changes: { at: number; removed: number; bytes: Buffer }[] = [];
  const left = new Map<number, string>(wanted.map(({ tag, branch }) => [tag, `2.25.${branch}${number}`]));
  let isExplicit = true;
  let at = original.subarray(128, 132).equals(Buffer.from('DICM')) ? 132 : 0;
  while (at + 8 <= original.length) {
    const tag = original.readUInt16LE(at) * 0x10000 + original.readUInt16LE(at + 2);
    const inMeta = tag < 0x00030000;
    const vr = original.toString('latin1', at + 4, at + 6);
    const isLong: boolean = (isExplicit || inMeta) && longVrs.has(vr);
    const start: number = at + (isLong ? 12 : 8);
    const length: number = isLong
      ? original.readUInt32LE(at + 8)
      : isExplicit || inMeta
        ? original.readUInt16LE(at + 6)
        : original.readUInt32LE(at + 4);
    for (const [missing, uid] of left) {
      if (missing > tag) continue;
      left.delete(missing);
      if (missing < tag) changes.push({ at, removed: 0, bytes: uidElement(missing, uid, isExplicit) });
      else if (!isValid(textAt(start, length)))
        changes.push({ at, removed: start - at + length, bytes: uidElement(missing, uid, isExplicit) });
    }
    if (left.size === 0) break;
    if (length === 0xffffffff) return undefined;
    if (tag === 0x00020010) {
      const syntax = textAt(start, length);
      if (otherBytes.has(syntax)) return undefined;
      isExplicit = syntax !== '1.2.840.10008.1.2';
    }
    at = start + length;
  }
  if (changes.length === 0) return undefined;
  const pieces: Buffer[] = [];
  let done = 0;
  for (const change of changes) {
    pieces.push(original.subarray(done, change.at), change.bytes);
    done = change.at + change.removed;
  }
  return Buffer.concat([...pieces, original.subarray(done)]);

  function textAt(start: number, length: number): string {
    return original.toString('latin1', start, start + length).replace(/[\0 ]+$/, '');
  }
}

function uidElement(tag: number, uid: string, isExplicit: boolean): Buffer {
  const value = Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  if (isExplicit) {
    head.write('UI', 4, 'latin1');
    head.writeUInt16LE(value.length, 6);
  } else head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}
