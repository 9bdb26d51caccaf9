import type { Locator } from 'playwright';
import type { SalusWindow } from '../harness/chromiumWindow.ts';

/** What the window offers a test that marked its tab (renderer/features/imaging/deskProbe.ts). */
interface Probe {
  stacks(): {
    getDisplayedImage():
      | {
          sopUid: string;
          frame: number;
          rows: number;
          columns: number;
          samplesPerPixel: number;
          stored: ArrayLike<number>;
        }
      | undefined;
    getWanted(): { sopUid: string; frame: number } | undefined;
    readPixels(): { width: number; height: number; data: Uint8ClampedArray } | undefined;
    toScreen(column: number, row: number): readonly [number, number] | undefined;
    getState(): {
      status: string;
      failureCode?: string;
      count: number;
      wantedIndex: number;
      loadedCount: number;
      picture?: { index: number; window: { centre: number; width: number }; isInverted: boolean };
    };
  }[];
  holdings(): Record<string, number>;
}
type ProbedWindow = Window & { __salusViewport?: Probe };

export interface DisplayedImage {
  readonly sopUid: string;
  readonly frame: number;
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly stored: readonly number[];
}

export interface PaneState {
  readonly status: string;
  readonly failureCode: string | undefined;
  readonly count: number;
  readonly index: number | undefined;
  readonly wantedIndex: number;
  readonly loadedCount: number;
  readonly window: { readonly centre: number; readonly width: number } | undefined;
  readonly isInverted: boolean;
}

export interface PictureFigures {
  readonly width: number;
  readonly height: number;
  readonly mean: number;
  /** How many different greys the middle of the picture has. A blank canvas has one. */
  readonly greys: number;
}

/** The reading room: panes, tools by their keys, and what is said over the picture. */
export class ReadingRoomPage {
  readonly #window: SalusWindow;

  constructor(window: SalusWindow) {
    this.#window = window;
  }

  get root(): Locator {
    return this.#window.page.getByTestId('reading-room');
  }

  pane(index = 0): Locator {
    return this.#window.page.getByTestId(`pane-${index}`);
  }

  /** @throws Error with what the pane and its viewport say instead of a picture */
  async waitForPicture(index = 0, timeout = 30_000): Promise<void> {
    const shown = this.#window.page.locator(`[data-testid="pane-${index}"][data-status="shown"]`);
    await shown.waitFor({ timeout }).catch(async (error: unknown) => {
      const state = await this.state(index).catch(String);
      const screen = await this.#window.page.locator('body').innerText();
      const complaints = this.#window.complaints().join('\n');
      throw new Error(`no picture in pane ${index}: ${JSON.stringify(state)}\n${complaints}\n${screen}`, {
        cause: error,
      });
    });
  }

  async press(key: string): Promise<void> {
    await this.#window.page.keyboard.press(key);
  }

