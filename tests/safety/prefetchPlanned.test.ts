import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newEntrySchema, type OwnEntry } from '../../app/domains/exchange/scheduleSchema.ts';
import {
  type ArchivePeer,
  type DatedSlice,
  isEnded,
  openPrefetchTest,
  type PrefetchTest,
  shelved,
  startArchivePeer,
  today,
  until,
} from './prefetchServices.ts';

/* Hazard: priors of a planned examination do not come, or come for somebody else; a rule is not what was written. */

const anne: DatedSlice = { identifier: 'ID-001', name: 'Lefèvre^Anne', birthDate: '19600102' };
const minuteMs = 60_000;

describe('a rule for priors', { timeout: 90_000 }, () => {
  let peer: ArchivePeer;
  let salus: PrefetchTest;
  beforeEach(async () => {
    [peer, salus] = await Promise.all([startArchivePeer(), openPrefetchTest()]);
  });
  afterEach(async () => {
    await salus.close();
    await peer.stop();
  });

  describe('of the own worklist', () => {
    const entry = newEntrySchema.parse({
      ...{ patientName: 'LEFÈVRE^Anne', patientId: 'ID-001', birthDate: '19600102', sex: 'F', accessionNumber: '' },
      ...{
        requestedProcedureId: '',
        procedureDescription: '',
        performingPhysician: '',
        modality: 'CT',
        studyUid: '1.7',
      },
      ...{ stationAeTitle: '', startDate: today, startTime: '1800' },
    });
    const plan = (changes: Partial<typeof entry> = {}, before?: OwnEntry) =>
      salus.schedule.save(salus.test.author, {
        entryId: before?.entryId ?? null,
        baseVersion: before?.version ?? null,
        entry: { ...entry, ...changes },
      });

    it('brings the priors before the study comes, and does not look twice that day', async () => {
      peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
      salus.addRule([salus.addArchive('archive', peer)]);
      const { entryId } = plan();
      plan({ studyUid: '1.8', startDate: '20261124' });
      expect(await salus.run(isEnded)).toMatchObject({ state: 'done', entryId, studyUid: null, found: 1, fetched: 1 });
      await salus.arrives({ ...anne, study: '1.7' }, { identifier: 'ID-002', name: 'Petit^Zoé', study: '1.9' });
      await salus.run(isEnded, '1.9');
      expect(salus.runs().map((run) => run.entryId ?? run.studyUid)).toEqual(['1.9', entryId]);
      expect(peer.looks()).toBe(2);
      // The audit names the entry, and nobody in it.
      expect(
        salus.test.store.reader.get(
          "SELECT 1 FROM audit_entry WHERE action = 'exchange.prefetch' AND subject_id = ?",
          entryId,
        ),
      ).toBeDefined();
    });

    it('looks anew when somebody puts right whom it is for, and not for one that is called off', async () => {
      peer.objects = [shelved({ ...anne, study: '1.3.1', date: '20250101' })];
      salus.addRule([salus.addArchive('archive', peer)]);
      const wrong = plan({ patientId: 'ID-9', patientName: 'Petit^Zoé' });
      expect(await salus.run(isEnded)).toMatchObject({ state: 'nothing' });
      plan({}, wrong);
      expect(await salus.run((run) => isEnded(run) && run.state === 'done')).toMatchObject({ fetched: 1 });
      peer.isDown = true;
      const calledOff = plan({ studyUid: '1.8' });
      await salus.run(({ state, lastTrouble }) => state === 'waiting' && lastTrouble !== null, '1.8');
      salus.schedule.archive(salus.test.author, calledOff.entryId ?? '');
      salus.test.clock.advance(2 * minuteMs);
      await until(
        () => salus.runs('1.8').length === 0,
        () => 'a look that is called off',
      );
    });
  });

  describe('as it is written', () => {
    it('takes nodes that are there and are searched, and loses no edit to another', () => {
      const nodeId = salus.addArchive('archive', peer);
      const failure = (code: string) => expect.objectContaining({ name: 'Failure', code });
      expect(() => salus.addRule([salus.test.store.newId()])).toThrow(failure('exchange.nodeUnknown'));
      const { node } = salus.nodes.get(nodeId);
      const closed = salus.nodes.save(salus.test.author, {
        ...{ nodeId: null, baseVersion: null, name: 'not searched', settings: node.settings, secrets: {} },
        use: { ...node.use, search: false },
      });
      expect(() => salus.addRule([closed.nodeId])).toThrow(failure('exchange.nodeNotFor'));
      const made = salus.addRule([nodeId, nodeId]);
      expect(made).toMatchObject({ version: 1, nodeIds: [nodeId], lastAt: null, lastTrouble: null });
      const { ruleId, version, lastAt: _at, lastTrouble: _trouble, ...rule } = made;
      const save = (baseVersion: number) =>
        salus.prefetch.save(salus.test.author, { ruleId, baseVersion, rule: { ...rule, enabled: false } });
      expect(save(version)).toMatchObject({ version: 2, enabled: false });
      expect(() => save(version)).toThrow(failure('exchange.ruleChanged'));
      salus.prefetch.archive(salus.test.author, ruleId);
      expect(salus.prefetch.list()).toEqual([]);
      expect(() => save(3)).toThrow(failure('exchange.ruleUnknown'));
      expect(() => salus.prefetch.archive(salus.test.author, ruleId)).toThrow(failure('exchange.ruleUnknown'));
    });

    it('looks for nothing any more once it is out of use', async () => {
      peer.isDown = true;
      const { ruleId } = salus.addRule([salus.addArchive('archive', peer)]);
      await salus.arrives({ ...anne, study: '1.4' });
      await salus.run(({ state, lastTrouble }) => state === 'waiting' && lastTrouble !== null);
      salus.prefetch.archive(salus.test.author, ruleId);
      expect(salus.runs()).toEqual([]);
    });
  });
});
