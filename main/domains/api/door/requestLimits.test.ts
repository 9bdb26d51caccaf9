import { describe, expect, it } from 'vitest';
import { Allowances, addressKey } from './requestLimits.ts';

describe('allowances', () => {
  it('give a burst, then as much as time brings, and say how long to wait', () => {
    let nowMs = 0;
    const allowances = new Allowances(2, 3, () => nowMs);
    expect([1, 2, 3].map(() => allowances.take('a'))).toEqual([0, 0, 0]);
    expect(allowances.take('a')).toBe(1);
    expect(allowances.take('b')).toBe(0);
    nowMs = 500;
    expect([allowances.take('a'), allowances.take('a')]).toEqual([0, 1]);
    nowMs = 60_000;
    expect([1, 2, 3, 4].map(() => allowances.take('a'))).toEqual([0, 0, 0, 1]);
    const slow = new Allowances(1 / 60, 1, () => nowMs);
    expect([slow.take('a'), slow.take('a')]).toEqual([0, 60]);
  });

  it('count an address of IPv6 by its network', () => {
    for (const [address, key] of [
      ['192.0.2.7', '192.0.2.7'],
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::1', '0:0:0:0::/64'],
      ['2001:db8::5', '2001:db8:0:0::/64'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
      ['', ''],
    ] as const)
      expect([address, addressKey(address)]).toEqual([address, key]);
  });

  it('remember only so many', () => {
    const allowances = new Allowances(1, 1, () => 0);
    allowances.take('eldest');
    for (let at = 0; at < 4096; at += 1) allowances.take(`other ${at}`);
    expect(allowances.take('eldest')).toBe(0);
  });
});
