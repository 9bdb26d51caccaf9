import { Failure } from '../../../../app/shared/failure.ts';
import type { AssetHandler } from '../../../core.ts';
import { renderRequest } from '../dicomweb/wado.ts';

const address =
  /^\/conflicts\/((?:instance|study):[0-9.]{1,64})\/([0-9.]{1,64})\/([0-9a-f]{16,128})\/frames\/(\d{1,7})\/rendered$/;

/**
 * GET /conflicts/<conflict>/<study>/<content>/frames/<n>/rendered: a picture of one content of an instance, with the
 * parameters of the DICOMweb rendered resource. Never one of another person, nor of a study that names two.
 */
export const conflictAssets: AssetHandler = async (request, context) => {
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } });
  const url = new URL(request.url);
  const match = address.exec(decodeURIComponent(url.pathname));
  if (!match) throw new Failure('system.notFound', 'no such address');
  const [, conflictId = '', studyUid = '', objectName = '', frame = ''] = match;
  if (!context.can('studies.read')) throw new Failure('security.notAllowed', 'pictures need studies.read');
  const render = renderRequest(url.searchParams, Number(frame), 'rendered', 'png');
  const { conflicts } = context.services().imaging;
  const answer = await conflicts.renderConflict({ conflictId, studyUid, objectName }, render, request.signal);
  return new Response(answer.body as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': answer.contentType, 'content-length': String(answer.body.length) },
  });
};
