import type { Reader } from '../../../database/writeGate.ts';
import type { KnownNode } from '../exchangeParts.ts';
import { associationWishOf, webPeerOf } from '../nodes/nodeConnections.ts';
import { ownAeTitle } from '../receiving/receiverSettings.ts';
import type { AskedPeer } from './finderMessages.ts';

/**
 * A node as the threads of this folder talk to it. Holds secrets: never log it.
 */
export function askedPeerOf(known: KnownNode, reader: Reader): AskedPeer {
  switch (known.node.settings.kind) {
    case 'dimse': {
      const { host, port, callingAe, calledAe, tls } = associationWishOf(known, {
        ownAe: ownAeTitle(reader),
        contexts: [],
      });
      return { kind: 'dimse', dimse: { host, port, callingAe, calledAe, ...(tls ? { tls } : {}) } };
    }
    case 'dicomweb':
      return { kind: 'web', web: webPeerOf(known) };
    case 'xnat':
      return { kind: 'xnat', web: webPeerOf(known), projectId: known.node.settings.project };
  }
}
