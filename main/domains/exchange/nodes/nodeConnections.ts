import { Failure } from '../../../../app/shared/failure.ts';
import type { AssociationWish, ContextWish, DimseTimes } from '../../../dicom/dimse/dimse.ts';
import type { WebAuth, WebPeer, WebTls } from '../../../dicom/web/webPeer.ts';
import type { KnownNode } from '../exchangeParts.ts';

export interface DimseConversation {
  /** What we call ourselves where the node does not say: the receiver's AE title (`ownAeTitle`). */
  readonly ownAe: string;
  readonly contexts: readonly ContextWish[];
  readonly times?: Partial<DimseTimes>;
  readonly signal?: AbortSignal;
}

/**
 * How to open an association with a node.
 *
 * @throws Failure('exchange.nodeNotFor') when it does not speak DIMSE
 */
export function associationWishOf({ node, secrets }: KnownNode, conversation: DimseConversation): AssociationWish {
  const { settings } = node;
  if (settings.kind !== 'dimse') throw new Failure('exchange.nodeNotFor', 'this node speaks no DIMSE');
  const { tls } = settings;
  const { ownAe, contexts, times, signal } = conversation;
  return {
    host: settings.host,
    port: settings.port,
    callingAe: settings.callingAeTitle || ownAe,
    calledAe: settings.aeTitle,
    contexts,
    ...(tls.enabled
      ? {
          tls: {
            ca: tls.ca,
            certificate: tls.certificate,
            key: tls.certificate === '' ? '' : (secrets.privateKey ?? ''),
            serverName: tls.serverName,
          },
        }
      : {}),
    ...(times ? { times } : {}),
    ...(signal ? { signal } : {}),
  };
}

/**
 * How to reach a node over HTTP, DICOMweb or XNAT.
 *
 * @throws Failure('exchange.nodeNotFor') when it speaks DIMSE
 */
export function webPeerOf({ node, secrets }: KnownNode): WebPeer {
  const { settings } = node;
  if (settings.kind === 'dimse') throw new Failure('exchange.nodeNotFor', 'this node speaks DIMSE alone');
  const tls: WebTls = {
    ca: settings.tls.ca,
    certificate: settings.tls.certificate,
    key: settings.tls.certificate === '' ? '' : (secrets.privateKey ?? ''),
    serverName: settings.tls.serverName,
  };
  return { baseUrl: settings.baseUrl, auth: authOf(settings.auth, secrets.credential ?? ''), tls };
}

function authOf(auth: Exclude<KnownNode['node']['settings'], { kind: 'dimse' }>['auth'], credential: string): WebAuth {
  switch (auth.method) {
    case 'none':
      return { method: 'none' };
    case 'basic':
      return { method: 'basic', userName: auth.userName, password: credential };
    case 'bearer':
      return { method: 'bearer', token: credential };
    case 'oidc':
      return {
        method: 'oidc',
        issuer: auth.issuer,
        clientId: auth.clientId,
        clientSecret: credential,
        scope: auth.scope,
      };
  }
}
