import { type DimseService, dimseMeaning, dimseStatusText } from '../../../../app/domains/exchange/dimseStatuses.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { DimseError } from '../../../dicom/dimse/dimse.ts';
import { WebError } from '../../../dicom/web/webPeer.ts';

type Details = Record<string, string | number | boolean>;

/**
 * What went wrong with a peer, as a failure of the exchange: the one mapping from DimseError and WebError. A failure
 * stays what it is; anything else is a fault of ours and is thrown on.
 */
export function failureOfTrouble(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof DimseError) return ofDimse(error);
  if (error instanceof WebError) return ofWeb(error);
  throw error;
}

function ofDimse({ trouble, message, details }: DimseError): Failure {
  switch (trouble) {
    case 'unreachable':
      return new Failure('exchange.unreachable', message, details);
    case 'tls':
      return new Failure(isExpired(details) ? 'exchange.certificateExpired' : 'exchange.tls', message, details);
    case 'rejected':
      return new Failure(rejectionCode(details), message, details);
    case 'aborted':
      return new Failure('exchange.aborted', message, details);
    case 'closed':
      return new Failure('exchange.closed', message, details);
    case 'timeout':
      return new Failure('exchange.timeout', message, details);
    case 'protocol':
      return new Failure('exchange.protocol', message, details);
    case 'noContext':
      return new Failure('exchange.noContext', message, details);
    case 'cancelled':
      return new Failure('jobs.interrupted', message, details);
  }
}

/** PS3.8 table 9-21: source 1 is the peer's service user, 3 its presentation layer, which is out of room. */
function rejectionCode(details: Readonly<Details>): string {
  const { source, reason } = details;
  if (source === 1 && reason === 7) return 'exchange.calledAeUnknown';
  if (source === 1 && reason === 3) return 'exchange.callingAeUnknown';
  return source === 3 ? 'exchange.busy' : 'exchange.rejected';
}

function isExpired(details: Readonly<Details>): boolean {
  return details['code'] === 'CERT_HAS_EXPIRED' || details['reason'] === 'expired';
}

const webCodes = {
  unreachable: 'exchange.unreachable',
  tls: 'exchange.tls',
  timeout: 'exchange.timeout',
  unauthorized: 'exchange.unauthorized',
  forbidden: 'exchange.forbidden',
  notFound: 'exchange.notFound',
  refused: 'exchange.refusedByPeer',
  busy: 'exchange.busy',
  serverError: 'exchange.serverError',
  protocol: 'exchange.protocol',
  cancelled: 'jobs.interrupted',
} as const;

function ofWeb({ trouble, message, details }: WebError): Failure {
  const expired = trouble === 'tls' && isExpired(details);
  return new Failure(expired ? 'exchange.certificateExpired' : webCodes[trouble], message, details);
}

/**
 * The failure that a DIMSE status stands for, or null where what was asked is done (success and its warnings). The
 * peer's comment may name a person and is left out.
 */
export function failureOfStatus(status: number, service: DimseService): Failure | null {
  const { code } = dimseMeaning(status, service);
  if (code === null) return null;
  const text = dimseStatusText(status);
  return new Failure(code, `the peer answered ${text} to ${service}`, { status: text });
}
