import type { ArchiveAccess } from '../../../archive/archive.ts';
import type { RenderOptions } from '../pixels/renderFrame.ts';

export interface ObjectReaderData {
  readonly archiveAccess: ArchiveAccess;
}

export interface RenderRequest {
  readonly frame: number;
  readonly window: NonNullable<RenderOptions['window']> | null;
  /** Box in pixels the picture must fit into, in its true proportions; null keeps one pixel one pixel. */
  readonly box: { readonly width: number; readonly height: number } | null;
  readonly type: 'png' | 'jpeg';
  readonly quality: number;
}

/** What can be asked of an archived object. Frames are 1-based here as in the addresses; they become indexes at the decoder. */
export type ObjectRequest =
  /** Frames as the web gets them: one body, or parts between `boundary` (PS3.18 section 8.6.1.2). */
  | {
      readonly type: 'frames';
      readonly objectName: string;
      readonly frames: readonly number[];
      readonly decoded: boolean;
      readonly boundary: string | null;
    }
  | ({ readonly type: 'render'; readonly objectName: string } & { readonly render: RenderRequest })
  | {
      readonly type: 'keyImage';
      readonly objectName: string;
      readonly frame: number;
      readonly window: RenderRequest['window'];
      readonly longest: number;
    }
  /** The original bytes. */
  | { readonly type: 'bytes'; readonly objectName: string }
  /** The object without compression, as a bare data set in explicit or implicit VR little endian. */
  | { readonly type: 'native'; readonly objectName: string; readonly transferSyntaxUid: string }
  /** Writes the original bytes to a new file and reads them back to prove it. */
  | { readonly type: 'export'; readonly objectName: string; readonly path: string }
  /** What an object says of itself, as the index keeps it: `{header, json, window}`, the packed header in base64. */
  | { readonly type: 'examine'; readonly objectName: string }
  /** In what another object differs from this one, as JSON (conflictSchema.ts). */
  | { readonly type: 'compare'; readonly objectName: string; readonly otherName: string }
  /** The facts of packed headers (conflicts/headerFacts.ts), as a JSON array. */
  | { readonly type: 'facts'; readonly objectName: string; readonly headers: readonly Uint8Array[] }
  /** Inflates headers and joins them to one JSON array. */
  | {
      readonly type: 'headers';
      readonly objectName: string;
      readonly headers: readonly Uint8Array[];
      readonly tails: readonly string[];
    };

export interface BodyAnswer {
  readonly body: Uint8Array;
  readonly contentType: string;
}

export interface KeyImageAnswer {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Height of a pixel divided by its width. */
  readonly pixelAspect: number;
  /** Pixels of the picture per pixel of the image. */
  readonly scale: number;
}

export interface ToReader {
  readonly id: number;
  readonly request: ObjectRequest;
}

export interface FromReader {
  readonly id: number;
  readonly value?: BodyAnswer | KeyImageAnswer;
  readonly failure?: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, string | number | boolean>>;
  };
  readonly error?: string;
}
