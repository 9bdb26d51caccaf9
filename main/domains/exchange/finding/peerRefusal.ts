import { Failure } from '../../../../app/shared/failure.ts';
import { faultText } from '../../../platform/faultText.ts';
import { failureOfStatus, failureOfTrouble } from '../nodes/troubleFailures.ts';
import type { PeerTrouble } from './finderMessages.ts';

/** Codes whose text speaks of an object that was to be stored, or of an address: a question that was refused has another. */
const aboutObjects: readonly string[] = [
  'exchange.refusedByPeer',
  'exchange.outOfResources',
  'exchange.doesNotMatch',
  'exchange.cannotUnderstand',
  'exchange.notFound',
];

/** Why a peer did not answer, by its last status; null where it did (PS3.4 tables C.4-1 to C.4-3). */
export function refusalOf(status: number, service: 'find' | 'get' | 'move'): Failure | null {
  const failure = failureOfStatus(status, service);
  if (failure === null) return null;
  if (failure.code === 'exchange.classNotTaken')
    return new Failure('exchange.noContext', failure.message, failure.details);
  if (!aboutObjects.includes(failure.code)) return failure;
  const code = service === 'find' ? 'exchange.searchRefused' : 'exchange.retrieveRefused';
  return new Failure(code, failure.message, failure.details);
}

/** Anything that ended a conversation, as it crosses a thread. What is a fault of ours says where it happened. */
export function troubleOf(error: unknown): PeerTrouble {
  try {
    const { code, details } = failureOfTrouble(error);
    return { code, details };
  } catch (fault) {
    return { code: 'internal', details: {}, fault: faultText(fault) };
  }
}
