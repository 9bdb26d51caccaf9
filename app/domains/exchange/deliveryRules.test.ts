import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AttemptOutcome,
  afterAttempt,
  afterConnectionFailure,
  breakerAnswer,
  closedBreaker,
  type DeliveryCounts,
  type InstanceEvent,
  type InstanceState,
  isConnectionTrouble,
  longestDeliveryMs,
  minutesUntilOpen,
  mostResends,
  needsPerson,
  nextInstanceState,
  proofDelayMs,
  retryDelayMs,
  stateOfCounts,
  storeMeaning,
} from './deliveryRules.ts';
import { exchangeContract } from './exchangeContract.ts';
import { exchangeFailures } from './exchangeFailures.ts';
import { nodeUseSchema } from './exchangeSchema.ts';

const none: DeliveryCounts = { queued: 0, sent: 0, proven: 0, refused: 0, failed: 0 };
const hour = 3_600_000;

describe('the next attempt', () => {
  it('comes after 5 s doubling to an hour, anywhere up to that', () => {
    const longest = Array.from({ length: 14 }, (_, index) => retryDelayMs(index + 1, 0.999_999_999));
    expect(longest.slice(0, 5)).toEqual([5000, 10_000, 20_000, 40_000, 80_000]);
    expect(longest.slice(10)).toEqual([hour, hour, hour, hour]);
    expect(retryDelayMs(3, 0.5)).toBe(10_000);
    expect(retryDelayMs(9, 0)).toBe(1000);
    expect(retryDelayMs(100_000, 0.5)).toBe(hour / 2);
  });

  it('is later where the peer wishes so, but never later than a day', () => {
    const outcome = outcomeOf({ queued: 1 }, 'exchange.busy');
    const at = { failures: 0, sinceMs: 0, nowMs: 0, random: 0 };
    expect(afterAttempt({ ...outcome, retryAfterMs: 120_000 }, at).nextAttemptAt).toBe(120_000);
    expect(afterAttempt({ ...outcome, retryAfterMs: 1e12 }, at).nextAttemptAt).toBe(24 * hour);
  });

  it('waits longer for what the peer took and does not have', () => {
    expect([1, 2, 3].map(proofDelayMs)).toEqual([10_000, 60_000, 600_000]);
    const step = afterAttempt({ ...outcomeOf({ queued: 1, proven: 1 }), resends: 2, progressed: true }, moment);
    expect(step).toEqual({ state: 'queued', nextAttemptAt: moment.nowMs + 60_000, failures: 0, givesUp: false });
  });

  it('backs off from a peer that answers and gets no further, with trouble or without', () => {
    for (const counts of [{ sent: 1 }, { queued: 1 }]) {
      const stuck = afterAttempt(outcomeOf(counts), { ...moment, failures: 9 });
      expect(stuck).toMatchObject({ failures: 10, nextAttemptAt: moment.nowMs + retryDelayMs(10, moment.random) });
      const first = afterAttempt({ ...outcomeOf(counts), progressed: true }, { ...moment, failures: 9 });
      expect(first).toMatchObject({ failures: 0, nextAttemptAt: moment.nowMs + 10_000 });
    }
  });

  it('does not come by itself where a person has to act, when all is done, and after a week', () => {
    expect(afterAttempt(outcomeOf({ queued: 1 }, 'exchange.unauthorized'), moment).nextAttemptAt).toBeNull();
    expect(afterAttempt(outcomeOf({ proven: 2 }), moment)).toMatchObject({ state: 'proven', nextAttemptAt: null });
    expect(afterAttempt({ ...outcomeOf({ sent: 2 }), proof: 'impossible' }, moment)).toMatchObject({
      state: 'sent',
      nextAttemptAt: null,
      givesUp: false,
    });
    const old = { ...moment, nowMs: longestDeliveryMs };
    expect(afterAttempt(outcomeOf({ queued: 1 }, 'exchange.timeout'), { ...old, nowMs: old.nowMs - 1 })).toMatchObject({
      givesUp: false,
    });
    expect(afterAttempt(outcomeOf({ queued: 1 }, 'exchange.timeout'), old)).toMatchObject({
      givesUp: true,
      nextAttemptAt: null,
    });
  });

  it('counts failures in a row, and forgets them with any progress', () => {
    const trouble = outcomeOf({ queued: 1 }, 'exchange.closed');
    expect(afterAttempt(trouble, { ...moment, failures: 4 }).failures).toBe(5);
    expect(afterAttempt({ ...trouble, progressed: true }, { ...moment, failures: 4 }).failures).toBe(0);
  });
});

