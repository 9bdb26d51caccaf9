import type { WorklistFilter, WorklistRow, WorklistSort } from '../../../app/domains/worklist/worklistSchema.ts';
import type { OpenStore } from '../../core.ts';
import { fromItemRow, itemColumns, type WorklistItemRow } from './worklistItems.ts';
import { conditionsOf, sortIndexOf } from './worklistSearch.ts';

export interface WorklistPage {
  readonly filter: WorklistFilter;
  readonly sort: WorklistSort;
  readonly offset: number;
  readonly limit: number;
}

/** One page of the list and how many studies the filter lets in, as of one moment. Never on the window's thread. */
export async function readWorklistPage(
  store: Pick<OpenStore, 'readList'>,
  page: WorklistPage,
): Promise<{ total: number; rows: WorklistRow[] }> {
  const { index, forward, backward } = sortIndexOf(page.sort);
  const ordered = (by: string) => `SELECT i.study_row FROM worklist_item i INDEXED BY ${index} ORDER BY ${by}`;
  const { total, rows } = await store.readList<WorklistItemRow>({
    conditions: conditionsOf(page.filter),
    count: "SELECT studies FROM worklist_count WHERE name = 'all'",
    order: ordered(forward),
    reverse: ordered(backward),
    // CROSS JOIN keeps SQLite from walking the whole list and looking each study up in the few.
    few: `SELECT i.study_row FROM json_each(?) few CROSS JOIN worklist_item i ON i.study_row = few.value ORDER BY ${forward}`,
    rows: `SELECT ${itemColumns.replace(/(\w+)/g, 'i.$1')}
      FROM json_each(?) page CROSS JOIN worklist_item i ON i.study_row = page.value ORDER BY page.key`,
    offset: page.offset,
    limit: page.limit,
  });
  return { total, rows: rows.map(fromItemRow) };
}
