import * as z from 'zod';
import { op, streamOf } from '../../shared/operation.ts';
import { uidSchema } from '../imaging/imagingSchema.ts';
import { languageSchema } from '../security/securitySchema.ts';
import {
  associationSchema,
  deliveryDetailSchema,
  deliverySchema,
  deliveryStateSchema,
  findEventSchema,
  findQuerySchema,
  nodeSchema,
  nodeSecretsSchema,
  nodeSettingsSchema,
  nodeUseSchema,
  receiverSettingsSchema,
  receiverStateSchema,
  testStepSchema,
} from './exchangeSchema.ts';
import { ruleContract } from './ruleContract.ts';
import { newEntrySchema, ownEntrySchema, scheduleEventSchema, scheduleQuerySchema } from './scheduleSchema.ts';

const onNode = z.object({ nodeId: z.uuid() });
const onDelivery = z.object({ deliveryId: z.uuid() });
const page = { offset: z.number().int().min(0).default(0), limit: z.number().int().min(1).max(500).default(100) };

/** Other systems: who they are, what they sent here, what is on its way to them, and with what proof. */
export const exchangeContract = {
  listNodes: op({ shape: 'query', permission: 'studies.read', reads: ['nodes'], audit: false }).output(
    z.array(nodeSchema),
  ),
  /** `baseVersion` null makes a new node; else the version that was edited. */
  saveNode: op({ shape: 'command', permission: 'exchange.manage', changes: ['nodes'], audit: true })
    .input(
      z.object({
        nodeId: z.uuid().nullable(),
        baseVersion: z.number().int().nullable(),
        name: z.string().trim().min(1).max(64),
        settings: nodeSettingsSchema,
        use: nodeUseSchema,
        secrets: nodeSecretsSchema,
      }),
    )
    .output(nodeSchema),
  /** Takes a node out of use. What was received from it and sent to it stays. */
  archiveNode: op({ shape: 'command', permission: 'exchange.manage', changes: ['nodes', 'deliveries'], audit: true })
    .input(onNode)
    .output(z.null()),
  /** Talks to the node and says what was tried and answered, one step after the other. */
  testNode: op({ shape: 'command', permission: 'exchange.send', changes: ['nodes'], audit: true })
    .input(onNode)
    .output(z.object({ steps: z.array(testStepSchema) })),

  receiver: op({ shape: 'query', permission: 'studies.read', reads: ['receiver'], audit: false }).output(
    receiverStateSchema,
  ),
  /** `privateKey` left out keeps the stored one. */
  saveReceiver: op({ shape: 'command', permission: 'exchange.manage', changes: ['receiver'], audit: true })
    .input(z.object({ settings: receiverSettingsSchema, privateKey: z.string().max(65_536).optional() }))
    .output(receiverStateSchema),
  /** What came in, newest first. */
  associations: op({ shape: 'query', permission: 'studies.read', reads: ['receiver'], audit: false })
    .input(z.object(page))
    .output(z.object({ total: z.number().int(), rows: z.array(associationSchema) })),

  /** Puts a study's instances, some of its series, or a signed report's objects into the node's queue. */
  send: op({ shape: 'command', permission: 'exchange.send', changes: ['deliveries'], audit: true })
    .input(
      z.object({
        nodeId: z.uuid(),
        studyUid: uidSchema,
        /** Empty: the whole study. */
        seriesUids: z.array(uidSchema).max(1000).default([]),
        /** Only the objects of this signed report. */
        reportId: z.uuid().nullable().default(null),
        /**
         * Only the images that are marked now, with the key object selection that names them: made where it is not there
         * yet, with its words in this language. Without the person's identity the images alone.
         */
        keyImages: languageSchema.nullable().default(null),
        /** Leaves without the person, under other UIDs. Not for a report, which names the patient. */
        deidentify: z.boolean().default(false),
      }),
    )
    .output(deliverySchema),
  listDeliveries: op({ shape: 'query', permission: 'studies.read', reads: ['deliveries'], audit: false })
    .input(
      z.object({
        ...page,
        nodeId: z.uuid().nullable().default(null),
        studyUid: uidSchema.nullable().default(null),
        /** Only of this report; with its study, by which they are found. */
        reportId: z.uuid().nullable().default(null),
        states: z.array(deliveryStateSchema).max(deliveryStateSchema.options.length).default([]),
        /** Only what a person has to see to: refused, given up, or held with nothing more to happen by itself. */
        needsPerson: z.boolean().default(false),
      }),
    )
    .output(z.object({ total: z.number().int(), rows: z.array(deliverySchema) })),
  getDelivery: op({ shape: 'query', permission: 'studies.read', reads: ['deliveries'], audit: false })
    .input(onDelivery.extend(page))
    .output(deliveryDetailSchema),
  /** Tries again now, also what was refused or given up; proven instances are not sent again. */
  retryDelivery: op({ shape: 'command', permission: 'exchange.send', changes: ['deliveries'], audit: true })
    .input(onDelivery)
    .output(deliverySchema),
  cancelDelivery: op({ shape: 'command', permission: 'exchange.send', changes: ['deliveries'], audit: true })
    .input(onDelivery)
    .output(deliverySchema),

  /** Asks several nodes at once; ends when all have answered, failed, or the caller closes the stream. */
  find: op({ shape: 'stream', permission: 'exchange.search', audit: true })
    .input(
      z.object({
        nodeIds: z.array(z.uuid()).min(1).max(32),
        query: findQuerySchema,
        /** Matches taken from each node. */
        limit: z.number().int().min(1).max(5000).default(500),
      }),
    )
    .output(streamOf(findEventSchema)),
  /** Brings a study, or some of its series, from a node; complete only when as many instances are here as the node has. */
  fetch: op({ shape: 'job', permission: 'exchange.search', changes: ['jobs', 'studies', 'worklist'], audit: true })
    .input(z.object({ nodeId: z.uuid(), studyUid: uidSchema, seriesUids: z.array(uidSchema).max(1000).default([]) }))
    .output(z.object({ jobId: z.uuid() })),

  /** Asks the modality worklists of several nodes at once; as `find`. */
  findSchedule: op({ shape: 'stream', permission: 'exchange.search', audit: true })
    .input(
      z.object({
        nodeIds: z.array(z.uuid()).min(1).max(32),
        query: scheduleQuerySchema,
        limit: z.number().int().min(1).max(2000).default(500),
      }),
    )
    .output(streamOf(scheduleEventSchema)),
  /**
   * The clinic's own entries, which modalities that may send here can ask for. An empty day is open; without any, they
   * are those from yesterday on. At most 5,000.
   */
  listSchedule: op({ shape: 'query', permission: 'patients.read', reads: ['worklist'], audit: false })
    .input(scheduleQuerySchema.pick({ dateFrom: true, dateTo: true }))
    .output(z.array(ownEntrySchema)),
  /** `baseVersion` null makes a new entry; else the version that was edited. */
  saveEntry: op({ shape: 'command', permission: 'worklist.assign', changes: ['worklist'], audit: true })
    .input(z.object({ entryId: z.uuid().nullable(), baseVersion: z.number().int().nullable(), entry: newEntrySchema }))
    .output(ownEntrySchema),
  /** Takes an entry off the list: done, or called off. */
  archiveEntry: op({ shape: 'command', permission: 'worklist.assign', changes: ['worklist'], audit: true })
    .input(z.object({ entryId: z.uuid() }))
    .output(z.null()),

  ...ruleContract,
};
