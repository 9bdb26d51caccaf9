import type { FrameAttributes } from '../../app/domains/imaging/frameAttributes.ts';
import type { DecodeReply, DecodeRequest, LoaderFrame } from './decodeFrame.worker.ts';
import { FrameError } from './frameTransfer.ts';

export type SampleArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Stored values (one sample a pixel, or interleaved RGB of eight bits) and their extremes. */
export type DecodedFrame = Extract<DecodeReply, { stored: unknown }>;

/** Longest time for one frame, in milliseconds: a codec that never ends must not leave a picture loading for ever. */
const limitMs = 30_000;

interface Waiting {
  readonly timer: ReturnType<typeof setTimeout>;
  readonly resolve: (frame: DecodedFrame) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly worker: Worker;
  /** It has said that its script runs. Before that, no frame can be at fault. */
  isRunning: boolean;
  readonly waiting: Map<number, Waiting>;
}

/**
 * Web workers that decode with dicom-image-loader's codecs, each taking the next frame when it has the fewest waiting.
 * The host sends only what those decode to the right values and turns everything else into plain little-endian cells
 * (main/domains/imaging/pixels/frameForWeb.ts); a test compares the two on every sample. A worker that dies or never
 * ends fails its frames and is replaced, and one that never came to run says that, not that the frames are damaged; the
 * loader's own worker manager would lose its place in the queue.
 */
export class DecodePool {
  #members: Member[] = [];
  #nextId = 1;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    // The first frame does not wait for its decoder to be fetched and compiled.
    this.#start();
  }

  /** @throws FrameError when the frame is cut short or can't be decoded, or the decoder can't be started */
  decode(bytes: Uint8Array<ArrayBuffer>, syntaxUid: string, attributes: FrameAttributes): Promise<DecodedFrame> {
    const member = this.#leastBusy();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#lose(member, 'the decoder did not come to an end'), limitMs);
      member.waiting.set(id, { resolve, reject, timer });
      const request: DecodeRequest = { id, bytes, syntaxUid, frame: loaderFrameOf(attributes) };
      member.worker.postMessage(request, [bytes.buffer]);
    });
  }

  close(): void {
    for (const member of this.#members)
      this.#drop(member, new FrameError('imaging.frameUnavailable', 'the viewer was closed'));
    this.#members = [];
  }

  #leastBusy(): Member {
    const idle = this.#members.find((member) => member.waiting.size === 0);
    if (idle) return idle;
    if (this.#members.length < this.#size) return this.#start();
    return this.#members.reduce((best, member) => (member.waiting.size < best.waiting.size ? member : best));
  }

  #start(): Member {
    const worker = new Worker(new URL('./decodeFrame.worker.ts', import.meta.url), { type: 'module' });
    const member: Member = { worker, isRunning: false, waiting: new Map() };
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      if ('ready' in data) {
        member.isRunning = true;
        return;
      }
      const waiting = member.waiting.get(data.id);
      member.waiting.delete(data.id);
      clearTimeout(waiting?.timer);
      if ('stored' in data) waiting?.resolve(data);
      else waiting?.reject(new FrameError(data.code, data.message));
    };
    worker.onerror = () => this.#lose(member, 'the decoder stopped on this frame');
    this.#members.push(member);
    return member;
  }

  #lose(member: Member, why: string): void {
    this.#members = this.#members.filter((each) => each !== member);
    this.#drop(
      member,
      member.isRunning
        ? new FrameError('imaging.damagedPixelData', why)
        : new FrameError('imaging.decoderUnavailable', 'the decoder did not start'),
    );
  }

  #drop(member: Member, error: Error): void {
    member.worker.terminate();
    for (const { reject, timer } of member.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    member.waiting.clear();
  }
}

/** The attributes as the metadata gives them, which are those of the frame as sent. */
function loaderFrameOf(attributes: FrameAttributes): LoaderFrame {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, highBit, signed, photometric } = attributes;
  return {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    highBit,
    pixelRepresentation: attributes.sampleFormat === 'integer' ? (signed ? 1 : 0) : undefined,
    planarConfiguration: 0,
    photometricInterpretation: photometric,
  };
}
