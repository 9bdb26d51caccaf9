import { Failure } from '../../../app/shared/failure.ts';
import type { AssetHandler } from '../../core.ts';
import { type DicomwebAddress, parseAccept, parseDicomwebAddress } from './dicomweb/dicomwebAddress.ts';
import { searchDicomweb } from './dicomweb/qido.ts';
import { BadQuery } from './dicomweb/qidoMatch.ts';
import { storeObjects } from './dicomweb/stow.ts';
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
 * DICOMweb over the local store: QIDO-RS search and WADO-RS retrieve, metadata, frames, rendered, thumbnail (PS3.18),
 * and STOW-RS where it is switched on.
 * A study whose instances name two people gives nothing but its search result: 'imaging.identityConflict'.
 */
export const imagingAssets: AssetHandler = async (request, context) => {
  const url = new URL(request.url);
  const address = parseDicomwebAddress(url.pathname);
  if (address === null) return new Response(null, { status: 404 });
  const isStore = address.kind === 'search' && address.level === 'study';
  const isStoreInto = address.kind === 'retrieve' && address.scope.seriesUid === undefined;
  if (request.method === 'POST' && (isStore || isStoreInto))
    return storeObjects(request, context, isStoreInto ? address.scope.studyUid : undefined);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
  // Whole objects as received are what an export writes: whoever may only look does not get them by another door.
  const needed = address.kind === 'retrieve' ? 'studies.export' : 'studies.read';
  if (!context.can(needed)) throw new Failure('security.notAllowed', `this address needs ${needed}`);
  const parts: WadoParts = { store: context.store(), imaging: context.services().imaging, request };
  try {
    return await answer(address, parts, url);
  } catch (error) {
    if (error instanceof NotAcceptable) return notAcceptable();
    if (error instanceof BadQuery) return new Response(null, { status: 400 });
    throw error;
  }
};

async function answer(
  address: DicomwebAddress,
  parts: WadoParts,
  { protocol, host, searchParams }: URL,
): Promise<Response> {
  switch (address.kind) {
    case 'search': {
      const types = parseAccept(parts.request.headers.get('accept'));
      if (!types.some(({ mediaType }) => /^(\*\/\*|application\/(\*|json|dicom\+json))$/.test(mediaType)))
        return notAcceptable();
      // Not `origin`, which is 'null' for an address that is not http.
      const service = `${protocol}//${host}/dicomweb`;
      const query = { ...address, parameters: searchParams, service };
      const { matches, warnings } = await searchDicomweb(parts.store, query);
      const headers = new Headers({ 'content-type': 'application/dicom+json' });
      // PS3.18 section 8.3.4: what was not obeyed is said, the rest is answered. Nothing found is an empty list and 200,
      // as the standard has it since 2025; 204 before.
      for (const warning of warnings) headers.append('warning', `299 ${service}: ${warning}`);
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
