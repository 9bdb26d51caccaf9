import * as z from 'zod';

const tags = z.string().regex(/^[0-9A-F]{8}( [0-9A-F]{8})*$/);
const uids = z.string().regex(/^[0-9.]+( [0-9.]+)*$/);
const tag = z.string().regex(/^[0-9A-F]{8}$/);

/** What PS3.15 table E.1-1 lets the basic profile do with an attribute: dummy, empty, removed, another UID, or the first of these that the object's class allows. */
export const confidentialityActions = ['D', 'U', 'X', 'X/D', 'X/Z', 'X/Z/D', 'X/Z/U*', 'Z', 'Z/D'] as const;
export type ConfidentialityAction = (typeof confidentialityActions)[number];

/** resources/knowledge/deidentification.json: facts of the standard, as data. */
export const deidentificationSchema = z.object({
  edition: z.string().min(1),
  source: z.string().min(1),
  /** Attributes by action: tags of eight hex digits, with a space between. */
  actions: z.record(z.enum(confidentialityActions), tags),
  /** Where the action is a choice: image classes in which the attribute is of type 1 or 2 (also conditionally), their UIDs without 1.2.840.10008.5.1.4.1.1. in front. */
  required: z.record(tag, z.object({ '1': uids.optional(), '2': uids.optional() })),
  /** UIDs of PS3.6 annex A, without 1.2.840.10008. in front. */
  registeredUids: uids,
});
export type DeidentificationKnowledge = z.infer<typeof deidentificationSchema>;
