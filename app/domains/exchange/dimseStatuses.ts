/** What is asked of a peer; the same number means different things to different services (PS3.4). */
export type DimseService = 'echo' | 'store' | 'find' | 'move' | 'get' | 'action' | 'event';

/** `warning`: done, with something to be said. `refused`: the peer would not. `failed`: it could not. */
export type DimseOutcome = 'success' | 'pending' | 'cancelled' | 'warning' | 'refused' | 'failed';

export interface DimseMeaning {
  readonly outcome: DimseOutcome;
  /** Failure code with a text; null when nothing is wrong. */
  readonly code: string | null;
}

const fine = (outcome: DimseOutcome): DimseMeaning => ({ outcome, code: null });
const refused = (code: string): DimseMeaning => ({ outcome: 'refused', code });
const failed = (code: string): DimseMeaning => ({ outcome: 'failed', code });

/** Statuses that mean the same to every service (PS3.7 annex C). */
const general: ReadonlyMap<number, DimseMeaning> = new Map([
  [0x0000, fine('success')],
  // Attribute list error, attribute value out of range: done, with something left out.
  [0x0107, fine('warning')],
  [0x0116, fine('warning')],
  [0x0001, fine('warning')],
  [0xfe00, { outcome: 'cancelled', code: 'exchange.aborted' }],
  [0xff00, fine('pending')],
  [0xff01, fine('pending')],
  // Invalid attribute value, missing attribute, missing attribute value, invalid argument value.
  [0x0105, failed('exchange.cannotUnderstand')],
  [0x0106, failed('exchange.cannotUnderstand')],
  [0x0115, failed('exchange.cannotUnderstand')],
  [0x0120, failed('exchange.cannotUnderstand')],
  [0x0121, failed('exchange.cannotUnderstand')],
  // Processing failure.
  [0x0110, failed('exchange.serverError')],
  // Duplicate SOP instance: refused, though something of that UID is there.
  [0x0111, refused('exchange.refusedByPeer')],
  [0x0112, failed('exchange.notFound')],
  [0x0113, refused('exchange.protocol')],
  [0x0114, failed('exchange.protocol')],
  [0x0117, failed('exchange.doesNotMatch')],
  // SOP class not supported; class and instance do not belong together; no such action or event.
  [0x0118, refused('exchange.classNotTaken')],
  [0x0119, failed('exchange.doesNotMatch')],
  [0x0122, refused('exchange.classNotTaken')],
  [0x0123, refused('exchange.classNotTaken')],
  [0x0124, refused('exchange.forbidden')],
  [0x0131, failed('exchange.notFound')],
  [0x0132, refused('exchange.busy')],
  [0x0210, failed('exchange.protocol')],
  [0x0211, refused('exchange.classNotTaken')],
  [0x0212, failed('exchange.protocol')],
  [0x0213, refused('exchange.outOfResources')],
]);

/**
 * What a DIMSE status means to the service that gave it: PS3.7 annex C, and of PS3.4 table B.2-1 (C-STORE), C.4-1
 * (C-FIND), C.4-2 (C-MOVE) and C.4-3 (C-GET). What no table names is a failure: never taken for a success.
 */
export function dimseMeaning(status: number, service: DimseService): DimseMeaning {
  const known = general.get(status);
  if (known) return known;
  const group = status & 0xff00;
  if (service === 'store') {
    if (group === 0xa700) return refused('exchange.outOfResources');
    if (group === 0xa900) return failed('exchange.doesNotMatch');
    // B000 coercion, B006 elements discarded, B007 data set does not match its class: stored all the same.
    if ((status & 0xf000) === 0xb000) return fine('warning');
    if ((status & 0xf000) === 0xc000) return failed('exchange.cannotUnderstand');
    return failed('exchange.refusedByPeer');
  }
  if (service === 'find' || service === 'move' || service === 'get') {
    // A701: matches cannot be counted; A702: sub-operations cannot be done.
    if (group === 0xa700) return refused('exchange.outOfResources');
    if (status === 0xa801) return refused('exchange.moveDestinationUnknown');
    if (group === 0xa900) return failed('exchange.doesNotMatch');
    // Sub-operations done, one or more of them failed.
    if (status === 0xb000) return { outcome: 'warning', code: service === 'find' ? null : 'exchange.incomplete' };
    if ((status & 0xf000) === 0xc000) return failed('exchange.cannotUnderstand');
    return failed('exchange.refusedByPeer');
  }
  if ((status & 0xf000) === 0xb000) return fine('warning');
  return failed('exchange.refusedByPeer');
}

/** A status as the standard writes it: `A700`. */
export function dimseStatusText(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}