const moment = { failures: 0, sinceMs: 0, nowMs: 1000, random: 0.5 };

function outcomeOf(counts: Partial<DeliveryCounts>, troubleCode: string | null = null): AttemptOutcome {
  return {
    counts: { ...none, ...counts },
    troubleCode,
    retryAfterMs: null,
    progressed: false,
    proof: 'none',
    resends: 0,
  };
}

describe('what a peer answers', () => {
  it('is success, a no for now, or a no for good', () => {
    for (const status of [0, 0xb000, 0xb006, 0xb007, 0x0111])
      expect(storeMeaning(status), String(status)).toEqual({ kind: 'sent' });
    expect(storeMeaning(0xa700)).toEqual({ kind: 'again', code: 'exchange.outOfResources' });
    expect(storeMeaning(0xa7ff)).toEqual({ kind: 'again', code: 'exchange.outOfResources' });
    expect(storeMeaning(0x0110)).toEqual({ kind: 'again', code: 'exchange.serverError' });
    expect(storeMeaning(0xa900)).toEqual({ kind: 'refused', code: 'exchange.doesNotMatch' });
    expect(storeMeaning(0xc000)).toEqual({ kind: 'refused', code: 'exchange.cannotUnderstand' });
    expect(storeMeaning(0xc122)).toEqual({ kind: 'otherSyntax' });
    expect(storeMeaning(0x0122)).toEqual({ kind: 'refused', code: 'exchange.classNotTaken' });
    expect(storeMeaning(0x0124)).toEqual({ kind: 'refused', code: 'exchange.forbidden' });
    expect(storeMeaning(0xff00)).toEqual({ kind: 'refused', code: 'exchange.protocol' });
  });

  it('is never taken for success where no table names it, and has a text where it is none', () => {
    const fine = new Set([0x0000, 0x0001, 0x0107, 0x0111, 0x0116]);
    const codes: readonly string[] = exchangeFailures;
    const wrong = Array.from({ length: 0x10000 }, (_, status) => status).filter((status) => {
      const meaning = storeMeaning(status);
      if (meaning.kind === 'sent') return !fine.has(status) && status >> 12 !== 0xb;
      return meaning.kind !== 'otherSyntax' && !codes.includes(meaning.code);
    });
    expect(wrong).toEqual([]);
  });

  it('is the connection’s trouble, or a person’s, never both', () => {
    for (const code of exchangeFailures) expect(isConnectionTrouble(code) && needsPerson(code), code).toBe(false);
  });
});

describe('the hours of a node', () => {
  it('may cross midnight', () => {
    const night = { from: '22:00', to: '06:00' };
    expect(minutesUntilOpen(night, 23 * 60)).toBe(0);
    expect(minutesUntilOpen(night, 0)).toBe(0);
    expect(minutesUntilOpen(night, 5 * 60 + 59)).toBe(0);
    expect(minutesUntilOpen(night, 6 * 60)).toBe(16 * 60);
    expect(minutesUntilOpen(night, 21 * 60 + 59)).toBe(1);
    const day = { from: '08:00', to: '18:30' };
    expect(minutesUntilOpen(day, 18 * 60 + 29)).toBe(0);
    expect(minutesUntilOpen(day, 18 * 60 + 30)).toBe(13 * 60 + 30);
    expect(minutesUntilOpen(day, 0)).toBe(8 * 60);
    expect(minutesUntilOpen({ from: '07:00', to: '07:00' }, 3)).toBe(0);
    expect(minutesUntilOpen(null, 3)).toBe(0);
  });
});

