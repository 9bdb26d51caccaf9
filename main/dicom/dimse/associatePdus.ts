/** A-ASSOCIATE-RQ and -AC with their items (PS3.8 9.3.2, 9.3.3, annex D; PS3.7 D.3.3). */
import type { DimseError } from './dimse.ts';
import { abortReasons, broken } from './dimseTrouble.ts';
import { decodeText, encodePdu, pduTypes } from './pduCodec.ts';

const applicationContextName = '1.2.840.10008.3.1.1.1';

export interface Role {
  readonly scu: boolean;
  readonly scp: boolean;
}

/** What each side says of itself. */
export interface UserInformation {
  /** 0: any length. */
  readonly maxPduBytes: number;
  readonly implementationClassUid: string;
  readonly implementationVersion: string;
  /** SCP/SCU role selection by SOP class. */
  readonly roles: ReadonlyMap<string, Role>;
}

export interface ProposedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

/** `result` 0 accepted; 1 user, 2 no reason, 3 abstract syntax, 4 transfer syntaxes (PS3.8 table 9-18). */
export interface AnsweredContext {
  readonly id: number;
  readonly result: number;
  readonly transferSyntax: string;
}

interface AssociateFields<Context> {
  readonly protocolVersion: number;
  readonly calledAe: string;
  readonly callingAe: string;
  readonly applicationContext: string;
  readonly contexts: readonly Context[];
  readonly user: UserInformation;
}

export type AssociateRequest = AssociateFields<ProposedContext>;
export type AssociateAccept = AssociateFields<AnsweredContext>;
type Said<T> = Omit<T, 'protocolVersion' | 'applicationContext'>;

const itemTypes = {
  applicationContext: 0x10,
  proposedContext: 0x20,
  answeredContext: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  user: 0x50,
  maxPdu: 0x51,
  implementationClass: 0x52,
  role: 0x54,
  implementationVersion: 0x55,
} as const;

export function encodeAssociateRequest(fields: Said<AssociateRequest>): Buffer {
  const contexts = fields.contexts.map((context) =>
    encodeItem(itemTypes.proposedContext, [
      Uint8Array.of(context.id, 0, 0, 0),
      encodeText(itemTypes.abstractSyntax, context.abstractSyntax),
      ...context.transferSyntaxes.map((uid) => encodeText(itemTypes.transferSyntax, uid)),
    ]),
  );
  return encodeAssociate(pduTypes.associateRequest, fields, contexts);
}

export function encodeAssociateAccept(fields: Said<AssociateAccept>): Buffer {
  const contexts = fields.contexts.map((context) =>
    encodeItem(itemTypes.answeredContext, [
      Uint8Array.of(context.id, 0, context.result, 0),
      encodeText(itemTypes.transferSyntax, context.transferSyntax),
    ]),
  );
  return encodeAssociate(pduTypes.associateAccept, fields, contexts);
}

/** @throws DimseError('protocol') for what cannot be read: items past the end, missing or repeated, bad context ids */
export function decodeAssociateRequest(body: Buffer): AssociateRequest {
  const contexts: ProposedContext[] = [];
  const fields = decodeAssociate(body, (type, value) => {
    if (type !== itemTypes.proposedContext) return;
    const transferSyntaxes: string[] = [];
    let abstractSyntax = '';
    const id = contextIdOf(value, contexts);
    eachItem(value.subarray(4), (subType, subValue) => {
      if (subType === itemTypes.abstractSyntax) abstractSyntax = decodeText(subValue);
      if (subType === itemTypes.transferSyntax) transferSyntaxes.push(decodeText(subValue));
    });
    if (abstractSyntax === '') throw broken('context without abstract syntax');
    contexts.push({ id, abstractSyntax, transferSyntaxes });
  });
  return { ...fields, contexts };
}

/** @throws DimseError('protocol') as `decodeAssociateRequest` does */
export function decodeAssociateAccept(body: Buffer): AssociateAccept {
  const contexts: AnsweredContext[] = [];
  const fields = decodeAssociate(body, (type, value) => {
    if (type !== itemTypes.answeredContext) return;
    const id = contextIdOf(value, contexts);
    let transferSyntax = '';
    // Of a refused context the rest means nothing (PS3.8 9.3.3.2).
    const result = value[2] ?? 2;
    if (result === 0) {
      eachItem(value.subarray(4), (subType, subValue) => {
        if (subType === itemTypes.transferSyntax) transferSyntax = decodeText(subValue);
      });
      if (transferSyntax === '') throw broken('context without transfer syntax');
    }
    contexts.push({ id, result, transferSyntax });
  });
  return { ...fields, contexts };
}

