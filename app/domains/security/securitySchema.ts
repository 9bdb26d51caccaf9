import * as z from 'zod';
import { minimumPasswordLength, permissions, roles } from './securityRules.ts';

export const roleSchema = z.enum(roles);
export const permissionSchema = z.enum(permissions);
export const languageSchema = z.enum(['en', 'fr']);
export type Language = z.infer<typeof languageSchema>;

/** A sign-in name: what an operator types, compared without case. */
export const operatorNameSchema = z
  .string()
  .trim()
  .min(2)
  .max(64)
  .regex(/^[\p{L}\p{N}._-]+$/u);
export const passwordSchema = z.string().min(minimumPasswordLength).max(512);

export const operatorSchema = z.object({
  operatorId: z.uuid(),
  operatorName: z.string(),
  fullName: z.string(),
  roles: z.array(roleSchema).min(1),
  disabled: z.boolean(),
  createdAt: z.number(),
  lastSignInAt: z.number().nullable(),
});
export type Operator = z.infer<typeof operatorSchema>;

export const sessionSchema = z.object({
  operatorId: z.uuid(),
  operatorName: z.string(),
  fullName: z.string(),
  roles: z.array(roleSchema),
  permissions: z.array(permissionSchema),
  signedInAt: z.number(),
  /** The window locks after this many minutes without input. */
  idleMinutes: z.number(),
  language: languageSchema,
  theme: z.enum(['reading', 'clinic']),
});
export type SessionView = z.infer<typeof sessionSchema>;

/**
 * Where the unlock key of unattended operation may lie: in the keychain that Electron's safeStorage reaches, in the
 * desktop's Secret Service, or in a systemd credential.
 */
export const unattendedKindSchema = z.enum(['safeStorage', 'secretService', 'credential']);
export type UnattendedKind = z.infer<typeof unattendedKindSchema>;

/** Why a place cannot keep the unlock key on this machine. */
export const unattendedProblemSchema = z.enum(['notInstalled', 'notAnswering', 'plainText']);
export type UnattendedProblem = z.infer<typeof unattendedProblemSchema>;

/** Whether the program may open the store by itself, and what came of it at this start. */
export const unattendedStateSchema = z.object({
  on: z.boolean(),
  state: z.enum(['idle', 'opening', 'opened', 'failed']),
  /** When it opened, or failed to. */
  at: z.number().nullable(),
  /** Code of the failure. */
  failure: z.string().nullable(),
});
export type UnattendedState = z.infer<typeof unattendedStateSchema>;

export const auditEntrySchema = z.object({
  sequence: z.number().int(),
  at: z.number(),
  operatorId: z.string().nullable(),
  operatorName: z.string().nullable(),
  action: z.string(),
  outcome: z.enum(['success', 'refused', 'failed']),
  subjectType: z.string().nullable(),
  subjectId: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});
export type AuditEntry = z.infer<typeof auditEntrySchema>;

export const auditVerificationSchema = z.object({
  ok: z.boolean(),
  entries: z.number().int(),
  /** Sequence number of the first entry that does not follow from the one before it, or is not signed by this installation. */
  firstBadSequence: z.number().int().nullable(),
  reason: z.enum(['intact', 'brokenChain', 'badSignature', 'tailMissing', 'headMissing']),
  clockSetBack: z.number().int(),
});
export type AuditVerification = z.infer<typeof auditVerificationSchema>;
