import type { Clock } from '../../../platform/platform.ts';
import type { KnownNode } from '../exchangeParts.ts';
import type { TriedStep } from './testSteps.ts';
import { tryDimse } from './tryDimse.ts';
import { tryDicomweb, tryXnat } from './tryWeb.ts';

/**
 * Talks to a node, one step after the other, and ends at the first that makes the rest pointless. Each step is bounded
 * in time. Never throws for what is wrong with the node: that is in the steps.
 */
export async function* tryNode(
  known: KnownNode,
  ownAe: string,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<TriedStep> {
  const { settings } = known.node;
  const nowMs = clock.nowMs();
  if (settings.kind === 'dimse') yield* tryDimse(known, settings, ownAe, nowMs, signal);
  else if (settings.kind === 'dicomweb') yield* tryDicomweb(known, settings, nowMs, signal);
  else yield* tryXnat(known, settings, nowMs, signal);
}
