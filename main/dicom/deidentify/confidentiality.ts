import type {
  ConfidentialityAction,
  DeidentificationKnowledge,
} from '../../../app/domains/imaging/deidentificationSchema.ts';

/** Table E.1-1 of PS3.15 and what goes with it, ready to be asked. */
export interface Confidentiality {
  /** Null for an attribute that the table does not name. */
  actionOf(tag: number): ConfidentialityAction | null;
  /** The strictest type of an attribute in a class of images: 1 must have a value, 2 must be there, 3 may be missing. */
  needOf(tag: number, sopClassUid: string): 1 | 2 | 3;
  /** A UID of PS3.6 annex A: a class, a coding, a well-known frame of reference; it names no object of ours. */
  isRegistered(uid: string): boolean;
}

const imageClasses = '1.2.840.10008.5.1.4.1.1.';
const registered = '1.2.840.10008.';

export function openConfidentiality(knowledge: DeidentificationKnowledge): Confidentiality {
  const actions = new Map<number, ConfidentialityAction>();
  for (const [action, tags] of Object.entries(knowledge.actions)) {
    for (const tag of tags.split(' ')) actions.set(Number.parseInt(tag, 16), action as ConfidentialityAction);
  }
  const needs = new Map<string, 1 | 2>();
  for (const [tag, types] of Object.entries(knowledge.required)) {
    for (const type of [2, 1] as const) {
      for (const uid of (types[type] ?? '').split(' '))
        if (uid !== '') needs.set(`${Number.parseInt(tag, 16)} ${imageClasses}${uid}`, type);
    }
  }
  const uids = new Set(knowledge.registeredUids.split(' ').map((uid) => registered + uid));
  return {
    actionOf: (tag) => actions.get(tag) ?? null,
    needOf: (tag, sopClassUid) => needs.get(`${tag} ${sopClassUid}`) ?? 3,
    isRegistered: (uid) => uids.has(uid),
  };
}
