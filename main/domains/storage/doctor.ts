import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { ArchiveCheck, CheckArchiveData } from '../../archive/checkArchive.worker.ts';
import type { OpenedStore } from '../../database/openStore.ts';
import { readKeyring } from '../../keyring/keyringFile.ts';

export interface StoreCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** Objects read in full by one visit of the doctor: a quarter of a gigabyte takes about a second. */
const fullBytes = 256 * 1024 * 1024;

/** Columns that hold a name in the archive, in whichever table of whichever domain. */
async function namedObjects(store: OpenedStore): Promise<string[]> {
  const columns = await store.readLater<{ table_name: string; column_name: string }>(
    `SELECT s.name AS table_name, c.name AS column_name
     FROM sqlite_schema AS s JOIN pragma_table_info(s.name) AS c
     WHERE s.type = 'table' AND c.name IN ('object_name', 'archive_name')`,
  );
  const names = new Set<string>();
  for (const { table_name, column_name } of columns) {
    const rows = await store.readLater<{ name: string }>(
      `SELECT DISTINCT "${column_name}" AS name FROM "${table_name}" WHERE "${column_name}" IS NOT NULL AND "${column_name}" <> ''`,
    );
    for (const { name } of rows) names.add(name);
  }
  return [...names];
}

/** Fisher-Yates: every order is as likely as any other. */
function shuffled(names: string[]): string[] {
  for (let index = names.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [names[index], names[other]] = [names[other] as string, names[index] as string];
  }
  return names;
}

function checkArchive(data: CheckArchiveData): Promise<ArchiveCheck> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('../../archive/checkArchive.worker.ts', import.meta.url), { workerData: data });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the archive check ended without an answer')));
  });
}

/** Looks the store over: database, audit chain, keyring, and every object the index names. */
export async function examineStore(store: OpenedStore): Promise<{ ok: boolean; checks: StoreCheck[] }> {
  const checks: StoreCheck[] = [];
  const add = (name: string, ok: boolean, detail: string, figures: Record<string, number>): void =>
    void checks.push({ name, ok, detail, figures });

  const pages = await store.readLater<{ quick_check: string }>('SELECT quick_check FROM pragma_quick_check');
  const sound = pages.length === 1 && pages[0]?.quick_check === 'ok';
  add('database', sound, sound ? 'every page authenticates' : `${pages.length} problems`, {
    problems: sound ? 0 : pages.length,
  });

  const orphans = await store.readLater<{ n: number }>('SELECT count(*) AS n FROM pragma_foreign_key_check');
  const orphanRows = orphans[0]?.n ?? 0;
  add('references', orphanRows === 0, orphanRows === 0 ? 'no row points nowhere' : `${orphanRows} rows point nowhere`, {
    rows: orphanRows,
  });

  const audit = await store.verifyAudit();
  add(
    'audit',
    audit.ok,
    `${audit.entries} entries, ${audit.reason}${audit.firstBadSequence === null ? '' : ` at ${audit.firstBadSequence}`}`,
    { entries: audit.entries, firstBad: audit.firstBadSequence ?? 0 },
  );

  const { keyring, repaired } = readKeyring(store.platform.home);
  add(
    'keyring',
    !repaired,
    `revision ${keyring.revision}, ${repaired ? 'one copy was put right from the other' : 'both copies sound'}`,
    { revision: keyring.revision },
  );

  // In another order each time: what one visit reads in full is a sample, and many visits see the whole archive.
  const names = shuffled(await namedObjects(store));
  const archive = await checkArchive({ access: store.archive.access, names, fullBytes });
  const archiveSound = archive.missing === 0 && archive.damaged === 0;
  add(
    'archive',
    archiveSound,
    `${archive.present} present, ${archive.missing} missing, ${archive.damaged} damaged; ${archive.readInFull} read in full`,
    { present: archive.present, missing: archive.missing, damaged: archive.damaged, readInFull: archive.readInFull },
  );

  return { ok: checks.every(({ ok }) => ok), checks };
}
