import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WheelSteps } from './wheelSteps.ts';

const total = (events: readonly { deltaY: number; deltaMode?: number }[]) => {
  const wheel = new WheelSteps();
  return events.reduce((sum, { deltaY, deltaMode = 0 }) => sum + wheel.stepsOf({ deltaY, deltaMode }), 0);
};

describe('wheel steps', () => {
  it.each([53, 100, 120])('count each notch of %i pixels, one by one or joined by the browser', (notch) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 40 }), (joins) => {
        const events = [{ deltaY: notch }, ...joins.map((join) => ({ deltaY: join * notch }))];
        expect(total(events)).toBe(1 + joins.reduce((sum, join) => sum + join, 0));
      }),
    );
  });
  it('take 100 notches to the hundredth slice, and back', () => {
    expect(total(Array.from({ length: 100 }, () => ({ deltaY: 100 })))).toBe(100);
    expect(
      total([
        ...Array.from({ length: 100 }, () => ({ deltaY: 120 })),
        ...Array.from({ length: 100 }, () => ({ deltaY: -120 })),
      ]),
    ).toBe(0);
  });
  it('understand a first event that is already joined', () => {
    expect(total([{ deltaY: 360 }, { deltaY: 120 }])).toBe(4);
    expect(total([{ deltaY: 500 }, { deltaY: 100 }])).toBe(6);
  });
  it('add up the small movements of a touchpad and forget them when it turns back', () => {
    expect(total(Array.from({ length: 30 }, () => ({ deltaY: 4 })))).toBe(3);
    expect(
      total([
        ...Array.from({ length: 9 }, () => ({ deltaY: 4 })),
        ...Array.from({ length: 9 }, () => ({ deltaY: -4 })),
      ]),
    ).toBe(0);
  });
  it('speak lines and pages too', () => {
    expect(
      total([
        { deltaY: 3, deltaMode: 1 },
        { deltaY: -3, deltaMode: 1 },
        { deltaY: 6, deltaMode: 1 },
        { deltaY: 1, deltaMode: 2 },
      ]),
    ).toBe(3);
  });
});
