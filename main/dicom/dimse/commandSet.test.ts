import { describe, expect, it } from 'vitest';
import { commandFields, decodeCommand, encodeCommand } from './commandSet.ts';

/** Elements as PS3.7 E.1 lays them out: group, element, length, value; all little endian. */
const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');
const verification = Buffer.from('1.2.840.10008.1.1\0', 'latin1').toString('hex');
const echoRequest = hex(
  '0000 0000 04000000 38000000',
  `0000 0200 12000000 ${verification}`,
  '0000 0001 02000000 3000',
  '0000 1001 02000000 0700',
  '0000 0008 02000000 0101',
);

describe('command sets', () => {
  it('writes a C-ECHO request byte for byte', () => {
    const command = {
      commandField: commandFields.echoRequest,
      messageId: 7,
      affectedClassUid: '1.2.840.10008.1.1',
      hasDataset: false,
    };
    expect(encodeCommand(command).toString('hex')).toBe(echoRequest.toString('hex'));
    expect(decodeCommand(echoRequest)).toEqual(command);
  });

  it('reads what it wrote, with every field', () => {
    const command = {
      commandField: commandFields.getAnswer,
      messageId: 1,
      respondedTo: 2,
      affectedClassUid: '1.2.3',
      requestedClassUid: '1.2.34',
      affectedInstanceUid: '1.2.345',
      requestedInstanceUid: '1.2.3456',
      moveDestination: 'DEST',
      priority: 2,
      status: 0xb000,
      comment: 'one and more',
      eventType: 2,
      actionType: 1,
      remaining: 3,
      completed: 4,
      failed: 5,
      warnings: 6,
      originatorAe: 'ODD',
      originatorMessageId: 9,
      hasDataset: true,
    };
    expect(decodeCommand(encodeCommand(command))).toEqual(command);
  });

  it('needs no group length and passes over what it does not know', () => {
    const unknown = hex('0000 0109 04000000 00000000');
    expect(decodeCommand(Buffer.concat([echoRequest.subarray(12), unknown]))).toMatchObject({ messageId: 7 });
  });

  const field = '0000 0001 02000000';
  const messageId = '0000 1001 02000000 0100';
  const respondedTo = '0000 2001 02000000 0100';
  const noData = '0000 0008 02000000 0101';
  it.each<[string, Buffer]>([
    ['command without field', hex(messageId, noData)],
    ['command without field', Buffer.alloc(0)],
    ['command without data set type', hex(`${field} 3000`, messageId)],
    ['command without message id', hex(`${field} 3000`, noData)],
    ['command without status', hex(`${field} 3080`, respondedTo, noData)],
    ['command without message id responded to', hex(`${field} 3080`, '0000 0009 02000000 0000', noData)],
    ['command without SOP class', hex(`${field} 0100`, messageId, noData)],
    [
      'command without event type',
      hex(`${field} 0001`, messageId, noData, '0000 0200 02000000 3100', '0000 0010 02000000 3100'),
    ],
    ['command without message id', hex(`${field} ff0f`, noData)],
    ['command cut short', echoRequest.subarray(0, echoRequest.length - 5)],
    ['command element past the end', hex('0000 0001 ffffffff 3000')],
    ['command element of another group', hex('0800 0001 02000000 3000')],
    ['repeated command element', hex(`${field} 3000`, `${field} 3000`, messageId, noData)],
    ['command number', hex('0000 0001 04000000 30000000', messageId, noData)],
  ])('refuses: %s', (what, bytes) => {
    expect(() => decodeCommand(bytes)).toThrow(`the peer broke the protocol: ${what}`);
  });
});
