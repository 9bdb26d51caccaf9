import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const boards = vi.hoisted(() => ({ made: 0, closed: 0 }));
vi.mock('./drawingBoard.ts', () => ({
  DrawingBoard: class {
    constructor() {
      boards.made += 1;
    }
    close() {
      boards.closed += 1;
    }
  },
}));
vi.mock('./decodePool.ts', () => ({
  DecodePool: class {
    close() {
      // Nothing is open.
    }
  },
}));
vi.mock('./frameLibrary.ts', () => ({ FrameLibrary: class {} }));
vi.mock('./stackView.ts', () => ({ StackView: class {} }));

const { giveBackGraphics, prepareGraphics, takeGraphics } = await import('./rehearsal.ts');
const size = () => ({ width: 100, height: 100 });

/** The hazard: a rehearsal beside an open study takes the frame loader from it, and its next slice does not come. */
describe('a rehearsal', () => {
  let steps: (() => void)[];
  beforeEach(() => {
    boards.made = 0;
    boards.closed = 0;
    steps = [];
    vi.useFakeTimers();
    vi.stubGlobal('window', { addEventListener: () => undefined, removeEventListener: () => undefined });
    vi.stubGlobal('requestIdleCallback', (step: () => void) => steps.push(step));
    vi.stubGlobal('cancelIdleCallback', (id: number) => {
      steps[id - 1] = () => undefined;
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  /** Its first step: it makes graphics. */
  const rest = () => {
    vi.advanceTimersByTime(5000);
    steps.splice(0, 1)[0]?.();
  };

  it('waits until every engine has given its graphics back, and begins then', () => {
    const [one, two] = [takeGraphics(), takeGraphics()];
    const stop = prepareGraphics(size);
    rest();
    expect(boards.made).toBe(2);
    giveBackGraphics(one);
    rest();
    expect(boards.made).toBe(2);
    giveBackGraphics(two);
    rest();
    expect(boards).toEqual({ made: 3, closed: 2 });
    stop();
    expect(boards.closed).toBe(3);
  });

  it('called off while a study is open does not begin when it is closed', () => {
    const stop = prepareGraphics(size);
    const taken = takeGraphics();
    stop();
    giveBackGraphics(taken);
    rest();
    expect(boards).toEqual({ made: 1, closed: 1 });
  });
});
