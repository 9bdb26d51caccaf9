import type { DicomDataset } from '../../app/domains/imaging/dicomElements.ts';
import { DecodePool } from './decodePool.ts';
import { DrawingBoard } from './drawingBoard.ts';
import { FrameLibrary } from './frameLibrary.ts';
import { StackView } from './stackView.ts';

/** A small picture of no patient, drawn large: its edge in pixels, 16 bits a pixel as a slice has. */
const edge = 32;

/**
 * Nothing is begun while a person is at work: this long after the last key, click or turn of the wheel, in ms. Longer
 * once a study was open: who comes back from one is about to choose the next.
 */
const stillMs = { first: 400, again: 2000 } as const;
const inputs = ['keydown', 'pointerdown', 'wheel', 'input'] as const;

/** In CSS pixels. */
type RoomSize = () => { readonly width: number; readonly height: number };

/** What draws and what decodes: the two parts of an engine that take long to start and know nothing of a study. */
export interface Graphics {
  readonly board: DrawingBoard;
  readonly pool: DecodePool;
}

const rehearsedSeries = {
  studyUid: '2.25.0',
  seriesUid: '2.25.1',
  instances: [
    {
      '0020000D': { vr: 'UI', Value: ['2.25.0'] },
      '0020000E': { vr: 'UI', Value: ['2.25.1'] },
      '00080018': { vr: 'UI', Value: ['2.25.2'] },
      '00280002': { vr: 'US', Value: [1] },
      '00280004': { vr: 'CS', Value: ['MONOCHROME2'] },
      '00280010': { vr: 'US', Value: [edge] },
      '00280011': { vr: 'US', Value: [edge] },
      '00280100': { vr: 'US', Value: [16] },
      '00280101': { vr: 'US', Value: [16] },
      '00280102': { vr: 'US', Value: [15] },
      '00280103': { vr: 'US', Value: [1] },
    } satisfies DicomDataset,
  ],
} as const;

/** Every frame of the rehearsed series: cells of 16 bits, explicit little endian. */
async function answerFrame(): Promise<Response> {
  return new Response(Int16Array.from({ length: edge * edge }, (_, index) => index).buffer, {
    headers: { 'content-type': 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1' },
  });
}

function makeGraphics(): Graphics {
  return {
    board: new DrawingBoard(),
    pool: new DecodePool(Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1))),
  };
}

function closeGraphics({ board, pool }: Graphics): void {
  pool.close();
  board.close();
}

/** Calls a step once the window is idle and nobody has touched it for a moment. */
class RestWatch {
  #touchedAt = Number.NEGATIVE_INFINITY;
  #idleRequest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stillMs: number;

  constructor(quietMs: number, isTouched: boolean) {
    this.#stillMs = quietMs;
    if (isTouched) this.#touched();
    for (const name of inputs) window.addEventListener(name, this.#touched, { capture: true, passive: true });
  }

  whenStill(step: () => void): void {
    const wait = this.#touchedAt + this.#stillMs - performance.now();
    if (wait > 0) this.#timer = setTimeout(() => this.whenStill(step), wait);
    else
      this.#idleRequest = requestIdleCallback(() => {
        if (performance.now() - this.#touchedAt < this.#stillMs) this.whenStill(step);
        else step();
      });
  }

  close(): void {
    cancelIdleCallback(this.#idleRequest);
    clearTimeout(this.#timer);
    for (const name of inputs) window.removeEventListener(name, this.#touched, { capture: true });
  }

  readonly #touched = () => {
    this.#touchedAt = performance.now();
  };
}

/** Makes graphics and draws a picture of no patient with them, outside the screen, one step at a time. */
class Rehearsal {
  #graphics: Graphics | undefined;
  #library: FrameLibrary | undefined;
  #view: StackView | undefined;
  #stage: HTMLElement | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #rest: RestWatch;
  readonly #roomSize: RoomSize;

  constructor(roomSize: RoomSize, isAgain: boolean) {
    this.#roomSize = roomSize;
    this.#rest = new RestWatch(isAgain ? stillMs.again : stillMs.first, isAgain);
    this.#rest.whenStill(() => {
      this.#graphics = makeGraphics();
      this.#rest.whenStill(() => this.#draw());
    });
  }