describe('the hours that a person may choose', () => {
  it('are times of a day that come', () => {
    const use = { send: true, search: false, receive: false };
    const isTaken = (from: string, to: string) => nodeUseSchema.safeParse({ ...use, hours: { from, to } }).success;
    expect(isTaken('00:00', '23:59')).toBe(true);
    expect(isTaken('22:00', '06:00')).toBe(true);
    for (const wrong of ['24:00', '25:10', '99:99', '12:60', '1:00', '']) {
      expect([isTaken(wrong, '06:00'), isTaken('06:00', wrong)], wrong).toEqual([false, false]);
    }
    // Whatever is taken lets something through within a day.
    for (let minute = 0; minute < 1440; minute += 7) {
      expect(minutesUntilOpen({ from: '23:59', to: '00:00' }, minute)).toBeLessThan(1440);
    }
  });

  it('and the states to be listed are no more than there are', () => {
    const states = (count: number) => Array.from({ length: count }, () => 'proven');
    const input = exchangeContract.listDeliveries['~orpc'].inputSchema;
    expect(input?.['~standard'].validate({ states: states(7) })).not.toHaveProperty('issues');
    expect(input?.['~standard'].validate({ states: states(8) })).toHaveProperty('issues');
  });
});

describe('the breaker of a node', () => {
  it('opens after three failures in a row, and lets one trial through after a while', () => {
    let breaker = afterConnectionFailure(afterConnectionFailure(closedBreaker, 0, 0), 0, 0);
    expect(breakerAnswer(breaker, 0)).toBe('pass');
    breaker = afterConnectionFailure(breaker, 1000, 0.999_999_999);
    expect(breaker.trialAt).toBe(31_000);
    expect(breakerAnswer(breaker, 30_999)).toBe('wait');
    expect(breakerAnswer(breaker, 31_000)).toBe('trial');
    for (let failure = 0; failure < 40; failure += 1) breaker = afterConnectionFailure(breaker, 0, 0.999_999_999);
    expect(breaker.trialAt).toBe(900_000);
  });
});

describe('a delivery', () => {
  it('is what its instances are', () => {
    expect(stateOfCounts({ ...none, proven: 5 })).toBe('proven');
    expect(stateOfCounts({ ...none, proven: 5, sent: 1 })).toBe('sent');
    expect(stateOfCounts({ ...none, proven: 5, queued: 1, sent: 1 })).toBe('queued');
    expect(stateOfCounts({ ...none, proven: 5, refused: 1 })).toBe('refused');
    expect(stateOfCounts({ ...none, proven: 5, refused: 1, failed: 1 })).toBe('failed');
    expect(stateOfCounts(none)).toBe('queued');
  });

  it('is never proven, whatever happens in whatever order, without a proof of each instance since it was last sent', () => {
    const event = fc.constantFrom<InstanceEvent>(
      ...(['accepted', 'refused', 'again', 'shown', 'missing', 'givenUp', 'retried'] as const),
    );
    let proven = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.tuple(fc.nat(2), event), { minLength: 2, maxLength: 40 }),
        (count, steps) => {
          const instances = Array.from({ length: count }, () => ({
            state: 'queued' as InstanceState,
            resends: 0,
            /** Taken by the peer, and shown since. */
            taken: false,
            shown: false,
          }));
          for (const [index, happened] of steps) {
            const instance = instances[index % count]!;
            const before = instance.state;
            instance.state = nextInstanceState(before, happened, instance.resends);
            if (before === 'proven') expect(instance.state).toBe('proven');
            if (happened === 'accepted' && before === 'queued') Object.assign(instance, { taken: true, shown: false });
            if (happened === 'shown' && before === 'sent') instance.shown = true;
            if (happened === 'missing' && before === 'sent') {
              Object.assign(instance, { taken: false, shown: false, resends: instance.resends + 1 });
            }
            const counts = { ...none };
            for (const { state } of instances) counts[state] += 1;
            if (stateOfCounts(counts) !== 'proven') continue;
            proven += 1;
            expect(instances.every(({ taken, shown }) => taken && shown)).toBe(true);
          }
        },
      ),
      { numRuns: 3000 },
    );
    // The run must have met what it is about.
    expect(proven).toBeGreaterThan(500);
  });

  it('is sent again three times at most when it is not there', () => {
    let state: InstanceState = 'queued';
    let resends = 0;
    let sent = 0;
    while (state === 'queued') {
      state = nextInstanceState(state, 'accepted', resends);
      sent += 1;
      state = nextInstanceState(state, 'missing', resends);
      resends += 1;
    }
    expect([state, sent]).toEqual(['failed', mostResends + 1]);
  });
});
