import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTestStore, type TestStore } from '../../../database/testStore.ts';
import { openAssociationLog } from './associationLog.ts';

let test: TestStore;
beforeEach(async () => {
  test = await openTestStore();
});
afterEach(() => test.close());

const begun = (number: number) => ({
  ...{ associationId: `a-${number}`, channel: 'dimse' as const, callingAe: 'X', calledAe: 'SALUS' },
  ...{ address: '127.0.0.1', nodeId: null, startedAt: number },
});
const ended = (number: number, ending: string) => ({
  ...{ endedAt: number, ending, details: {}, refused: 0, reasons: {}, isWhole: true, missing: null },
});
const audited = () =>
  test.store.reader
    .all<{ detail: string }>("SELECT detail FROM audit_entry WHERE action = 'exchange.rejectAssociations'")
    .map(({ detail }) => JSON.parse(detail) as unknown);

it('counts, of a flood, those that were turned away and no others', () => {
  const log = openAssociationLog(test.store);
  for (let number = 0; number < 140; number += 1) log.end(test.author, begun(number), ended(number, 'released'));
  for (let number = 140; number < 147; number += 1) log.end(test.author, begun(number), ended(number, 'rejected'));
  log.close();
  expect(audited()).toEqual([{ rejected: 7 }]);
  expect(log.list({ offset: 0, limit: 1 }).total).toBe(100);
});

it('keeps what was received over a flood of calls that brought nothing, and tells the audit of it rarely', async () => {
  const log = openAssociationLog(test.store);
  test.store.gate.append(test.author, (tx) =>
    log.note(tx, begun(0), { imported: 1, duplicates: 0, conflicts: 0, bytes: 1 }),
  );
  log.end(test.author, begun(0), ended(0, 'released'));
  test.store.gate.append(test.author, (tx) => {
    for (let number = 1; number <= 10_500; number += 1)
      tx.run(
        `INSERT INTO association (association_id, channel, calling_ae, called_ae, address, started_at, ended_at, ending, details)
         VALUES (?, 'dimse', 'X', 'SALUS', '', ?, ?, 'rejected', '{}')`,
        `a-${number}`,
        number,
        number,
      );
  });
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 100; index += 1) {
      const number = 20_000 + round * 100 + index;
      log.end(test.author, begun(number), ended(number, 'rejected'));
    }
    const { sequence } = test.store.gate;
    const deadline = Date.now() + 20_000;
    while (test.store.gate.sequence === sequence && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(audited()).toEqual([{ rejected: 100 }]);
  log.close();
  expect(audited()).toEqual([{ rejected: 100 }, { rejected: 200 }]);
  const { total } = log.list({ offset: 0, limit: 1 });
  expect(total).toBeLessThan(1_200);
  expect(test.store.reader.get("SELECT 1 FROM association WHERE association_id = 'a-0'")).toBeDefined();
});
