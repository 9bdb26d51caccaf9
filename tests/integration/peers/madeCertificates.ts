/** X.509 certificates (RFC 5280) made in memory for tests, so that they can also be expired or carry a wrong name. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, PEM. */
export interface MadeIdentity {
  readonly certificate: string;
  readonly key: string;
}

export interface MadeAuthority {
  readonly ca: string;
  issue(wish: IdentityWish): MadeIdentity;
}

export interface IdentityWish {
  readonly commonName: string;
  /** DNS names and IPv4 addresses it is good for. */
  readonly names?: readonly string[];
  readonly validFromMs?: number;
  readonly validToMs?: number;
}

const dayMs = 86_400_000;

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  if (value.length < 0x80) return Buffer.concat([Buffer.from([tag, value.length]), value]);
  const hex = value.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, value]);
}

const sequence = (...parts: readonly Uint8Array[]) => tlv(0x30, ...parts);
const bitString = (bytes: Uint8Array) => tlv(0x03, Buffer.from([0]), bytes);

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(commonName, 'utf8')))));
}

/** GeneralizedTime: `20261120153000Z`. */
function timeOf(atMs: number): Buffer {
  return tlv(0x18, Buffer.from(`${new Date(atMs).toISOString().replace(/\..*|[-:T]/g, '')}Z`, 'latin1'));
}

function extension(id: string, critical: boolean, value: Uint8Array): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

function alternativeName(name: string): Buffer {
  return /^\d+\.\d+\.\d+\.\d+$/.test(name)
    ? tlv(0x87, Buffer.from(name.split('.').map(Number)))
    : tlv(0x82, Buffer.from(name, 'latin1'));
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

function makeCertificate(input: {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly fromMs: number;
  readonly toMs: number;
  readonly extensions: readonly Uint8Array[];
}): string {
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    ecdsaWithSha256,
    nameOf(input.issuer),
    sequence(timeOf(input.fromMs), timeOf(input.toMs)),
    nameOf(input.subject),
    input.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...input.extensions)),
  );
  const whole = sequence(body, ecdsaWithSha256, bitString(sign('sha256', body, input.signer)));
  const lines = whole.toString('base64').replace(/(.{64})/g, '$1\n');
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

/** An authority of its own: nobody trusts it who was not given its `ca`. */
export function makeAuthority(commonName = 'Test Authority'): MadeAuthority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
  const ca = makeCertificate({
    subject: commonName,
    issuer: commonName,
    publicKey: own.publicKey,
    signer: own.privateKey,
    fromMs: nowMs - 3650 * dayMs,
    toMs: nowMs + 3650 * dayMs,
    extensions: [
      extension('2.5.29.19', true, sequence(tlv(0x01, Buffer.from([0xff])))),
      extension('2.5.29.15', true, tlv(0x03, Buffer.from([1, 0x06]))),
    ],
  });
  return {
    ca,
    issue: ({ commonName: subject, names = ['localhost', '127.0.0.1'], validFromMs, validToMs }) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const certificate = makeCertificate({
        subject,
        issuer: commonName,
        publicKey: pair.publicKey,
        signer: own.privateKey,
        fromMs: validFromMs ?? nowMs - dayMs,
        toMs: validToMs ?? nowMs + 30 * dayMs,
        extensions: [
          extension('2.5.29.19', true, sequence()),
          extension('2.5.29.17', false, sequence(...names.map(alternativeName))),
        ],
      });
      return { certificate, key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
    },
  };
}
