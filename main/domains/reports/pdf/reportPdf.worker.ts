import { parentPort } from 'node:worker_threads';
import { faultText } from '../../../platform/faultText.ts';
import { renderReportPdf } from './reportPdf.ts';
import type { ReportPdfInput } from './reportPdfInput.ts';

/** Writes one PDF per message, away from the thread that answers the window. */
parentPort?.on('message', (message: { id: number; input: ReportPdfInput }) => {
  renderReportPdf(message.input).then(
    (bytes) => {
      // A copy of its own, so that the buffer can move to the other thread whole.
      const own = Uint8Array.from(bytes);
      parentPort?.postMessage({ id: message.id, bytes: own }, [own.buffer]);
    },
    (error: unknown) => {
      parentPort?.postMessage({
        id: message.id,
        error: faultText(error),
      });
    },
  );
});
