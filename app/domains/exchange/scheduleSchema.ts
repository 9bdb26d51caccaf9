import * as z from 'zod';
import { aeTitleSchema, findEventSchema, scheduledStepSchema } from './exchangeSchema.ts';

/** Neither a backslash, which would make two values of one, nor control characters. */
const text = (longest: number) =>
  z
    .string()
    .trim()
    .max(longest)
    .regex(/^[^\\\p{Cc}]*$/u);

const daySchema = z.string().regex(/^(\d{8})?$/);

/** What a modality worklist is asked for; empty: anything. Wildcards * and ? as DICOM has them. */
export const scheduleQuerySchema = z.object({
  patientName: z.string().max(128).default(''),
  patientId: z.string().max(64).default(''),
  accessionNumber: z.string().max(16).default(''),
  modality: z.string().max(16).default(''),
  stationAeTitle: z.union([aeTitleSchema, z.literal('')]).default(''),
  dateFrom: daySchema.default(''),
  dateTo: daySchema.default(''),
});
export type ScheduleQuery = z.infer<typeof scheduleQuerySchema>;

/** What a person writes of an examination that is to be done. */
export const newEntrySchema = scheduledStepSchema.omit({ nodeId: true, entryId: true }).extend({
  patientName: text(324).min(1),
  patientId: text(64).min(1),
  accessionNumber: text(16),
  requestedProcedureId: text(16),
  procedureDescription: text(64),
  performingPhysician: text(324),
  birthDate: daySchema,
  sex: z.enum(['', 'F', 'M', 'O']),
  modality: z
    .string()
    .trim()
    .regex(/^[A-Z0-9_ ]{1,16}$/),
  stationAeTitle: z.union([aeTitleSchema, z.literal('')]),
  startDate: z.string().regex(/^\d{8}$/),
  startTime: z.string().regex(/^(\d{4}(\d\d)?)?$/),
  /** Empty: one is made. */
  studyUid: z
    .string()
    .regex(/^(\d+(\.\d+)+)?$/)
    .max(64),
});
export type NewEntry = z.infer<typeof newEntrySchema>;

/** A clinic's own entry. */
export const ownEntrySchema = newEntrySchema.extend({ nodeId: z.null(), entryId: z.uuid(), version: z.number().int() });
export type OwnEntry = z.infer<typeof ownEntrySchema>;

/** What a search of worklists says as it goes. */
export const scheduleEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('scheduled'), rows: z.array(scheduledStepSchema) }),
  findEventSchema.options[1],
]);
export type ScheduleEvent = z.infer<typeof scheduleEventSchema>;
