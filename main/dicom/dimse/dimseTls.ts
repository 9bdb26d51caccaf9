import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate, type TlsOptions } from 'node:tls';
import { tlsClientProfile, tlsProfile } from '../tlsProfile.ts';
import type { AcceptorInput, DimseTls } from './dimse.ts';

/** How we dial: the peer must show a certificate of `ca` that carries its name. */
export function clientTlsOptions(host: string, tls: DimseTls): ConnectionOptions {
  const name = tls.serverName || host;
  return {
    ...tlsClientProfile,
    // An address is no name that SNI could carry (RFC 6066 3).
    ...(isIP(name) ? {} : { servername: name }),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(tls.ca ? { ca: tls.ca } : {}),
    ...(tls.certificate ? { cert: tls.certificate, key: tls.key } : {}),
  };
}

/** How we listen; with `clientCa`, whoever shows no certificate of it does not get in. */
export function serverTlsOptions(tls: NonNullable<AcceptorInput['tls']>, handshakeMs: number): TlsOptions {
  return {
    ...tlsProfile,
    dhparam: 'auto',
    honorCipherOrder: true,
    cert: tls.certificate,
    key: tls.key,
    handshakeTimeout: handshakeMs,
    ...(tls.clientCa ? { requestCert: true, rejectUnauthorized: true, ca: tls.clientCa } : {}),
  };
}

/** `CN=name, O=clinic`, in the order of the certificate. */
export function subjectOf(certificate: PeerCertificate): string {
  return Object.entries(certificate.subject ?? {})
    .flatMap(([key, value]) => [value].flat().map((text) => `${key}=${text}`))
    .join(', ');
}
