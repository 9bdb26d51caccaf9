import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import {
  auditEntrySchema,
  auditVerificationSchema,
  languageSchema,
  operatorNameSchema,
  operatorSchema,
  passwordSchema,
  roleSchema,
  sessionSchema,
  unattendedKindSchema,
  unattendedProblemSchema,
  unattendedStateSchema,
} from './securitySchema.ts';

/** A password typed to prove who is there: any length, so that a wrong one is refused as wrong and not as too short. */
const typedPassword = z.string().min(1).max(512);

export const securityContract = {
  /** The session of this connection, or null when nobody is signed in. */
  session: op({ shape: 'query', permission: 'public', reads: ['session'], audit: false }).output(
    sessionSchema.nullable(),
  ),
  /** First run only: makes the store, its keys and the first operator (administrator and radiologist), and signs them in. */
  setUp: op({ shape: 'command', permission: 'public', changes: ['session', 'operators'], audit: false })
    .input(
      z.object({
        operatorName: operatorNameSchema,
        fullName: z.string().trim().min(1).max(120),
        password: passwordSchema,
        language: languageSchema,
        siteName: z.string().trim().max(120).default(''),
      }),
    )
    /** The recovery key is shown once: eight groups of five characters, Crockford base 32 with a check character. */
    .output(z.object({ recoveryKey: z.string(), session: sessionSchema })),
  /** Says that the person has kept the recovery key. Until then the shell keeps reminding. */
  confirmRecoveryKey: op({
    shape: 'command',
    permission: 'storage.manage',
    changes: ['settings', 'storage'],
    audit: true,
  }).output(z.null()),
  /** Makes a new recovery key, for when the first was never seen or may have been: the one before opens nothing any more. */
  renewRecoveryKey: op({
    shape: 'command',
    permission: 'storage.manage',
    changes: ['settings', 'storage'],
    audit: true,
  })
    .input(z.object({ password: typedPassword }))
    .output(z.object({ recoveryKey: z.string() })),
  /** Whether the program opens the store by itself after a start, and where the key to it could lie on this machine. */
  unattended: op({ shape: 'query', permission: 'storage.manage', reads: ['settings', 'session'], audit: false }).output(
    z.object({
      on: z.object({ kind: unattendedKindSchema, since: z.number() }).nullable(),
      places: z.array(z.object({ kind: unattendedKindSchema, problem: unattendedProblemSchema.nullable() })),
      start: unattendedStateSchema,
    }),
  ),
  /** From the next start on the program opens the store by itself. `credentialFile`: for a credential, a new file. */
  turnOnUnattended: op({
    shape: 'command',
    permission: 'storage.manage',
    changes: ['settings', 'session'],
    audit: true,
  })
    .input(
      z.object({
        password: typedPassword,
        kind: unattendedKindSchema,
        credentialFile: z.string().max(4096).default(''),
      }),
    )
    /** Where an earlier key was left, as `turnOffUnattended` says it. */
    .output(z.object({ left: unattendedKindSchema.nullable() })),
  turnOffUnattended: op({
    shape: 'command',
    permission: 'storage.manage',
    changes: ['settings', 'session'],
    audit: true,
  })
    /** Where a key was left that could not be taken away; it still opens copies of the store's folder made while it was in force. */
    .output(z.object({ left: unattendedKindSchema.nullable() })),
  signIn: op({ shape: 'command', permission: 'public', changes: ['session'], audit: false })
    .input(z.object({ operatorName: z.string().min(1).max(64), password: typedPassword }))
    .output(sessionSchema),
  /** Ends the operator's session on this connection; the core keeps its key and its background work. */
  signOut: op({ shape: 'command', permission: 'signedIn', changes: ['session'], audit: false })
    .input(z.object({ reason: z.enum(['asked', 'idle', 'suspend']).default('asked') }))
    .output(z.null()),
  /** Tells the host that a person is there; the host ends a session idle for longer than its limit. */
  touch: op({ shape: 'command', permission: 'signedIn', audit: false }).output(z.null()),
  /** Opens the store with the recovery key, gives an operator a new password, and signs them in. Also re-enables that operator when nobody else could. */
  recover: op({ shape: 'command', permission: 'public', changes: ['session', 'operators'], audit: false })
    .input(
      z.object({
        recoveryKey: z.string().min(8).max(128),
        operatorName: z.string().min(1).max(64),
        newPassword: passwordSchema,
      }),
    )
    .output(sessionSchema),
  changePassword: op({ shape: 'command', permission: 'signedIn', audit: true })
    .input(z.object({ password: typedPassword, newPassword: passwordSchema }))
    .output(z.null()),
  savePreferences: op({ shape: 'command', permission: 'signedIn', changes: ['session'], audit: false })
    .input(z.object({ language: languageSchema.optional(), theme: z.enum(['reading', 'clinic']).optional() }))
    .output(sessionSchema),
  /** Sets what every operator of this installation gets: minutes without input before the window locks. */
  saveSettings: op({ shape: 'command', permission: 'settings.manage', changes: ['settings', 'session'], audit: true })
    .input(z.object({ idleMinutes: z.number().int().min(1).max(60) }))
    .output(z.null()),
  /** Enabled operators by name, for handing a study to one of them. */
  listColleagues: op({ shape: 'query', permission: 'worklist.assign', reads: ['operators'], audit: false }).output(
    z.array(z.object({ operatorName: z.string(), fullName: z.string() })),
  ),
  listOperators: op({ shape: 'query', permission: 'operators.manage', reads: ['operators'], audit: false }).output(
    z.array(operatorSchema),
  ),
  createOperator: op({ shape: 'command', permission: 'operators.manage', changes: ['operators'], audit: true })
    .input(
      z.object({
        operatorName: operatorNameSchema,
        fullName: z.string().trim().min(1).max(120),
        roles: z.array(roleSchema).min(1),
        password: passwordSchema,
        /** What their window speaks until they choose; English when nobody says. */
        language: languageSchema.optional(),
      }),
    )
    .output(operatorSchema),
  setOperatorRoles: op({ shape: 'command', permission: 'operators.manage', changes: ['operators'], audit: true })
    .input(z.object({ operatorId: z.uuid(), roles: z.array(roleSchema).min(1) }))
    .output(operatorSchema),
  /** A disabled operator's wrapped key is removed from the keyring and their sessions end. The last administrator can't be disabled. */
  setOperatorDisabled: op({ shape: 'command', permission: 'operators.manage', changes: ['operators'], audit: true })
    .input(z.object({ operatorId: z.uuid(), disabled: z.boolean(), newPassword: passwordSchema.optional() }))
    .output(operatorSchema),
  resetPassword: op({ shape: 'command', permission: 'operators.manage', changes: ['operators'], audit: true })
    .input(z.object({ operatorId: z.uuid(), newPassword: passwordSchema }))
    .output(z.null()),
  listAudit: op({ shape: 'query', permission: 'audit.read', reads: ['audit'], audit: true })
    .input(
      z.object({
        beforeSequence: z.number().int().optional(),
        limit: z.number().int().min(1).max(500).default(100),
        subjectId: z.string().max(128).optional(),
        action: z.string().max(64).optional(),
      }),
    )
    .output(z.array(auditEntrySchema)),
  verifyAudit: op({ shape: 'query', permission: 'audit.read', audit: true }).output(auditVerificationSchema),
};
