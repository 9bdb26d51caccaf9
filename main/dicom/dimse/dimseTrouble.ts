import { DimseError } from './dimse.ts';

/** Reasons of an abort by the service provider (PS3.8 table 9-26). */
export const abortReasons = {
  unspecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  unexpectedParameter: 5,
  invalidParameter: 6,
} as const;

/** The peer broke the protocol: `what` is a fixed word of ours, never what the peer sent. */
export function broken(
  what: string,
  details: Readonly<Record<string, string | number>> = {},
  abortReason: number = abortReasons.invalidParameter,
): DimseError {
  return new DimseError('protocol', `the peer broke the protocol: ${what}`, { what, ...details, abortReason });
}

/** The peer went over a limit of ours. */
export function overLimit(limit: string, most: number, claimed?: number): DimseError {
  return new DimseError('protocol', `the peer went over the limit ${limit}`, {
    limit,
    most,
    ...(claimed === undefined ? {} : { claimed }),
  });
}

/** A timer of ours ran out while waiting for `wait`. */
export function tooLate(wait: string, ms: number): DimseError {
  return new DimseError('timeout', `the peer took longer than ${ms} ms: ${wait}`, { wait, ms });
}

/** Anything thrown, as a DimseError; what is one already stays what it is. */
export function asDimseError(problem: unknown, phase: string): DimseError {
  if (problem instanceof DimseError) return problem;
  const code = (problem as NodeJS.ErrnoException | undefined)?.code;
  const details = { phase, ...(typeof code === 'string' ? { code } : {}) };
  const kind = typeof code === 'string' && isTlsCode(code) ? 'tls' : 'closed';
  return new DimseError(kind, `the connection failed: ${typeof code === 'string' ? code : 'no code'}`, details);
}

/** Codes that OpenSSL and Node give to a failed handshake or certificate. */
export function isTlsCode(code: string): boolean {
  return (
    code.startsWith('ERR_SSL') ||
    code.startsWith('ERR_TLS') ||
    code.startsWith('CERT_') ||
    code.startsWith('UNABLE_TO_') ||
    code.includes('SELF_SIGNED') ||
    code.startsWith('CRL_') ||
    code === 'EPROTO' ||
    code === 'HOSTNAME_MISMATCH' ||
    code === 'INVALID_CA' ||
    code === 'INVALID_PURPOSE'
  );
}
