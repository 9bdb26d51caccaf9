import { describe, expect, it } from 'vitest';
import { openCallers } from './callers.ts';

const nodeId = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('who may send', () => {
  it('is known by title and address together, however the address is written', async () => {
    const callers = openCallers(async () => []);
    callers.set([
      { nodeId, aeTitle: 'CT1', host: '192.0.2.5' },
      { nodeId: 'six', aeTitle: 'CT6', host: '[2001:DB8::5]' },
    ]);
    expect((await callers.find('CT1', '192.0.2.5'))?.nodeId).toBe(nodeId);
    expect((await callers.find('CT1 ', '::ffff:192.0.2.5'))?.nodeId).toBe(nodeId);
    expect((await callers.find('CT6', '2001:db8::5%eth0'))?.nodeId).toBe('six');
    for (const [title, address] of [
      ['CT1', '192.0.2.6'],
      ['CT2', '192.0.2.5'],
      ['ct1', '192.0.2.5'],
      ['', '192.0.2.5'],
      ['CT1', ''],
      ['CT6', '192.0.2.5'],
    ] as const)
      expect(await callers.find(title, address), `${title} ${address}`).toBeUndefined();
  });

  it('may be a name that stands for several addresses, asked for once, and again after a failure', async () => {
    let asked = 0;
    let isDown = true;
    const callers = openCallers(async (host) => {
      asked += 1;
      if (isDown) throw new Error(`${host} is not known`);
      return ['192.0.2.7', '2001:db8::7'];
    });
    callers.set([{ nodeId, aeTitle: 'MR1', host: 'mr1.clinic.example' }]);
    expect(await callers.find('MR1', '192.0.2.7')).toBeUndefined();
    isDown = false;
    expect(await callers.find('MR1', '192.0.2.7')).toBeDefined();
    expect(await callers.find('MR1', '2001:db8::7')).toBeDefined();
    expect(await callers.find('MR1', '192.0.2.8')).toBeUndefined();
    expect(asked).toBe(2);
  });

  it('is, where a node is bound to a certificate, who shows that one', async () => {
    const callers = openCallers(async () => []);
    callers.set([
      { nodeId, aeTitle: 'CT1', host: '192.0.2.5', certificate: 'AA:BB' },
      { nodeId: 'free', aeTitle: 'CT2', host: '192.0.2.5' },
    ]);
    expect((await callers.find('CT1', '192.0.2.5', 'AA:BB'))?.nodeId).toBe(nodeId);
    expect(await callers.find('CT1', '192.0.2.5', 'AA:CC')).toBeUndefined();
    expect(await callers.find('CT1', '192.0.2.5')).toBeUndefined();
    expect((await callers.find('CT2', '192.0.2.5', 'AA:CC'))?.nodeId).toBe('free');
    expect(await callers.knows('CT1', '192.0.2.5')).toBe(true);
    expect(await callers.knows('CT1', '192.0.2.6')).toBe(false);
  });

  it('changes with the nodes', async () => {
    const callers = openCallers(async () => []);
    callers.set([{ nodeId, aeTitle: 'CT1', host: '192.0.2.5' }]);
    callers.set([]);
    expect(await callers.find('CT1', '192.0.2.5')).toBeUndefined();
  });
});
