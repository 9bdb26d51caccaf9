import type { SalusWindow } from '../harness/chromiumWindow.ts';

/** How the viewport's stored values compare with the host decoder's. */
export interface FrameComparison {
  /** 'same', 'different', or why there is nothing to compare. */
  readonly outcome: 'same' | 'different' | 'notDrawn' | 'hostRefused';
  readonly values: number;
  readonly largestDifference: number;
  /** Failure code when the host refuses the frame. */
  readonly code: string;
  readonly sopUid: string;
  readonly frame: number;
}

/**
 * Compares the picture drawn in a viewport with the frame as the host's own decoder gives it (native little endian),
 * inside the page: a radiograph has too many values to carry out of it.
 */
export function compareWithHost(
  window: SalusWindow,
  studyUid: string,
  seriesUid: string,
  pane = 0,
): Promise<FrameComparison> {
  return window.page.evaluate(
    async ({ study, series, at }) => {
      interface Shown {
        sopUid: string;
        frame: number;
        samplesPerPixel: number;
        stored: ArrayLike<number>;
      }
      const probe = (
        globalThis as unknown as { __salusViewport?: { stacks(): { getDisplayedImage(): Shown | undefined }[] } }
      ).__salusViewport;
      const shown = probe?.stacks()[at]?.getDisplayedImage();
      const nothing = {
        values: 0,
        largestDifference: 0,
        code: '',
        sopUid: shown?.sopUid ?? '',
        frame: shown?.frame ?? 0,
      };
      if (!shown) return { ...nothing, outcome: 'notDrawn' as const };
      const base = `/dicomweb/studies/${study}/series/${series}/instances/${shown.sopUid}`;
      const ask = (path: string, accept: string) =>
        fetch(base + path, { headers: { authorization: `Bearer ${sessionStorage.getItem('salus.bearer')}`, accept } });
      const native = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1';
      const reply = await ask(`/frames/${shown.frame}`, native);
      if (!reply.ok) return { ...nothing, outcome: 'hostRefused' as const, code: (await reply.json()).code };
      let bytes = new Uint8Array(await reply.arrayBuffer());
      const boundary = /boundary="?([^";]+)/.exec(reply.headers.get('content-type') ?? '')?.[1];
      if (boundary) {
        const text = new TextDecoder('latin1').decode(bytes.subarray(0, 2000));
        const start = text.indexOf('\r\n\r\n') + 4;
        bytes = bytes.slice(start, bytes.length - `\r\n--${boundary}--\r\n`.length + (endsWithBreak(bytes) ? 0 : 2));
      }
      const [described] = await (await ask('/metadata', 'application/dicom+json')).json();
      const number = (tag: string): number | undefined => described[tag]?.Value?.[0];
      const allocated = number('00280100') ?? 8;
      const isSigned = number('00280103') === 1;
      const isFloat = allocated >= 32 && number('00280103') === undefined;
      const whole = bytes.slice(0, bytes.length - (bytes.length % (allocated / 8 || 1))).buffer;
      const host: ArrayLike<number> =
        allocated <= 8
          ? isSigned
            ? new Int8Array(whole)
            : new Uint8Array(whole)
          : allocated === 16
            ? isSigned
              ? new Int16Array(whole)
              : new Uint16Array(whole)
            : isFloat
              ? new Float32Array(whole)
              : isSigned
                ? new Int32Array(whole)
                : new Uint32Array(whole);
      let largest = host.length === shown.stored.length ? 0 : Number.POSITIVE_INFINITY;
      for (let index = 0; index < shown.stored.length; index += 1) {
        const one = shown.stored[index] ?? 0;
        const other = host[index] ?? Number.NaN;
        const off = Object.is(one, other) || (Number.isNaN(one) && Number.isNaN(other)) ? 0 : Math.abs(one - other);
        if (!(off <= largest)) largest = off;
      }
      const outcome = largest === 0 ? ('same' as const) : ('different' as const);
      return { ...nothing, outcome, values: shown.stored.length, largestDifference: largest };

      function endsWithBreak(all: Uint8Array): boolean {
        return all.at(-1) === 10 && all.at(-2) === 13;
      }
    },
    { study: studyUid, series: seriesUid, at: pane },
  );
}
