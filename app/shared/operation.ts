import { eventIterator, oc, type Schema } from '@orpc/contract';
import * as z from 'zod';
import type { Permission } from '../domains/security/securityRules.ts';

/**
 * A topic names a set of facts. A query says which it `reads`, a command which it `changes`; after a commit the host
 * publishes the changed topics and the window refetches the queries whose `reads` meet them.
 */
export const topics = [
  'session',
  'operators',
  'audit',
  'settings',
  'patients',
  'studies',
  'annotations',
  'keyImages',
  'worklist',
  'reports',
  'documents',
  'imports',
  'jobs',
  'storage',
  'nodes',
  'receiver',
  'deliveries',
  'rules',
  'api',
] as const;
export type Topic = (typeof topics)[number];

/** What every procedure declares besides its input and output. */
export interface OperationMeta {
  /** query: a read, cacheable. command: one unit of work. job: starts background work, returns its id. stream: yields until closed. */
  readonly shape: 'query' | 'command' | 'job' | 'stream';
  /** Who may call: `public` needs no sign-in, `signedIn` any operator, else a row of the permission table. */
  readonly permission: Permission | 'public' | 'signedIn';
  readonly reads?: readonly Topic[];
  readonly changes?: readonly Topic[];
  /**
   * True when each call leaves an audit entry, allowed or refused: the one that was committed with what it wrote, where it
   * wrote under its own name, else the host's. A call that declares none still leaves the entries of what it writes.
   */
  readonly audit: boolean;
}

/** How a Failure travels: its code and details, and the incident id when the cause stays on the host. */
export const failureSchema = z.object({
  code: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  incidentId: z.string().optional(),
});
export type FailureData = z.infer<typeof failureSchema>;

const base = oc.$meta<OperationMeta>({ shape: 'query', permission: 'signedIn', audit: false }).errors({
  FAILURE: { data: failureSchema },
});

/** Declares a procedure. Every procedure of the contract goes through here, so none can lack its meta. */
export function op(meta: OperationMeta) {
  return base.meta(meta);
}

/**
 * The output of a `stream` procedure: what a handler gives (any async iterable of `item`), what a client gets (an
 * iterator that can be closed by `return()` or by aborting the call). Each item is checked against the schema.
 */
export function streamOf<In, Out>(item: z.ZodType<Out, In>) {
  return eventIterator(item) as unknown as Schema<AsyncIterable<In>, AsyncIteratorObject<Out, unknown, void>>;
}