  /** Ends it, at whatever step it is. Gives what is made by then. */
  end(): Graphics | undefined {
    this.#rest.close();
    clearTimeout(this.#timer);
    this.#view?.close();
    this.#library?.close();
    this.#stage?.remove();
    this.#view = undefined;
    this.#library = undefined;
    const graphics = this.#graphics;
    this.#graphics = undefined;
    return graphics;
  }

  #draw(): void {
    if (!this.#graphics) return;
    const { board, pool } = this.#graphics;
    this.#stage = document.createElement('div');
    this.#stage.setAttribute('aria-hidden', 'true');
    const { width, height } = this.#roomSize();
    this.#stage.className = 'reading-rehearsal';
    this.#stage.style.setProperty('--room-width', `${width}px`);
    this.#stage.style.setProperty('--room-height', `${height}px`);
    document.body.append(this.#stage);
    // Closed: nothing that looks for pictures in this page is to find this one.
    const root = document.createElement('div');
    root.style.cssText = 'position:absolute;inset:0';
    this.#stage.attachShadow({ mode: 'closed' }).append(root);
    this.#library = new FrameLibrary(answerFrame, pool);
    this.#view = new StackView(root, board, this.#library, answerFrame, () => false, {
      onGesture: () => undefined,
      makeId: () => '',
      canEdit: () => false,
      language: () => 'en',
    });
    this.#view.element.style.cssText += ';width:100%;height:100%';
    this.#view.state.watch(() => {
      const status = this.#view?.state.get().status;
      // Out of the drawing that reports it.
      if (status === 'shown' || status === 'failed') this.#timer = setTimeout(() => finishRehearsal(this));
    });
    void this.#view.showSeries(rehearsedSeries);
  }
}

let running: Rehearsal | undefined;
let spare: Graphics | undefined;
/** Graphics in the hands of engines. A rehearsal beside a live one would put its loader of frames in the other's place. */
let taken = 0;
/** Set as long as a rehearsal is wanted. */
let wantedSize: RoomSize | undefined;

function finishRehearsal(rehearsal: Rehearsal): void {
  if (running !== rehearsal) return;
  running = undefined;
  spare = rehearsal.end();
}

/**
 * Starts the graphics while nobody waits for them. Before a window draws its first picture the graphics card's process
 * has to start, Cornerstone tries out what the card can do, shaders and the decoder are compiled: most of the way to a
 * first picture (measured). So that is done while the worklist is idle, with a picture of no patient; the study opened
 * next takes what was made, and once it is closed the next is made ready. One graphics context at a time.
 *
 * @param roomSize how large a reading room would be now: a buffer that has the right size already is not made again
 * @returns calls it off and closes what was made and not taken
 */
export function prepareGraphics(roomSize: RoomSize): () => void {
  wantedSize = roomSize;
  if (!spare && !running && taken === 0) running = new Rehearsal(roomSize, false);
  return () => {
    wantedSize = undefined;
    const left = running?.end() ?? spare;
    running = undefined;
    spare = undefined;
    if (left) closeGraphics(left);
  };
}

/** Graphics for an engine: those that stand ready, whatever is ready of them, or new ones. */
export function takeGraphics(): Graphics {
  const ready = spare ?? running?.end();
  spare = undefined;
  running = undefined;
  const graphics = ready ?? makeGraphics();
  taken += 1;
  return graphics;
}

/** Closes what an engine took; the next is made ready where that is still wanted. */
export function giveBackGraphics(graphics: Graphics): void {
  taken -= 1;
  closeGraphics(graphics);
  if (wantedSize && !running && !spare && taken === 0) running = new Rehearsal(wantedSize, true);
}
