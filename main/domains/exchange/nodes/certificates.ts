import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { Failure } from '../../../../app/shared/failure.ts';

/**
 * The certificates of a PEM text, in their order; what stands between them is left out.
 *
 * @throws Failure('exchange.badCertificate') when there is none, or one of them is none
 */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = pem.split('-----BEGIN ').length - 1;
  if (blocks.length === 0 || blocks.length !== begun)
    throw new Failure('exchange.badCertificate', 'the text is no certificate in PEM');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Failure('exchange.badCertificate', `a certificate cannot be read: ${code ?? 'no code'}`);
    }
  });
}

/**
 * The SHA-256 fingerprint of a certificate as `AB:CD:…`, from the certificate itself in PEM (the first of several), from
 * what `openssl x509 -fingerprint -sha256` prints, or from 64 hexadecimal digits. Empty text gives ''.
 *
 * @throws Failure('exchange.badCertificate')
 */
export function fingerprintOf(text: string): string {
  if (text.trim() === '') return '';
  if (text.includes('-----BEGIN ')) return readCertificates(text)[0]?.fingerprint256 ?? '';
  const digits = text.replace(/^\s*(sha-?256\s*)?(fingerprint\s*)?[=:]?/i, '').replace(/[\s:]/g, '');
  if (!/^[0-9a-f]{64}$/i.test(digits))
    throw new Failure('exchange.badCertificate', 'the text is neither a certificate nor its SHA-256 fingerprint');
  return (digits.toUpperCase().match(/../g) ?? []).join(':');
}

/** @throws Failure('exchange.badKey') when it is no private key, or one that a passphrase protects */
function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('exchange.badKey', `the private key cannot be read: ${code ?? 'no code'}`);
  }
}

/**
 * Checks what TLS would only say at the first connection: that the trust anchors and our own certificate can be read,
 * and that the key is that of the certificate. Empty text is none.
 *
 * @throws Failure('exchange.badCertificate' | 'exchange.badKey')
 */
export function checkTls(tls: { readonly ca: string; readonly certificate: string; readonly key: string }): void {
  if (tls.ca !== '') readCertificates(tls.ca);
  const key = tls.key === '' ? null : readKey(tls.key);
  if (tls.certificate === '') return;
  const [own] = readCertificates(tls.certificate);
  if (key === null) throw new Failure('exchange.badKey', 'the certificate lacks its private key');
  if (!own?.checkPrivateKey(key)) throw new Failure('exchange.badKey', 'the key is not that of the certificate');
}

const dayMs = 86_400_000;

/** Whole days a certificate is still good for; negative when it has expired. */
export function daysLeft(validToMs: number, nowMs: number): number {
  return Math.floor((validToMs - nowMs) / dayMs);
}
