import type { JsonAttribute, JsonDataSet } from '../dicomJson.ts';
import { WebError } from './webPeer.ts';

function wrong(message: string): WebError {
  return new WebError('protocol', message, { reason: 'shape' });
}

/**
 * A list of data sets in the DICOM JSON model (PS3.18 annex F), as far as its shape goes: tags, VRs, where values may
 * be, sequences. Names written as plain strings (before 2014) are taken; lower-case tags too.
 * @throws WebError('protocol') with reason shape or tooMany
 */
export function toJsonDataSets(json: unknown, atMost: number): JsonDataSet[] {
  if (!Array.isArray(json)) throw wrong('the answer is no list of data sets');
  if (json.length > atMost) {
    throw new WebError('protocol', 'the answer has more data sets than are taken', { reason: 'tooMany' });
  }
  return json.map((one) => toJsonDataSet(one));
}

/** One data set. @throws WebError('protocol') with reason shape */
export function toJsonDataSet(json: unknown): JsonDataSet {
  if (!isObject(json)) throw wrong('a data set is no object');
  const dataset: JsonDataSet = {};
  for (const [key, value] of Object.entries(json)) {
    const tag = key.toUpperCase();
    if (!/^[0-9A-F]{8}$/.test(tag)) throw wrong('a data set has a key that is no tag');
    if (Object.hasOwn(dataset, tag)) throw wrong('a data set has a tag twice');
    dataset[tag] = toAttribute(value);
  }
  return dataset;
}

function toAttribute(json: unknown): JsonAttribute {
  if (!isObject(json)) throw wrong('an attribute is no object');
  const { vr, Value: values, InlineBinary: inline, BulkDataURI: address } = json;
  if (typeof vr !== 'string' || !/^[A-Z]{2}$/.test(vr)) throw wrong('an attribute has no VR');
  if ([values, inline, address].filter((one) => one !== undefined && one !== null).length > 1) {
    throw wrong('an attribute has its value in two ways');
  }
  if (inline !== undefined && inline !== null) {
    if (typeof inline !== 'string') throw wrong('an inline value is no text');
    return { vr, InlineBinary: inline };
  }
  if (address !== undefined && address !== null) {
    if (typeof address !== 'string') throw wrong('a bulk data address is no text');
    return { vr, BulkDataURI: address };
  }
  if (values === undefined || values === null) return { vr };
  if (!Array.isArray(values)) throw wrong('a value is no list');
  return { vr, Value: values.map((value) => toValue(vr, value)) };
}

function toValue(vr: string, value: unknown): unknown {
  // An empty item comes as null from some peers, an empty value as null by the standard.
  if (vr === 'SQ') return value === null ? {} : toJsonDataSet(value);
  if (value === null) return null;
  if (vr === 'PN') {
    if (typeof value === 'string') return { Alphabetic: value };
    if (!isObject(value) || Object.values(value).some((part) => typeof part !== 'string')) {
      throw wrong('a name is no name');
    }
    return value;
  }
  if (typeof value === 'number' || typeof value === 'string') return value;
  throw wrong('a value is neither text nor number');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** First value of an attribute as text; '' when there is none. */
export function textIn(dataset: JsonDataSet, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** First value of an attribute as a whole number; null when there is none. */
export function integerIn(dataset: JsonDataSet, tag: string): number | null {
  const text = textIn(dataset, tag);
  return /^-?\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Items of a sequence. */
export function itemsIn(dataset: JsonDataSet, tag: string): JsonDataSet[] {
  const attribute = dataset[tag];
  return attribute?.vr === 'SQ' ? ((attribute.Value ?? []) as JsonDataSet[]) : [];
}
