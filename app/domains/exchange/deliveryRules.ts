import { dimseMeaning } from './dimseStatuses.ts';
import type { DeliveryState } from './exchangeSchema.ts';

/**
 * What follows from what a peer answered, as pure rules: when to try again, what is a no for good, and when a delivery
 * may be called proven. Times are epoch milliseconds; chance and clock are passed in.
 */

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const firstDelayMs = 5000;
const longestDelayMs = 60 * minuteMs;
const shortestDelayMs = 1000;

/** For how long a delivery is tried by itself before it is given up. */
export const longestDeliveryMs = 7 * dayMs;

/** How often an object that a peer took and does not have is sent again. */
export const mostResends = 3;

/** How often storage commitment is asked for before reading back, or giving up. */
export const mostCommitments = 3;

/** How long a peer may take to answer a storage commitment on an association of its own. */
export const commitmentWaitMs = 10 * minuteMs;

/**
 * When to try again: exponential, with full jitter, so that many workstations do not come back to a restarted archive
 * all at once. 5 s doubling to an hour.
 *
 * @param failures attempts without any progress in a row, from 1
 * @param random   0 ≤ random < 1
 */
export function retryDelayMs(failures: number, random: number): number {
  const cap = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.max(shortestDelayMs, Math.round(cap * random));
}

/** When to look again for what a peer took and did not have: some archives take minutes to index what they stored. */
export function proofDelayMs(resends: number): number {
  return resends <= 1 ? 10_000 : resends === 2 ? minuteMs : 10 * minuteMs;
}

/**
 * Duplicate SOP instance (PS3.7 annex C): something of that UID is there. Whether it is the same object only its content
 * can tell, so a peer's list or promise proves nothing of what was answered in this way.
 */
export const duplicateStatus = 0x0111;

/** What an answer to a C-STORE or a STOW-RS object means. `again`: not now, or not so; nothing is decided. */
export type StoreMeaning =
  | { readonly kind: 'sent' }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'again'; readonly code: string }
  /** The object as it is coded is not taken; another transfer syntax may be. */
  | { readonly kind: 'otherSyntax' };

/** Refusals of the moment: a full disk is emptied, a database that restarts comes back. */
const passing: ReadonlySet<string> = new Set([
  'exchange.outOfResources',
  'exchange.serverError',
  'exchange.busy',
  'exchange.aborted',
]);

/**
 * The meaning of a status of C-STORE (PS3.4 table B.2-1, PS3.7 annex C) or of a Failure Reason of STOW-RS (PS3.18
 * annex I.2), which are the same numbers. What nobody has defined is a refusal: it is shown, not tried for ever.
 *
 * @param status 16 bits
 */
export function storeMeaning(status: number): StoreMeaning {
  // Not a loss, and no proof either.
  if (status === duplicateStatus) return { kind: 'sent' };
  // Transfer syntax not supported (PS3.18 table I.2-2).
  if (status === 0xc122) return { kind: 'otherSyntax' };
  const { outcome, code } = dimseMeaning(status, 'store');
  if (outcome === 'success' || outcome === 'warning') return { kind: 'sent' };
  if (code === null) return { kind: 'refused', code: 'exchange.protocol' };
  return { kind: passing.has(code) ? 'again' : 'refused', code };
}

/** Troubles that trying again cannot mend: a person has to change the node, or the peer, first. */
export const nodeTroubles: readonly string[] = [
  'exchange.unauthorized',
  'exchange.forbidden',
  'exchange.badCertificate',
  'exchange.badKey',
  'exchange.nodeNotFor',
  'exchange.projectUnknown',
];
const forPerson: ReadonlySet<string> = new Set([...nodeTroubles, 'imaging.identityConflict']);

/** The same, or the study. */
export function needsPerson(code: string): boolean {
  return forPerson.has(code);
}

/** Troubles of the connection, which say nothing of the object that was on its way. */
const ofConnection: ReadonlySet<string> = new Set([
  'exchange.unreachable',
  'exchange.tls',
  'exchange.certificateExpired',
  'exchange.rejected',
  'exchange.calledAeUnknown',
  'exchange.callingAeUnknown',
  'exchange.aborted',
  'exchange.closed',
  'exchange.timeout',
  'exchange.protocol',
]);

export function isConnectionTrouble(code: string): boolean {
  return ofConnection.has(code);
}

/** How many of a delivery's instances stand where. */
export interface DeliveryCounts {
  readonly queued: number;
  readonly sent: number;
  readonly proven: number;
  readonly refused: number;
  readonly failed: number;
}

/**
 * The state that the instances give. Nothing is proven unless each is; what waits for its proof is sent and no more; a
 * refusal counts as soon as nothing is under way any more.
 */
export function stateOfCounts({ queued, sent, proven, refused, failed }: DeliveryCounts): DeliveryState {
  if (queued > 0) return 'queued';
  if (sent > 0) return 'sent';
  if (failed > 0) return 'failed';
  if (refused > 0) return 'refused';
  return proven > 0 ? 'proven' : 'queued';
}

/** Local hours in which a node is sent to. */
export interface SendHours {
  readonly from: string;
  readonly to: string;
}

function minutesOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
}

/**
 * How long until sending is allowed; 0 when it is now. Hours that end before they begin cross midnight; hours that end
 * when they begin are the whole day.
 *
 * @param minuteOfDay local time, 0 to 1439
 */
