import { Failure } from '../../../app/shared/failure.ts';
import type { AssetHandler } from '../../core.ts';

/**
 * GET /documents/<documentId>: a signed document, or a preview for the operator who asked for it. One audit entry for
 * each signed document opened.
 */
export const documentAssets: AssetHandler = async (request, context) => {
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } });
  const author = context.author();
  const match = /^\/documents\/([0-9a-f-]{36})$/.exec(new URL(request.url).pathname);
  if (match === null) throw new Failure('system.notFound', 'no such document address');
  const documentId = match[1] ?? '';
  if (!context.can('reports.read')) throw new Failure('security.notAllowed', 'documents need reports.read');
  const { documents } = context.services();
  const owner = documents.previewOwner(documentId);
  if (owner !== undefined && owner !== author.operatorId)
    throw new Failure('reports.documentUnknown', 'no such document');
  const { record, content, mediaType } = await documents.read(documentId);
  if (record !== null) {
    context
      .store()
      .gate.record(
        author,
        'documents.open',
        'success',
        { type: 'document', id: documentId },
        { reportId: record.reportId },
      );
  }
  return new Response(new Uint8Array(content), {
    headers: {
      'content-type': mediaType,
      'content-length': String(content.byteLength),
      'content-disposition': `inline; filename="salus-${documentId}.pdf"`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  });
};
