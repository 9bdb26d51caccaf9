import type { JsonAttribute, JsonDataSet } from '../dicomJson.ts';
import { WebError } from './webPeer.ts';

interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  text: string;
}

const deepest = 64;

function wrong(message: string): WebError {
  return new WebError('protocol', message, { reason: 'xml' });
}

/**
 * A data set from the Native DICOM Model (PS3.19 A.1), as servers answer it that know no JSON. Values are kept as text,
 * numbers of binary VRs as numbers; names, bulk data and inline binary values are left out: no answer to a request of ours
 * is understood by them.
 * @throws WebError('protocol') with reason xml or encoding
 */
export function readNativeXml(bytes: Uint8Array): JsonDataSet {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WebError('protocol', 'the XML is not in UTF-8', { reason: 'encoding' });
  }
  const root = parseXml(text);
  if (localName(root) !== 'NativeDicomModel') throw wrong('the XML is no data set');
  return toDataSet(root);
}

const numberVrs: ReadonlySet<string> = new Set(['US', 'SS', 'UL', 'SL', 'FL', 'FD']);

function toDataSet(element: XmlElement): JsonDataSet {
  const dataset: JsonDataSet = {};
  for (const child of element.children) {
    if (localName(child) !== 'DicomAttribute') continue;
    const tag = (child.attributes.get('tag') ?? '').toUpperCase();
    const vr = child.attributes.get('vr') ?? 'UN';
    if (!/^[0-9A-F]{8}$/.test(tag) || !/^[A-Z]{2}$/.test(vr)) throw wrong('the XML has an attribute without a tag');
    if (Object.hasOwn(dataset, tag)) throw wrong('the XML has a tag twice');
    dataset[tag] = toAttribute(child, vr);
  }
  return dataset;
}

function toAttribute(element: XmlElement, vr: string): JsonAttribute {
  const values = element.children.flatMap((child): unknown[] => {
    switch (localName(child)) {
      case 'Item':
        return [toDataSet(child)];
      case 'Value': {
        const number = numberVrs.has(vr) && child.text.trim() !== '' ? Number(child.text) : Number.NaN;
        return [Number.isFinite(number) ? number : child.text];
      }
      default:
        return [];
    }
  });
  return values.length === 0 ? { vr } : { vr, Value: values };
}

function localName(element: XmlElement): string {
  return element.name.slice(element.name.indexOf(':') + 1);
}

const name = '[A-Za-z_][\\w.:-]*';
const pieces = new RegExp(
  [
    '<\\?[\\s\\S]*?\\?>',
    '<!--[\\s\\S]*?-->',
    '<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>',
    `</(${name})\\s*>`,
    `<(${name})((?:\\s+${name}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`,
    '([^<]+)',
  ].join('|'),
  'y',
);

/** Elements, attributes and text. No document type, and so no entity but the five of XML itself. */
function parseXml(text: string): XmlElement {
  const top: XmlElement = { name: '', attributes: new Map(), children: [], text: '' };
  const open = [top];
  pieces.lastIndex = 0;
  while (pieces.lastIndex < text.length) {
    const match = pieces.exec(text);
    if (!match) throw wrong('the answer is no XML that is taken');
    const [, cdata, ended, begun, attributes, isEmpty, characters] = match;
    const parent = open.at(-1) as XmlElement;
    if (cdata !== undefined) parent.text += cdata;
    else if (characters !== undefined) parent.text += unescapeXml(characters);
    else if (ended !== undefined) {
      if (open.length === 1 || parent.name !== ended) throw wrong('the XML ends what it did not begin');
      open.pop();
    } else if (begun !== undefined) {
      const element = { name: begun, attributes: readAttributes(attributes ?? ''), children: [], text: '' };
      parent.children.push(element);
      if (isEmpty !== '/') open.push(element);
      if (open.length > deepest) throw wrong('the XML is nested too deep');
    }
  }
  const root = top.children[0];
  if (open.length !== 1 || top.children.length !== 1 || !root) throw wrong('the XML is not whole');
  return root;
}

function readAttributes(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, key = '', double, single] of text.matchAll(
    new RegExp(`(${name})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'g'),
  )) {
    if (attributes.has(key)) throw wrong('the XML has an attribute twice');
    attributes.set(key, unescapeXml(double ?? single ?? ''));
  }
  return attributes;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9A-Fa-f]{1,6})|#(\d{1,7})|(\w+));?/g, (_whole, hex, decimal, entity) => {
    if (entity !== undefined) {
      const known = entities[entity];
      if (known === undefined) throw wrong('the XML names an entity that is none of its own');
      return known;
    }
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    if (code > 0x10ffff) throw wrong('the XML names a character that is none');
    return String.fromCodePoint(code);
  });
}