export function minutesUntilOpen(hours: SendHours | null, minuteOfDay: number): number {
  if (hours === null) return 0;
  const from = minutesOf(hours.from);
  const to = minutesOf(hours.to);
  const isOpen =
    from === to || (from < to ? minuteOfDay >= from && minuteOfDay < to : minuteOfDay >= from || minuteOfDay < to);
  return isOpen ? 0 : (from - minuteOfDay + 1440) % 1440;
}

/** Keeps a node that does not answer from being called by every delivery in its queue. */
export interface Breaker {
  /** Failures of the connection in a row. */
  readonly failures: number;
  /** Closed again to all but one trial from then on; null while it lets everything through. */
  readonly trialAt: number | null;
}

export const closedBreaker: Breaker = { failures: 0, trialAt: null };
const failuresToOpen = 3;
const firstOpenMs = 30_000;
const longestOpenMs = 15 * minuteMs;

/** @param random 0 ≤ random < 1 */
export function afterConnectionFailure(breaker: Breaker, nowMs: number, random: number): Breaker {
  const failures = breaker.failures + 1;
  if (failures < failuresToOpen) return { failures, trialAt: null };
  const openMs = Math.min(longestOpenMs, firstOpenMs * 2 ** Math.min(20, failures - failuresToOpen));
  return { failures, trialAt: nowMs + Math.round(openMs * (0.5 + random / 2)) };
}

/** `trial`: one echo first, and the delivery only when it is answered. */
export function breakerAnswer(breaker: Breaker, nowMs: number): 'pass' | 'trial' | 'wait' {
  if (breaker.trialAt === null) return 'pass';
  return nowMs >= breaker.trialAt ? 'trial' : 'wait';
}

/** What one attempt at a delivery came to. */
export interface AttemptOutcome {
  readonly counts: DeliveryCounts;
  /** Why it ended before all was done; null when it went through. */
  readonly troubleCode: string | null;
  /** The peer's own wish (Retry-After), ms. */
  readonly retryAfterMs: number | null;
  /** At least one instance got further. */
  readonly progressed: boolean;
  /** `awaited`: storage commitment was asked for. `impossible`: this peer gives no proof of any kind. */
  readonly proof: 'none' | 'awaited' | 'impossible';
  /** The most that one of the queued instances has been sent in vain. */
  readonly resends: number;
}

export interface NextStep {
  readonly state: DeliveryState;
  /** Null: nothing more happens by itself. */
  readonly nextAttemptAt: number | null;
  /** Attempts without progress in a row. */
  readonly failures: number;
  /** Everything still queued is to be given up: it has been tried for too long. */
  readonly givesUp: boolean;
}

/**
 * What comes after an attempt.
 *
 * @param failures before it
 * @param sinceMs  from when its age counts: asked for, or tried again by a person
 */
export function afterAttempt(
  outcome: AttemptOutcome,
  { failures, sinceMs, nowMs, random }: { failures: number; sinceMs: number; nowMs: number; random: number },
): NextStep {
  const state = stateOfCounts(outcome.counts);
  const { troubleCode } = outcome;
  const inVain = outcome.progressed ? 0 : failures + 1;
  const rest = { state, failures: inVain, givesUp: false };
  if (state !== 'queued' && state !== 'sent') return { ...rest, nextAttemptAt: null };
  if (troubleCode !== null && needsPerson(troubleCode)) return { ...rest, nextAttemptAt: null };
  if (nowMs - sinceMs >= longestDeliveryMs) return { ...rest, nextAttemptAt: null, givesUp: true };
  if (troubleCode !== null) {
    const waitMs = Math.max(retryDelayMs(inVain === 0 ? 1 : inVain, random), outcome.retryAfterMs ?? 0);
    return { ...rest, nextAttemptAt: nowMs + Math.min(waitMs, dayMs) };
  }
  if (state === 'sent' && outcome.proof === 'awaited') return { ...rest, nextAttemptAt: nowMs + commitmentWaitMs };
  if (state === 'sent' && outcome.proof === 'impossible') return { ...rest, nextAttemptAt: null };
  // A peer that answers and gets no further is not asked every ten seconds for days.
  const backOffMs = inVain === 0 ? 0 : retryDelayMs(inVain, random);
  const lookMs = proofDelayMs(state === 'queued' ? outcome.resends : 1);
  return { ...rest, nextAttemptAt: nowMs + Math.max(lookMs, backOffMs) };
}

/** What can happen to one instance of a delivery. */
export type InstanceEvent =
  /** The peer said success, or a warning. Its word, no proof. */
  | 'accepted'
  | 'refused'
  /** No answer was seen, or one that decides nothing. */
  | 'again'
  /** Read back, or committed to by the peer. */
  | 'shown'
  /** Taken, and not there. */
  | 'missing'
  | 'givenUp'
  /** A person wants it tried again. */
  | 'retried';

export type InstanceState = 'queued' | 'sent' | 'proven' | 'refused' | 'failed';

/** The one table of what an instance may become: only what was sent can be proven, and what is proven stays so. */
export function nextInstanceState(state: InstanceState, event: InstanceEvent, resends: number): InstanceState {
  switch (event) {
    case 'accepted':
      return state === 'queued' ? 'sent' : state;
    case 'refused':
      return state === 'queued' ? 'refused' : state;
    case 'shown':
      return state === 'sent' ? 'proven' : state;
    case 'missing':
      return state === 'sent' ? (resends < mostResends ? 'queued' : 'failed') : state;
    case 'givenUp':
      return state === 'queued' ? 'failed' : state;
    case 'retried':
      return state === 'refused' || state === 'failed' ? 'queued' : state;
    case 'again':
      return state;
  }
}
