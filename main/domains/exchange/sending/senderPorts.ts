import type { OutgoingObjects } from './outgoingObjects.ts';
import type { Answers, AttemptEnd, InstanceResult, Question, SendItem, TroubleNote } from './sendMessages.ts';

/** What an attempt in a sending thread works with. */
export interface SenderPorts {
  /** What is sent, as it leaves. There is no other way to its bytes. */
  readonly objects: OutgoingObjects;
  readonly signal: AbortSignal;
  ask<Kind extends Question['kind']>(question: Extract<Question, { kind: Kind }>): Promise<Answers[Kind]>;
  result(result: InstanceResult): void;
  learned(name: string, state: 'yes' | 'no'): void;
  /** What it is busy with, should the thread die of it. */
  busyWith(item: SendItem | null): void;
}

/** Why an attempt goes no further, though the connection is sound: the peer wants to be left alone for now. */
export interface PassingTrouble {
  readonly note: TroubleNote;
}

/** How the proof of what was sent came out. */
export type ProofEnd = Pick<AttemptEnd, 'proof' | 'provenBy'>;

/** Objects in a row that a peer puts off before it is left alone. */
export const mostPutOff = 3;

/** The object can't be read here, or can't leave as it was asked for, whatever the peer. */
export function isUnreadable(code: string): boolean {
  return code.startsWith('storage.') || code === 'exchange.notDeidentifiable';
}
