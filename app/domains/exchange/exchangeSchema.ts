import * as z from 'zod';
import { uidSchema } from '../imaging/imagingSchema.ts';

/** An application entity title: 1 to 16 characters of the default repertoire, no backslash, not only spaces (PS3.5 6.2). */
export const aeTitleSchema = z
  .string()
  .trim()
  .min(1)
  .max(16)
  .regex(/^[\x20-\x5b\x5d-\x7e]+$/);

const pemSchema = z.string().max(64 * 1024);
const hostSchema = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/);
const portSchema = z.number().int().min(1).max(65_535);

/** Whom a peer's certificate must satisfy. Certificates are PEM; keys are secrets and never leave the host again. */
export const tlsSettingsSchema = z.object({
  enabled: z.boolean(),
  /** Trust anchors; empty: those that come with the program. */
  ca: pemSchema.default(''),
  /** Our own certificate, shown where the peer asks for one. */
  certificate: pemSchema.default(''),
  serverName: z.string().max(253).default(''),
});

export const dimseSettingsSchema = z.object({
  kind: z.literal('dimse'),
  host: hostSchema,
  port: portSchema,
  aeTitle: aeTitleSchema,
  /** What we call ourselves with this peer; empty: the receiver's AE title. */
  callingAeTitle: z.union([aeTitleSchema, z.literal('')]).default(''),
  tls: tlsSettingsSchema,
});

