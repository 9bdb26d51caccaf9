import type { DecodeReply, DecodeRequest } from './decodeFrame.worker.ts';
import { FrameError } from './frameTransfer.ts';

export type DecodedFrame = Extract<DecodeReply, { stored: unknown }>;

interface Waiting {
  readonly resolve: (frame: DecodedFrame) => void;
  readonly reject: (error: Error) => void;
}

interface Member {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/** Decode workers, each taking the next frame when it has the fewest waiting. A worker that dies fails its frames and is replaced. */
export class DecodePool {
  #members: Member[] = [];
  #nextId = 1;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    // The first frame does not wait for its decoder to be fetched and compiled.
    this.#start();
  }

  decode(request: Omit<DecodeRequest, 'id'>): Promise<DecodedFrame> {
    const member = this.#leastBusy();
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      member.waiting.set(id, { resolve, reject });
      member.worker.postMessage({ ...request, id } satisfies DecodeRequest, [request.bytes]);
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
    const member: Member = { worker, waiting: new Map() };
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      const waiting = member.waiting.get(data.id);
      member.waiting.delete(data.id);
      if ('stored' in data) waiting?.resolve(data);
      else waiting?.reject(new FrameError(data.code, data.message));
    };
    worker.onerror = () => {
      this.#members = this.#members.filter((each) => each !== member);
      this.#drop(member, new FrameError('imaging.damagedPixelData', 'the decoder stopped on this frame'));
    };
    this.#members.push(member);
    return member;
  }

  #drop(member: Member, error: Error): void {
    member.worker.terminate();
    for (const { reject } of member.waiting.values()) reject(error);
    member.waiting.clear();
  }
}
