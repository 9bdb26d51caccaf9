import { describe, expect, it } from 'vitest';
import { type DimseService, dimseMeaning, dimseStatusText } from './dimseStatuses.ts';
import { exchangeFailures } from './exchangeFailures.ts';

const services: readonly DimseService[] = ['echo', 'store', 'find', 'move', 'get', 'action', 'event'];

describe('DIMSE statuses', () => {
  it.each([
    [0x0000, 'store', 'success', null],
    [0xa700, 'store', 'refused', 'exchange.outOfResources'],
    [0xa7ff, 'store', 'refused', 'exchange.outOfResources'],
    [0xa900, 'store', 'failed', 'exchange.doesNotMatch'],
    [0xa9aa, 'store', 'failed', 'exchange.doesNotMatch'],
    [0xc000, 'store', 'failed', 'exchange.cannotUnderstand'],
    [0xcfff, 'store', 'failed', 'exchange.cannotUnderstand'],
    [0xb000, 'store', 'warning', null],
    [0xb007, 'store', 'warning', null],
    [0x0122, 'store', 'refused', 'exchange.classNotTaken'],
    [0x0124, 'find', 'refused', 'exchange.forbidden'],
    [0xff00, 'find', 'pending', null],
    [0xff01, 'find', 'pending', null],
    [0xfe00, 'get', 'cancelled', 'exchange.aborted'],
    [0xa801, 'move', 'refused', 'exchange.moveDestinationUnknown'],
    [0xa702, 'move', 'refused', 'exchange.outOfResources'],
    [0xb000, 'move', 'warning', 'exchange.incomplete'],
    [0xb000, 'get', 'warning', 'exchange.incomplete'],
  ] as const)('%i of %s is %s', (status, service, outcome, code) => {
    expect(dimseMeaning(status, service)).toEqual({ outcome, code });
  });

  it('takes nothing for a success but 0000, and names only codes that have a text', () => {
    const wrong: string[] = [];
    const codes = new Set<string>();
    for (const service of services) {
      for (let status = 0; status <= 0xffff; status += 1) {
        const { outcome, code } = dimseMeaning(status, service);
        if (code !== null) codes.add(code);
        const isBad = outcome === 'refused' || outcome === 'failed';
        if ((outcome === 'success') !== (status === 0) || (isBad && code === null)) wrong.push(`${service} ${status}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([...codes].filter((code) => !exchangeFailures.some((known) => known === code))).toEqual([]);
  });

  it('writes a status as the standard does', () => {
    expect([dimseStatusText(0xa700), dimseStatusText(0)]).toEqual(['A700', '0000']);
  });
});