  async state(index = 0): Promise<PaneState> {
    return this.#window.page.evaluate((at) => {
      const state = (window as ProbedWindow).__salusViewport?.stacks()[at]?.getState();
      if (!state) throw new Error('no such viewport');
      return {
        status: state.status,
        failureCode: state.failureCode,
        count: state.count,
        index: state.picture?.index,
        wantedIndex: state.wantedIndex,
        loadedCount: state.loadedCount,
        window: state.picture && { centre: state.picture.window.centre, width: state.picture.window.width },
        isInverted: state.picture?.isInverted ?? false,
      };
    }, index);
  }

  /** Polls the viewport's state until `holds`; gives it. @throws Error with the last state after 15 s */
  async until(holds: (state: PaneState) => boolean, index = 0): Promise<PaneState> {
    const deadline = Date.now() + 15_000;
    for (;;) {
      const state = await this.state(index);
      if (holds(state)) return state;
      if (Date.now() > deadline) throw new Error(`the viewport stays ${JSON.stringify(state)}`);
      await this.#window.page.waitForTimeout(25);
    }
  }

  /** The picture that is drawn, with its stored values as the viewport holds them. */
  async displayed(index = 0): Promise<DisplayedImage> {
    const image = await this.#window.page.evaluate((at) => {
      const shown = (window as ProbedWindow).__salusViewport?.stacks()[at]?.getDisplayedImage();
      return shown && { ...shown, stored: Array.from(shown.stored) };
    }, index);
    if (!image) throw new Error('no picture is drawn');
    return image;
  }

  /** The frame asked for last, drawn or not. */
  async wanted(index = 0): Promise<{ sopUid: string; frame: number }> {
    const wanted = await this.#window.page.evaluate(
      (at) => (window as ProbedWindow).__salusViewport?.stacks()[at]?.getWanted(),
      index,
    );
    if (!wanted) throw new Error('no frame is asked for');
    return wanted;
  }

  /** Which image is drawn, or undefined while there is none. */
  shownSopUid(index = 0): Promise<string | undefined> {
    return this.#window.page.evaluate(
      (at) => (window as ProbedWindow).__salusViewport?.stacks()[at]?.getDisplayedImage()?.sopUid,
      index,
    );
  }

  /** A digest over the stored values instead of all of them: cheaper over many images. */
  async displayedDigest(index = 0): Promise<{ sopUid: string; frame: number; length: number; sha256: string }> {
    const digest = await this.#window.page.evaluate(async (at) => {
      const shown = (window as ProbedWindow).__salusViewport?.stacks()[at]?.getDisplayedImage();
      if (!shown) return undefined;
      const numbers = Float64Array.from(shown.stored);
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', numbers));
      const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return { sopUid: shown.sopUid, frame: shown.frame, length: numbers.length, sha256 };
    }, index);
    if (!digest) throw new Error('no picture is drawn');
    return digest;
  }

  /** What a person sees: figures of the canvas. */
  async figures(index = 0): Promise<PictureFigures> {
    const figures = await this.#window.page.evaluate((at) => {
      const pixels = (window as ProbedWindow).__salusViewport?.stacks()[at]?.readPixels();
      if (!pixels) return undefined;
      const { width, height, data } = pixels;
      const greys = new Set<number>();
      let sum = 0;
      let count = 0;
      for (let y = Math.floor(height * 0.25); y < height * 0.75; y += 2) {
        for (let x = Math.floor(width * 0.25); x < width * 0.75; x += 2) {
          const place = 4 * (y * width + x);
          const grey = ((data[place] ?? 0) + (data[place + 1] ?? 0) + (data[place + 2] ?? 0)) / 3;
          greys.add(Math.round(grey));
          sum += grey;
          count += 1;
        }
      }
      return { width, height, mean: sum / count, greys: greys.size };
    }, index);
    if (!figures) throw new Error('there is no canvas');
    return figures;
  }

  /** Where an image pixel [column, row] lies on the page, CSS pixels. */
  async screenOf(column: number, row: number, index = 0): Promise<readonly [number, number]> {
    const place = await this.#window.page.evaluate(
      ([at, x, y]) =>
        (window as ProbedWindow).__salusViewport?.stacks()[at as number]?.toScreen(x as number, y as number),
      [index, column, row],
    );
    if (!place) throw new Error('no picture is drawn');
    return place;
  }

  /** Moves the mouse over an image pixel and reads what the corner says of it: column, row and value with its unit. */
  async valueSaidAt(column: number, row: number, index = 0): Promise<string> {
    const [x, y] = await this.screenOf(column, row, index);
    await this.#window.page.mouse.move(x, y);
    return this.pane(index).locator('[data-hover]').innerText();
  }

  /**
   * The voxels nearest to two places whose middles lie on whole screen pixels: a mouse can't point between pixels, and
   * what it can't hit can't be measured against.
   */
  async onWholePixels(
    from: readonly [number, number],
    to: readonly [number, number],
  ): Promise<[readonly [number, number], readonly [number, number]]> {
    const [zero, across, down] = await Promise.all([this.screenOf(0, 0), this.screenOf(1, 0), this.screenOf(0, 1)]);
    const nearest = (about: number, origin: number, step: number): number => {
      let best = about;
      let least = Number.POSITIVE_INFINITY;
      for (let place = about - 15; place <= about + 15; place += 1) {
        const screen = origin + place * step;
        const off = Math.abs(screen - Math.round(screen));
        if (off < least - 1e-6) [best, least] = [place, off];
      }
      return best;
    };
    const settle = ([column, row]: readonly [number, number]) =>
      [nearest(column, zero[0], across[0] - zero[0]), nearest(row, zero[1], down[1] - zero[1])] as const;
    return [settle(from), settle(to)];
  }

  /** Draws with the active tool from one image pixel to another. */
  async drawBetween(from: readonly [number, number], to: readonly [number, number], index = 0): Promise<void> {
    const { mouse } = this.#window.page;
    const [x1, y1] = await this.screenOf(...from, index);
    const [x2, y2] = await this.screenOf(...to, index);
    await mouse.move(x1, y1);
    await mouse.down();
    await mouse.move((x1 + x2) / 2, (y1 + y2) / 2, { steps: 3 });
    await mouse.move(x2, y2, { steps: 3 });
    await mouse.up();
  }

  /** The letters at the edges, clockwise from the top. */
  async letters(index = 0): Promise<{ top: string; right: string; bottom: string; left: string }> {
    const read = (edge: string) => this.pane(index).locator(`.reading-edge.at-${edge}`).innerText();
    return {
      top: await read('top'),
      right: await read('right'),
      bottom: await read('bottom'),
      left: await read('left'),
    };
  }

  /** Turns the wheel over the middle of the viewport, in as many events, without waiting for pictures between. */
  async wheel(steps: number, index = 0): Promise<void> {
    const box = await this.pane(index).boundingBox();
    if (!box) throw new Error('the viewport has no place');
    await this.#window.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await this.pane(index)
      .locator('section')
      .evaluate((section, count) => {
        const { left, top, width, height } = section.getBoundingClientRect();
        for (let step = 0; step < Math.abs(count); step += 1) {
          section.dispatchEvent(
            new WheelEvent('wheel', {
              deltaY: Math.sign(count) * 100,
              clientX: left + width / 2,
              clientY: top + height / 2,
              bubbles: true,
              cancelable: true,
            }),
          );
        }
      }, steps);
  }

  thumbnail(text: string | RegExp): Locator {
    return this.#window.page.getByTestId('thumbnail').filter({ hasText: text });
  }

  async chooseTab(tab: 'measurements' | 'report' | 'info'): Promise<void> {
    await this.#window.page.getByTestId(`tab-${tab}`).click();
  }

  /** What the viewport says instead of a picture. */
  async messageOf(index = 0): Promise<string> {
    return this.pane(index).locator('.reading-message').innerText();
  }

  holdings(): Promise<Record<string, number>> {
    return this.#window.page.evaluate(() => {
      const probe = (window as ProbedWindow).__salusViewport;
      if (!probe) throw new Error('no reading room is open');
      return probe.holdings();
    });
  }
}
