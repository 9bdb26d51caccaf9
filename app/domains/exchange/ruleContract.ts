import * as z from 'zod';
import { op } from '../../shared/operation.ts';
import { newPrefetchRuleSchema, prefetchRuleSchema, prefetchRunSchema } from './prefetchSchema.ts';
import { newRoutingRuleSchema, routingRuleSchema, ruleTrialSchema, studyMatchSchema } from './routingSchema.ts';

const page = { offset: z.number().int().min(0).default(0), limit: z.number().int().min(1).max(500).default(100) };
const onRule = z.object({ ruleId: z.uuid() });
/** `baseVersion` null makes a new rule; else the version that was edited. */
const edited = { ruleId: z.uuid().nullable(), baseVersion: z.number().int().nullable() };

/** What happens by itself: where studies and reports go, and which earlier studies are brought here. Part of `exchange`. */
export const ruleContract = {
  listRoutingRules: op({ shape: 'query', permission: 'studies.read', reads: ['rules'], audit: false }).output(
    z.array(routingRuleSchema),
  ),
  /** A rule begins with what comes after it was switched on, never with what is here already. */
  saveRoutingRule: op({ shape: 'command', permission: 'exchange.manage', changes: ['rules'], audit: true })
    .input(z.object({ ...edited, rule: newRoutingRuleSchema }))
    .output(routingRuleSchema),
  /** Takes a rule out of use. What it put into a queue stays there. */
  archiveRoutingRule: op({ shape: 'command', permission: 'exchange.manage', changes: ['rules'], audit: true })
    .input(onRule)
    .output(z.null()),
  /** Which of the newest studies here would match; nothing is sent. */
  tryRoutingMatch: op({ shape: 'query', permission: 'studies.read', reads: ['studies'], audit: false })
    .input(z.object({ match: studyMatchSchema }))
    .output(ruleTrialSchema),

  listPrefetchRules: op({ shape: 'query', permission: 'studies.read', reads: ['rules'], audit: false }).output(
    z.array(prefetchRuleSchema),
  ),
  savePrefetchRule: op({ shape: 'command', permission: 'exchange.manage', changes: ['rules'], audit: true })
    .input(z.object({ ...edited, rule: newPrefetchRuleSchema }))
    .output(prefetchRuleSchema),
  archivePrefetchRule: op({ shape: 'command', permission: 'exchange.manage', changes: ['rules'], audit: true })
    .input(onRule)
    .output(z.null()),
  /** Looks for priors, newest first. */
  listPrefetches: op({ shape: 'query', permission: 'studies.read', reads: ['rules'], audit: false })
    .input(z.object({ ...page, studyUid: z.string().max(64).nullable().default(null) }))
    .output(z.object({ total: z.number().int(), rows: z.array(prefetchRunSchema) })),
};
