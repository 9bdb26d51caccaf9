import type { OpenedStore } from '../../main/database/openStore.ts';
import type { Statement } from '../../main/database/writeGate.ts';

/**
 * Ids of the facts of type `fact` that the archive tells: what an index rebuilt from it would hold.
 *
 * @param known names read before, with what they told; grows
 */
export async function factsInArchive(
  store: OpenedStore,
  known: Map<string, string | null> = new Map(),
): Promise<string[]> {
  const ids: string[] = [];
  for await (const name of store.archive.names()) {
    if (store.archive.find(name)?.kind !== 'statement') continue;
    let told = known.get(name);
    if (told === undefined) {
      const { type, id } = JSON.parse(Buffer.from(store.archive.getSync(name)).toString('utf8')) as Statement;
      told = type === 'fact' ? id : null;
      known.set(name, told);
    }
    if (told !== null) ids.push(told);
  }
  return ids.sort();
}
