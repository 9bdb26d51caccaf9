import { expect } from 'vitest';
import { type SyntheticInstance, syntheticInstances } from '../../main/domains/imaging/samples/syntheticInstances.ts';
import { openReceivingStation, until } from '../integration/peers/receivingStation.ts';
import { sendInstances } from './sendInstances.ts';

const associations = 16;

/** What a round came to: all of it is compared here already; the figures are for whoever keeps them. */
export interface ReceptionFigures {
  readonly sent: number;
  readonly kept: number;
  readonly duplicates: number;
}

/**
 * Sixteen associations at once, each with its own patients and, somewhere among them, the same `shared` instances as all
 * the others: every object is kept once, is named by the index and lies in the archive, and the log counts each as what
 * it was.
 */
export async function receiveFromMany(own: number, shared: number, seed: string): Promise<ReceptionFigures> {
  const station = await openReceivingStation();
  try {
    station.allow('MODALITY');
    await station.listen();
    const common = [
      ...syntheticInstances({ count: shared, perSeries: 5, seed: `${seed}-shared`, rows: 16, columns: 16 }),
    ];
    const answered = new Set<string>();
    let sent = 0;
    const loads = Array.from({ length: associations }, (_, index) => {
      const mine = [
        ...syntheticInstances({ count: own, perSeries: 25, seed: `${seed}-${index}`, rows: 16, columns: 16 }),
      ];
      // Half of them all begin with what is common, so that the same object comes at the same moment.
      return index % 2 === 0 ? [...common, ...mine] : [...mine, ...common];
    });
    await Promise.all(
      loads.map((load: readonly SyntheticInstance[]) =>
        sendInstances({ port: station.port, callingAe: 'MODALITY', calledAe: 'SALUS' }, load, ({ sopInstanceUid }) => {
          answered.add(sopInstanceUid);
          sent += 1;
        }),
      ),
    );
    const rows = await until(
      () => station.receiver.associations({ offset: 0, limit: 100 }).rows,
      (found) => found.length >= associations,
    );
    const sum = (name: 'objects' | 'duplicates' | 'conflicts' | 'refused') =>
      rows.reduce((total, row) => total + row[name], 0);
    const unique = associations * own + shared;
    expect({ sent, unique: answered.size }).toEqual({ sent: associations * (own + shared), unique });
    expect(rows.map(({ ending }) => ending)).toEqual(Array.from({ length: associations }, () => 'released'));
    expect({
      objects: sum('objects'),
      duplicates: sum('duplicates'),
      conflicts: sum('conflicts'),
      refused: sum('refused'),
    }).toEqual({ objects: sent, duplicates: (associations - 1) * shared, conflicts: 0, refused: 0 });
    const { store } = station.t.test;
    const kept = store.reader.all<{ sop_uid: string; object_name: string }>(
      'SELECT sop_uid, object_name FROM instance',
    );
    expect(new Set(kept.map(({ sop_uid }) => sop_uid))).toEqual(answered);
    expect(kept).toHaveLength(unique);
    for (const { object_name } of kept) store.archive.getSync(object_name);
    expect(store.reader.get('SELECT sum(instance_count) AS instances FROM study')).toEqual({ instances: unique });
    return { sent, kept: kept.length, duplicates: sum('duplicates') };
  } finally {
    await station.close();
  }
}