/** Root of a web service: no user name or password, which would be shown and logged, no query, no fragment. */
const baseUrlSchema = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .regex(/^https?:\/\/[^/?#@\\\s]+(\/[^?#\\]*)?$/i);

/** A client secret goes there: encrypted, or not beyond this machine. */
const issuerSchema = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .regex(/^(https:\/\/[^/?#@\\\s]+|http:\/\/(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?)([/?][^#\\]*)?$/i);

export const webAuthSchema = z.discriminatedUnion('method', [
  z.object({ method: z.literal('none') }),
  z.object({ method: z.literal('basic'), userName: z.string().min(1).max(256) }),
  z.object({ method: z.literal('bearer') }),
  z.object({
    method: z.literal('oidc'),
    /** Issuer or token endpoint. */
    issuer: issuerSchema,
    clientId: z.string().min(1).max(256),
    scope: z.string().max(512).default(''),
  }),
]);

export const webSettingsSchema = z.object({
  kind: z.literal('dicomweb'),
  /** Root of the DICOMweb service, without a final slash. */
  baseUrl: baseUrlSchema,
  auth: webAuthSchema,
  tls: tlsSettingsSchema.omit({ enabled: true }),
});

export const xnatSettingsSchema = z.object({
  kind: z.literal('xnat'),
  baseUrl: baseUrlSchema,
  project: z.string().min(1).max(64),
  /** XNAT is asked to archive what was sent. Else the project's own setting says whether it leaves the prearchive. */
  archives: z.boolean().default(false),
  auth: z.discriminatedUnion('method', [
    z.object({ method: z.literal('none') }),
    z.object({ method: z.literal('basic'), userName: z.string().min(1).max(256) }),
  ]),
  tls: tlsSettingsSchema.omit({ enabled: true }),
});

export const nodeSettingsSchema = z.discriminatedUnion('kind', [
  dimseSettingsSchema,
  webSettingsSchema,
  xnatSettingsSchema,
]);
export type NodeSettings = z.infer<typeof nodeSettingsSchema>;
export type DimseSettings = z.infer<typeof dimseSettingsSchema>;
export type WebSettings = z.infer<typeof webSettingsSchema>;
export type XnatSettings = z.infer<typeof xnatSettingsSchema>;

/** What only the host keeps. A field left out of an edit keeps what is stored; an empty one removes it. */
export const nodeSecretsSchema = z.object({
  /** Password of basic, token of bearer, client secret of OIDC. */
  credential: z.string().max(8192).optional(),
  /** Private key of our own certificate, PEM. */
  privateKey: pemSchema.optional(),
});
export type NodeSecrets = z.infer<typeof nodeSecretsSchema>;

/** How what was sent is proven to be stored. `auto`: storage commitment where the peer has it, else reading it back. */
export const proofPolicies = ['auto', 'commitment', 'readBack'] as const;

/** A minute of the day that exists: hours that never come would keep a delivery for ever. */
const timeOfDaySchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);

export const nodeUseSchema = z.object({
  /** May be chosen as a destination. */
  send: z.boolean(),
  /** Takes part in searches. */
  search: z.boolean(),
  /** Its associations are accepted by the receiver (DIMSE, from this AE title and host). */
  receive: z.boolean(),
  proof: z.enum(proofPolicies).default('auto'),
  /** Lossless transcoding is allowed where the peer does not take an object as it is. */
  transcode: z.boolean().default(true),
  /** Kilobytes a second at most; null: no limit. */
  kilobytesPerSecond: z.number().int().min(8).max(10_000_000).nullable().default(null),
  /** Local hours in which it is sent to, as 'HH:MM'; null: always. May cross midnight. */
  hours: z.object({ from: timeOfDaySchema, to: timeOfDaySchema }).nullable().default(null),
  /** Address the receiver expects it from where that is not its host; empty: the host. */
  receiveFrom: z.string().max(253).default(''),
  /**
   * Its associations are accepted over TLS with this certificate alone: a fingerprint as `AB:CD:…` of 32 bytes (SHA-256).
   * Given with a node also in any other way of writing it, or as the certificate itself in PEM. Empty or left out: any that the
   * receiver trusts.
   */
  receiveCertificate: z
    .string()
    .trim()
    .max(64 * 1024)
    .optional(),
});
export type NodeUse = z.infer<typeof nodeUseSchema>;

/** What was learned of a node by talking to it, never by what it is called. */
export const nodeCapabilitySchema = z.object({
  /** `echo`, `find`, `move`, `get`, `commitment`, `qido`, `wado`, `stow`, or a SOP class with its transfer syntax. */
  name: z.string(),
  state: z.enum(['yes', 'no']),
  learnedAt: z.number(),
});

export const testStepSchema = z.object({
  /** What was tried: resolve, connect, tls, associate, echo, find, token, qido … */
  name: z.string(),
  ok: z.boolean(),
  /** Failure code of what went wrong; null when it went well. */
  code: z.string().nullable(),
  /** Numbers and names of what was answered (status, AE titles, versions, days a certificate lasts). Never patient data. */
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  tookMs: z.number(),
});
export type TestStep = z.infer<typeof testStepSchema>;

export const nodeSchema = z.object({
  nodeId: z.uuid(),
  version: z.number().int(),
  name: z.string().trim().min(1).max(64),
  settings: nodeSettingsSchema,
  use: nodeUseSchema,
  hasCredential: z.boolean(),
  hasPrivateKey: z.boolean(),
  capabilities: z.array(nodeCapabilitySchema),
  lastTest: z.object({ at: z.number(), steps: z.array(testStepSchema) }).nullable(),
  /** False for what could only be run against recorded answers here: XNAT. The window says so. */
  isProven: z.boolean(),
  /** True where what is stored of it cannot be read: settings and use then stand for nothing, and it is used for nothing. */
  isDamaged: z.boolean().optional(),
});
export type ExchangeNode = z.infer<typeof nodeSchema>;

export const receiverSettingsSchema = z.object({
  enabled: z.boolean(),
  aeTitle: aeTitleSchema,
  /** '127.0.0.1' until somebody chooses otherwise. */
  host: hostSchema,
  /** 0 takes a free port (for tests); 104 and 11112 are usual, 2762 with TLS. */
  port: z.number().int().min(0).max(65_535),
  tls: z.object({
    enabled: z.boolean(),
    certificate: pemSchema.default(''),
    /** Who signs the certificates that callers must show; empty: none is asked for. */
    clientCa: pemSchema.default(''),
  }),
  /** Folders whose new files are imported. */
  watchedFolders: z.array(z.string().min(1).max(4096)).max(16),
  /** Objects may also be stored over the local DICOMweb (STOW-RS). */
  stow: z.boolean(),
  /** Below this much free space an object is refused with A700, MiB. */
  leastFreeMib: z.number().int().min(64).max(10_000_000),
});
export type ReceiverSettings = z.infer<typeof receiverSettingsSchema>;

export const receiverStateSchema = z.object({
  settings: receiverSettingsSchema,
  hasPrivateKey: z.boolean(),
  state: z.enum(['off', 'listening', 'failed']),
  /** The port it listens on; null while it does not. */
  port: z.number().nullable(),
  /** Failure code of why it can't listen, or `storage.diskFull` while it listens and has too little room to take anything. */
  failure: z.string().nullable(),
  openAssociations: z.number().int(),
  /** The watched folders, each with the failure code of why it can't be read; null while it can. */
  folders: z.array(z.object({ path: z.string(), failure: z.string().nullable() })),
});
export type ReceiverState = z.infer<typeof receiverStateSchema>;

export const associationSchema = z.object({
  associationId: z.uuid(),
  /** `watch`: one look at a watched folder; `stow`: one STOW-RS request. */
  channel: z.enum(['dimse', 'stow', 'watch']),
  callingAe: z.string(),
  calledAe: z.string(),
  address: z.string(),
  /** The node it came from, where it is one of ours. */
  nodeId: z.uuid().nullable(),
  startedAt: z.number(),
  endedAt: z.number(),
  /** `released` is a good end; else why not: `rejected`, `aborted`, `timeout`, `protocol`, `closed`, `tls` … */
  ending: z.string(),
  /** Numbers of the ending: reason, source, limit that was broken. */
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  objects: z.number().int(),
  duplicates: z.number().int(),
  conflicts: z.number().int(),
  /** Refused objects; the newest reasons by failure code. */
  refused: z.number().int(),
  reasons: z.record(z.string(), z.number().int()),
  bytes: z.number(),
});
export type ReceivedAssociation = z.infer<typeof associationSchema>;

/**
 * queued → sending → sent → proven; refused: the peer said no and will again; failed: given up after every attempt;
 * cancelled: by a person. Nothing is delivered until it is proven.
 */
export const deliveryStates = ['queued', 'sending', 'sent', 'proven', 'refused', 'failed', 'cancelled'] as const;
export const deliveryStateSchema = z.enum(deliveryStates);
export type DeliveryState = (typeof deliveryStates)[number];

export const instanceDeliveryStates = ['queued', 'sent', 'proven', 'refused', 'failed'] as const;

export const troubleSchema = z.object({
  /** Failure code with a text. */
  code: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  at: z.number(),
});

export const deliverySchema = z.object({
  deliveryId: z.uuid(),
  nodeId: z.uuid(),
  nodeName: z.string(),
  studyUid: uidSchema,
  /** The report whose objects these are; null for images. */
  reportId: z.uuid().nullable(),
  /** Leaves without the person, under other UIDs: PS3.15 Annex E, basic profile. */
  deidentified: z.boolean(),
  createdAt: z.number(),
  createdBy: z.string(),
  state: deliveryStateSchema,
  /** How it is, or will be, proven; null until something was sent. */
  proof: z.enum(['commitment', 'readBack']).nullable(),
  instances: z.number().int(),
  sent: z.number().int(),
  proven: z.number().int(),
  refused: z.number().int(),
  bytes: z.number(),
  attempts: z.number().int(),
  /** When it is tried next; null when nothing more will happen by itself. */
  nextAttemptAt: z.number().nullable(),
  lastTrouble: troubleSchema.nullable(),
  endedAt: z.number().nullable(),
});
export type Delivery = z.infer<typeof deliverySchema>;

export const deliveredInstanceSchema = z.object({
  /** Under which it leaves. */
  sopUid: uidSchema,
  /** The UID that it has here, where it leaves under another; null where it leaves as it is. */
  storedUid: uidSchema.nullable(),
  sopClassUid: z.string(),
  state: z.enum(instanceDeliveryStates),
  /** DIMSE status, or STOW's warning or failure reason; null where none was given. */
  status: z.number().int().nullable(),
  code: z.string().nullable(),
  /** Of `exchange.notDeidentifiable`: why it can't leave without the person; else null. */
  reason: z.string().nullable(),
  /** Transfer syntax it was sent in, where that is not its own. */
  transcodedTo: z.string().nullable(),
  sentAt: z.number().nullable(),
  provenAt: z.number().nullable(),
});
export type DeliveredInstance = z.infer<typeof deliveredInstanceSchema>;

export const deliveryDetailSchema = deliverySchema.extend({
  /** Of those that were refused, how many this system refused: they can't leave without the person. */
  keptBack: z.number().int(),
  /** A page of its instances. */
  rows: z.array(deliveredInstanceSchema),
});
export type DeliveryDetail = z.infer<typeof deliveryDetailSchema>;

export const findLevels = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'] as const;

export const findQuerySchema = z.object({
  level: z.enum(findLevels),
  /** Wildcards * and ? as DICOM has them; empty: anything. */
  patientName: z.string().max(128).default(''),
  patientId: z.string().max(64).default(''),
  accessionNumber: z.string().max(16).default(''),
  studyDateFrom: z
    .string()
    .regex(/^(\d{8})?$/)
    .default(''),
  studyDateTo: z
    .string()
    .regex(/^(\d{8})?$/)
    .default(''),
  modality: z.string().max(16).default(''),
  studyDescription: z.string().max(64).default(''),
  studyUid: z.union([uidSchema, z.literal('')]).default(''),
  seriesUid: z.union([uidSchema, z.literal('')]).default(''),
});
export type FindQuery = z.infer<typeof findQuerySchema>;

/** One match of one node. A field that the peer did not give is ''. */
export const foundSchema = z.object({
  nodeId: z.uuid(),
  level: z.enum(findLevels),
  patientName: z.string(),
  patientId: z.string(),
  issuer: z.string(),
  birthDate: z.string(),
  sex: z.string(),
  studyUid: z.string(),
  studyDate: z.string(),
  studyTime: z.string(),
  studyDescription: z.string(),
  accessionNumber: z.string(),
  modalities: z.array(z.string()),
  seriesUid: z.string(),
  seriesNumber: z.string(),
  seriesDescription: z.string(),
  sopUid: z.string(),
  instanceNumber: z.string(),
  /** As the peer counts; null where it does not say. */
  instanceCount: z.number().int().nullable(),
  /** Instances of it that are here already. */
  hereCount: z.number().int(),
});
export type Found = z.infer<typeof foundSchema>;

/** What a search says as it goes: matches as they come, and for each node how it ended. */
export const findEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('found'), rows: z.array(foundSchema) }),
  z.object({
    type: z.literal('ended'),
    nodeId: z.uuid(),
    /** Null when it answered to the end. */
    failure: troubleSchema.omit({ at: true }).nullable(),
    count: z.number().int(),
    /** There is more than was asked for. */
    isCut: z.boolean(),
    tookMs: z.number(),
  }),
]);
export type FindEvent = z.infer<typeof findEventSchema>;

export const scheduledStepSchema = z.object({
  /** Null for a clinic's own entry. */
  nodeId: z.uuid().nullable(),
  entryId: z.uuid().nullable(),
  patientName: z.string().max(324),
  patientId: z.string().max(64),
  birthDate: z.string().max(8),
  sex: z.string().max(16),
  accessionNumber: z.string().max(16),
  requestedProcedureId: z.string().max(16),
  procedureDescription: z.string().max(64),
  studyUid: z.string().max(64),
  modality: z.string().max(16),
  stationAeTitle: z.string().max(16),
  startDate: z.string().max(8),
  startTime: z.string().max(14),
  performingPhysician: z.string().max(324),
});
export type ScheduledStep = z.infer<typeof scheduledStepSchema>;