/** True for the one application context that DICOM knows. */
export function isDicomContext(name: string): boolean {
  return name === applicationContextName;
}

function encodeAssociate(type: number, fields: Said<AssociateRequest | AssociateAccept>, contexts: Buffer[]): Buffer {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(fields.calledAe.padEnd(16).slice(0, 16), 4, 'latin1');
  head.write(fields.callingAe.padEnd(16).slice(0, 16), 20, 'latin1');
  const { user } = fields;
  const maxPdu = Buffer.alloc(4);
  maxPdu.writeUInt32BE(user.maxPduBytes);
  const roles = [...user.roles].map(([uid, role]) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(uid.length);
    return encodeItem(itemTypes.role, [
      length,
      Buffer.from(uid, 'latin1'),
      Uint8Array.of(Number(role.scu), Number(role.scp)),
    ]);
  });
  const information = encodeItem(itemTypes.user, [
    encodeItem(itemTypes.maxPdu, [maxPdu]),
    encodeText(itemTypes.implementationClass, user.implementationClassUid),
    ...roles,
    encodeText(itemTypes.implementationVersion, user.implementationVersion),
  ]);
  const name = encodeText(itemTypes.applicationContext, applicationContextName);
  return encodePdu(type, Buffer.concat([head, name, ...contexts, information]));
}

function decodeAssociate(
  body: Buffer,
  takeItem: (type: number, value: Buffer) => void,
): Omit<AssociateFields<never>, 'contexts'> {
  if (body.length < 68) throw broken('association PDU too short');
  let applicationContext: string | undefined;
  let user: UserInformation | undefined;
  eachItem(body.subarray(68), (type, value) => {
    if (type === itemTypes.applicationContext) {
      if (applicationContext !== undefined) throw broken('repeated application context');
      applicationContext = decodeText(value);
    } else if (type === itemTypes.user) {
      if (user !== undefined) throw broken('repeated user information');
      user = decodeUser(value);
    } else {
      takeItem(type, value);
    }
  });
  if (applicationContext === undefined) throw broken('no application context');
  return {
    protocolVersion: body.readUInt16BE(0),
    calledAe: titleOf(body.subarray(4, 20)),
    callingAe: titleOf(body.subarray(20, 36)),
    applicationContext,
    // Some old peers say nothing of themselves; then PDUs of the customary 16 KiB are safe.
    user: user ?? decodeUser(Buffer.alloc(0)),
  };
}

/** Sub-items that we do not know (asynchronous operations, extended negotiation, identity) are passed over. */
function decodeUser(value: Buffer): UserInformation {
  let maxPduBytes = 16_384;
  let implementationClassUid = '';
  let implementationVersion = '';
  const roles = new Map<string, Role>();
  eachItem(value, (type, item) => {
    if (type === itemTypes.maxPdu) {
      if (item.length !== 4) throw broken('maximum length item');
      maxPduBytes = item.readUInt32BE(0);
    } else if (type === itemTypes.implementationClass) {
      implementationClassUid = decodeText(item);
    } else if (type === itemTypes.implementationVersion) {
      implementationVersion = decodeText(item);
    } else if (type === itemTypes.role) {
      if (item.length < 4) throw broken('role selection item');
      const length = item.readUInt16BE(0);
      if (item.length < length + 4) throw broken('role selection item');
      roles.set(decodeText(item.subarray(2, 2 + length)), { scu: item[2 + length] === 1, scp: item[3 + length] === 1 });
    }
  });
  return { maxPduBytes, implementationClassUid, implementationVersion, roles };
}

function contextIdOf(value: Buffer, known: readonly { id: number }[]): number {
  const id = value[0] ?? 0;
  if (value.length < 4) throw broken('presentation context too short');
  if (id % 2 === 0) throw broken('even presentation context id');
  if (known.some((context) => context.id === id)) throw broken('repeated presentation context id');
  return id;
}

function encodeItem(type: number, parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head[0] = type;
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function encodeText(type: number, text: string): Buffer {
  return encodeItem(type, [Buffer.from(text, 'latin1')]);
}

function eachItem(bytes: Buffer, take: (type: number, value: Buffer) => void): void {
  let at = 0;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw itemPastEnd();
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) throw itemPastEnd();
    take(bytes[at] ?? 0, bytes.subarray(at + 4, end));
    at = end;
  }
}

function itemPastEnd(): DimseError {
  return broken('item past the end', {}, abortReasons.invalidParameter);
}

/** Leading and trailing spaces of a title mean nothing (PS3.8 table 9-11). */
function titleOf(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/\0.*$/s, '').trim();
}
