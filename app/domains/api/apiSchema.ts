import * as z from 'zod';
import { tokenScopes } from './apiRules.ts';

const hostSchema = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/);

export const apiSettingsSchema = z.object({
  enabled: z.boolean(),
  /** '127.0.0.1' until somebody chooses otherwise; beyond this machine only with TLS. */
  host: hostSchema,
  /** 0 takes a free port (for tests). */
  port: z.number().int().min(0).max(65_535),
  /** Names that a caller may give in the Host header, besides the address it reached; without them a page elsewhere could have its own name lead here. */
  names: z.array(hostSchema).max(8),
  tls: z.object({
    enabled: z.boolean(),
    certificate: z
      .string()
      .max(64 * 1024)
      .default(''),
  }),
});
export type ApiSettings = z.infer<typeof apiSettingsSchema>;

export const apiStateSchema = z.object({
  settings: apiSettingsSchema,
  hasPrivateKey: z.boolean(),
  state: z.enum(['off', 'listening', 'failed']),
  /** The port it listens on; null while it does not. */
  port: z.number().nullable(),
  /** Failure code of why it can't listen. */
  failure: z.string().nullable(),
  /** It was switched off, and every token revoked, because the store was restored from a backup; until it is saved again. */
  closedByRestore: z.boolean(),
  /** Whole days the certificate is still good for; negative when it has expired, null without one. */
  certificateDaysLeft: z.number().int().nullable(),
});
export type ApiState = z.infer<typeof apiStateSchema>;

export const tokenScopeSchema = z.enum(tokenScopes);
export const tokenNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(48)
  .regex(/^[^\p{Cc}\p{Cf}]*$/u);

export const tokenSchema = z.object({
  tokenId: z.uuid(),
  name: z.string(),
  scopes: z.array(tokenScopeSchema),
  createdAt: z.number(),
  createdBy: z.string(),
  /** Null: it does not expire. */
  expiresAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
  /** To the minute; null when it never was. */
  lastUsedAt: z.number().nullable(),
});
export type ApiToken = z.infer<typeof tokenSchema>;
