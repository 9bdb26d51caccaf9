import { IconDownload, IconPrinter } from '@tabler/icons-react';
import { GlobalWorkerOptions, getDocument, type PDFDocumentProxy } from 'pdfjs-dist';
import pdfWorkerUrl from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import { onLock } from '../../api/lockRegistry.ts';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';

GlobalWorkerOptions.workerSrc = pdfWorkerUrl;

export interface PdfViewProps {
  readonly documentId: string;
  /** A preview is looked at, a signed document can also be saved and printed. */
  readonly keepable: boolean;
  /** Called when the document can be read in the window: every page of it is drawn. */
  readonly onShown?: (documentId: string) => void;
}

/** Shows a PDF of the host inside the window, page under page, without a plug-in and without a copy on the disk. */
export function PdfView({ documentId, keepable, onShown }: PdfViewProps) {
  const { t } = useTranslation('reports');
  const { fetchAsset } = useApi();
  const [bytes, setBytes] = useState<Uint8Array<ArrayBuffer> | null>(null);
  const [opened, setOpened] = useState<OpenedPdf | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const shown = useRef(onShown);
  shown.current = onShown;

  useEffect(() => {
    const stop = new AbortController();
    let pdf: PDFDocumentProxy | null = null;
    setOpened(null);
    setFailure(null);
    const open = async (): Promise<void> => {
      const response = await fetchAsset(`/documents/${documentId}`, { signal: stop.signal });
      const loaded = new Uint8Array(await response.arrayBuffer());
      // The reader takes the buffer for itself, so it gets a copy.
      pdf = await getDocument({ data: loaded.slice(), disableFontFace: true }).promise;
      if (stop.signal.aborted) return void pdf.loadingTask.destroy();
      setBytes(loaded);
      setOpened({ documentId, pdf, drawn: new Set() });
    };
    open().catch((error: unknown) => {
      if (!stop.signal.aborted) setFailure(asFailure(error));
    });
    return () => {
      stop.abort();
      setBytes(null);
      void pdf?.loadingTask.destroy();
    };
  }, [documentId, fetchAsset]);

  const withUrl = (use: (url: string) => void): void => {
    if (bytes === null) return;
    const url = URL.createObjectURL(new Blob([bytes], { type: 'application/pdf' }));
    const revoke = (): void => URL.revokeObjectURL(url);
    setTimeout(revoke, 60_000);
    onLock(revoke);
    use(url);
  };
  const save = (): void =>
    withUrl((url) => {
      const link = document.createElement('a');
      link.href = url;
      link.download = `salus-${documentId}.pdf`;
      link.click();
    });

  if (failure !== null) return <FailureNotice failure={failure} />;
  if (opened === null) return <Skeleton height={420} />;
  const { pdf, drawn } = opened;
  const pageDrawn = (number: number): void => {
    drawn.add(number);
    if (drawn.size === pdf.numPages) shown.current?.(opened.documentId);
  };
  return (
    <div className="report-pdf">
      {keepable ? (
        <div className="report-pdf-actions">
          <Button size="s" icon={<IconDownload size={16} stroke={1.6} />} onClick={save}>
            {t('pdf.save')}
          </Button>
          <Button size="s" icon={<IconPrinter size={16} stroke={1.6} />} onClick={() => window.print()}>
            {t('pdf.print')}
          </Button>
        </div>
      ) : null}
      <div className="report-pages" data-pages={pdf.numPages}>
        {Array.from({ length: pdf.numPages }, (_unused, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: pages have no identity but their number and never move.
          <PdfPage key={index} pdf={pdf} number={index + 1} onDrawn={pageDrawn} onFailed={setFailure} />
        ))}
      </div>
    </div>
  );
}

/** A document that is parsed, and which of its pages can be seen by now. */
interface OpenedPdf {
  readonly documentId: string;
  readonly pdf: PDFDocumentProxy;
  readonly drawn: Set<number>;
}

interface PdfPageProps {
  readonly pdf: PDFDocumentProxy;
  readonly number: number;
  readonly onDrawn: (number: number) => void;
  readonly onFailed: (failure: unknown) => void;
}

function PdfPage({ pdf, number, onDrawn, onFailed }: PdfPageProps) {
  const { t } = useTranslation('reports');
  const told = useRef({ onDrawn, onFailed });
  told.current = { onDrawn, onFailed };
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let cancelled = false;
    let task: { cancel(): void; promise: Promise<void> } | null = null;
    const draw = async (): Promise<void> => {
      const page = await pdf.getPage(number);
      const target = canvas.current;
      if (cancelled || target === null) return;
      const viewport = page.getViewport({ scale: 1.5 * Math.max(1, window.devicePixelRatio) });
      target.width = viewport.width;
      target.height = viewport.height;
      task = page.render({ canvas: target, viewport });
      await task.promise;
      if (cancelled) return;
      target.dataset.drawn = 'true';
      told.current.onDrawn(number);
    };
    draw().catch((error: unknown) => {
      // A page that is taken away while it is drawn is no failure.
      if (!cancelled) told.current.onFailed(asFailure(error));
    });
    return () => {
      cancelled = true;
      task?.cancel();
    };
  }, [pdf, number]);
  return (
    <canvas
      ref={canvas}
      className="report-page"
      role="img"
      aria-label={t('pdf.page', { number, pages: pdf.numPages })}
    />
  );
}
