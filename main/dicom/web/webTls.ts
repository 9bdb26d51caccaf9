import { isIP } from 'node:net';
import { connect, type PeerCertificate as NodeCertificate, TLSSocket } from 'node:tls';
import { type PeerCertificate, type WebDetails, WebError, type WebTls } from './webPeer.ts';

/** Codes of OpenSSL and Node → how the peer's certificate, or ours, was wrong. */
const reasons: readonly (readonly [RegExp, reason: string, message: string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'expired', 'the certificate of the peer has expired'],
  [/^CERT_NOT_YET_VALID$/, 'notYetValid', 'the certificate of the peer is not valid yet'],
  [/^DEPTH_ZERO_SELF_SIGNED_CERT$/, 'selfSigned', 'the peer vouches for itself alone'],
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|INVALID_CA|CERT_UNTRUSTED)$/,
    'unknownIssuer',
    'the certificate of the peer was issued by an authority that is not trusted here',
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'wrongName', 'the certificate of the peer is for another name'],
  [/^CERT_REVOKED$/, 'revoked', 'the certificate of the peer was revoked'],
  [
    /ALERT_(CERTIFICATE_\w+|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|NO_CERTIFICATE)$/,
    'clientCertificate',
    'the peer wants a client certificate that it knows',
  ],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/, 'notTls', 'the peer speaks no TLS here'],
  [
    /^(ERR_OSSL_|ERR_SSL_(KEY_VALUES_MISMATCH|CA_MD_TOO_WEAK|EE_KEY_TOO_SMALL))/,
    'ownCertificate',
    'the certificate or key to be shown is of no use',
  ],
  [/^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_|HOSTNAME_MISMATCH$)/, 'other', 'TLS failed'],
];

/**
 * What went wrong in TLS, or null when this is no trouble of TLS. Where the peer's certificate was refused, it is
 * looked at once more to say until when it is valid.
 */
export async function describeTlsTrouble(
  code: string,
  url: URL,
  tls: Partial<WebTls>,
  connectMs: number,
): Promise<WebError | null> {
  const found = reasons.find(([pattern]) => pattern.test(code));
  if (!found) return null;
  const [, reason, message] = found;
  const isOfPeer = ['expired', 'notYetValid', 'selfSigned', 'unknownIssuer', 'wrongName', 'revoked'].includes(reason);
  const certificate = isOfPeer ? await lookAtCertificate(url, tls, connectMs) : null;
  const details: Record<string, string | number> = { reason, code };
  if (certificate) {
    details.subject = certificate.subject;
    details.issuer = certificate.issuer;
    details.validToMs = certificate.validToMs;
  }
  return new WebError('tls', message, details satisfies WebDetails);
}

/** The certificate a connection shows; null without TLS. */
export function certificateOf(socket: unknown): PeerCertificate | null {
  if (!(socket instanceof TLSSocket)) return null;
  const certificate: Partial<NodeCertificate> | null = socket.getPeerCertificate();
  if (!certificate?.valid_to) return null;
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    validToMs: Date.parse(certificate.valid_to),
  };
}

function nameOf(name: NodeCertificate['subject'] | undefined): string {
  const common = name?.CN ?? name?.O ?? '';
  return (Array.isArray(common) ? (common[0] ?? '') : common).slice(0, 200);
}

/** Shows what a refused peer calls itself. Nothing is sent to it and nothing of it is trusted. */
function lookAtCertificate(url: URL, tls: Partial<WebTls>, withinMs: number): Promise<PeerCertificate | null> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const name = tls.serverName || host;
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(url.port || 443),
      // An address is no name that SNI could carry (RFC 6066 3).
      ...(isIP(name) ? {} : { servername: name }),
      // The connection that counts was checked and refused; this one only reads the certificate's dates.
      rejectUnauthorized: false,
    });
    const end = (certificate: PeerCertificate | null) => {
      clearTimeout(late);
      socket.destroy();
      resolve(certificate);
    };
    const late = setTimeout(() => end(null), withinMs);
    socket.once('secureConnect', () => end(certificateOf(socket))).once('error', () => end(null));
  });
}
