import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { apiSettingsSchema, apiStateSchema, tokenNameSchema, tokenSchema, tokenScopeSchema } from './apiSchema.ts';
import { dicomStatusSchema, healthSchema } from './restSchema.ts';

/** Access for other programs: where it listens, who holds a token, and what only they ask. */
export const apiContract = {
  state: op({ shape: 'query', permission: 'api.manage', reads: ['api'], audit: false }).output(apiStateSchema),
  /** `privateKey` left out keeps the stored one. */
  save: op({ shape: 'command', permission: 'api.manage', changes: ['api'], audit: true })
    .input(z.object({ settings: apiSettingsSchema, privateKey: z.string().max(65_536).optional() }))
    .output(apiStateSchema),
  /** Those in use first, newest first; also the revoked ones. */
  listTokens: op({ shape: 'query', permission: 'api.manage', reads: ['api'], audit: false }).output(
    z.array(tokenSchema),
  ),
  /** `secret` is shown this once: what is kept is a keyed hash of it. */
  createToken: op({ shape: 'command', permission: 'api.manage', changes: ['api'], audit: true })
    .input(
      z.object({
        name: tokenNameSchema,
        scopes: z.array(tokenScopeSchema).min(1).max(tokenScopeSchema.options.length),
        expiresAt: z.number().int().nullable(),
      }),
    )
    .output(z.object({ token: tokenSchema, secret: z.string() })),
  /** It opens nothing from this moment on; what it had open is cut. */
  revokeToken: op({ shape: 'command', permission: 'api.manage', changes: ['api'], audit: true })
    .input(z.object({ tokenId: z.uuid() }))
    .output(tokenSchema),
  /** No patient data in any of these three. */
  health: op({ shape: 'query', permission: 'system.health', audit: false }).output(healthSchema),
  dicomStatus: op({ shape: 'query', permission: 'exchange.status', audit: false }).output(dicomStatusSchema),
  /** Prometheus text format 0.0.4. */
  metrics: op({ shape: 'query', permission: 'system.metrics', audit: false }).output(z.string()),
};
