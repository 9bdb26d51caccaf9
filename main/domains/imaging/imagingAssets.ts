import { Failure } from '../../../app/shared/failure.ts';
import type { AssetHandler } from '../../core.ts';
import { type DicomwebAddress, parseDicomwebAddress } from './dicomweb/dicomwebAddress.ts';
import { searchDicomweb } from './dicomweb/qido.ts';
import {
  NotAcceptable,
  notAcceptable,
  retrieveFrames,
  retrieveMetadata,
  retrieveObjects,
  retrievePicture,
  type WadoParts,
} from './dicomweb/wado.ts';

/**
 * DICOMweb over the local store: QIDO-RS search and WADO-RS retrieve, metadata, frames, rendered, thumbnail (PS3.18).
 * A study whose instances name two people gives nothing but its search result: 'imaging.identityConflict'.
 */
export const imagingAssets: AssetHandler = async (request, context) => {
  const url = new URL(request.url);
  const address = parseDicomwebAddress(url.pathname);
  if (address === null) return new Response(null, { status: 404 });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
  // Whole objects as received are what an export writes: whoever may only look does not get them by another door.
  const needed = address.kind === 'retrieve' ? 'studies.export' : 'studies.read';
  if (!context.can(needed)) throw new Failure('security.notAllowed', `this address needs ${needed}`);
  const parts: WadoParts = { store: context.store(), imaging: context.services().imaging, request };
  try {
    return await answer(address, parts, url.searchParams);
  } catch (error) {
    if (error instanceof NotAcceptable) return notAcceptable();
    throw error;
  }
};

async function answer(address: DicomwebAddress, parts: WadoParts, parameters: URLSearchParams): Promise<Response> {
  switch (address.kind) {
    case 'search': {
      const { matches, ignored } = await searchDicomweb(parts.store, { ...address, parameters });
      const headers: Record<string, string> = { 'content-type': 'application/dicom+json' };
      // PS3.18 section 8.3.4.2: what was not obeyed is said, the rest is answered.
      if (ignored.length > 0)
        headers['warning'] = '299 salus "some query parameters are not supported and were ignored"';
      return new Response(JSON.stringify(matches), { headers });
    }
    case 'retrieve':
      return retrieveObjects(parts, address.scope);
    case 'metadata':
      return retrieveMetadata(parts, address.scope);
    case 'frames':
      return retrieveFrames(parts, address.scope, address.scope.frames ?? [1]);
    case 'pixelData':
      return retrieveFrames(parts, address.scope, 'all');
    case 'rendered':
    case 'thumbnail':
      return retrievePicture(parts, address.scope, address.kind);
  }
}
