import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore } from '../../core.ts';
import type { Transaction } from '../../database/writeGate.ts';

export interface DocumentRecord {
  readonly documentId: string;
  readonly studyUid: string;
  readonly patientId: string;
  readonly reportId: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly archiveName: string;
  readonly createdAt: number;
  readonly author: string;
}

interface DocumentRow {
  document_id: string;
  study_uid: string;
  patient_id: string;
  report_id: string;
  media_type: string;
  bytes: number;
  archive_name: string;
  created_at: number;
  author: string;
}

/** How long an unsigned preview can be read, in milliseconds. */
const previewLifeMs = 10 * 60_000;
const maximumPreviews = 8;

/** The documents of an open store: signed ones in the archive, previews in memory for as long as someone reads them. */
export interface DocumentService {
  /** Writes the row of a document whose bytes are already in the archive. Call inside the write of the fact it belongs to. */
  register(tx: Transaction, document: DocumentRecord, hlc: string): void;
  /** @throws Failure('reports.documentUnknown') */
  read(
    documentId: string,
  ): Promise<{ readonly record: DocumentRecord | null; readonly content: Uint8Array; readonly mediaType: string }>;
  /** Keeps bytes in memory only, for ten minutes, for the operator who asked. */
  keepPreview(documentId: string, content: Uint8Array, mediaType: string, operatorId: string): void;
  /** The operator a preview belongs to, or undefined when the id names no preview. */
  previewOwner(documentId: string): string | undefined;
}

export function openDocumentService(store: OpenStore): DocumentService {
  const previews = new Map<string, { content: Uint8Array; mediaType: string; operatorId: string; until: number }>();
  const sweep = (): void => {
    const now = store.platform.clock.nowMs();
    for (const [id, preview] of previews) if (preview.until < now) previews.delete(id);
  };
  return {
    register(tx, document, hlc) {
      tx.run(
        `INSERT INTO document (document_id, study_uid, patient_id, report_id, media_type, bytes, archive_name, created_at, author, version, hlc, site_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (document_id) DO NOTHING`,
        document.documentId,
        document.studyUid,
        document.patientId,
        document.reportId,
        document.mediaType,
        document.bytes,
        document.archiveName,
        document.createdAt,
        document.author,
        hlc,
        tx.siteId,
      );
      tx.topic('documents');
    },
    async read(documentId) {
      sweep();
      const preview = previews.get(documentId);
      if (preview !== undefined) return { record: null, content: preview.content, mediaType: preview.mediaType };
      const row = store.reader.get<DocumentRow>('SELECT * FROM document WHERE document_id = ?', documentId);
      if (row === undefined) throw new Failure('reports.documentUnknown', 'no such document');
      return { record: fromRow(row), content: await store.archive.get(row.archive_name), mediaType: row.media_type };
    },
    keepPreview(documentId, content, mediaType, operatorId) {
      sweep();
      const oldest = previews.keys().next();
      if (previews.size >= maximumPreviews && !oldest.done) previews.delete(oldest.value);
      previews.set(documentId, { content, mediaType, operatorId, until: store.platform.clock.nowMs() + previewLifeMs });
    },
    previewOwner: (documentId) => previews.get(documentId)?.operatorId,
  };
}

function fromRow(row: DocumentRow): DocumentRecord {
  return {
    documentId: row.document_id,
    studyUid: row.study_uid,
    patientId: row.patient_id,
    reportId: row.report_id,
    mediaType: row.media_type,
    bytes: row.bytes,
    archiveName: row.archive_name,
    createdAt: row.created_at,
    author: row.author,
  };
}
