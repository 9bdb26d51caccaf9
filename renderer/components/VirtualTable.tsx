import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, type Ref, useEffect, useId, useImperativeHandle, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { isEnterTaken, useKeys } from './keys.ts';
import './virtualTable.css';

export interface Column<Row> {
  readonly key: string;
  readonly header: string;
  /** CSS grid track: '160px', 'minmax(120px, 1fr)'. */
  readonly width: string;
  readonly align?: 'end';
  /** No padding at the right, for a mark beside the next column. */
  readonly narrow?: boolean;
  /** Name to sort by; absent: this column cannot sort. */
  readonly sortKey?: string;
  readonly cell: (row: Row) => ReactNode;
  /** Whole text for hover, where the cell may be cut. */
  readonly title?: (row: Row) => string;
}

export interface VirtualTableHandle {
  focus(): void;
  scrollToTop(): void;
}

export interface VirtualTableProps<Row> {
  /** Said by screen readers. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly total: number;
  readonly rowAt: (index: number) => Row | undefined;
  readonly rowKey: (row: Row) => string;
  readonly selectedKey: string | null;
  readonly onSelect: (row: Row, index: number) => void;
  readonly onOpen: (row: Row) => void;
  /** Opens the selection where its row is not at hand: another filter or page may have taken it out of the list. */
  readonly onOpenKey?: (key: string) => void;
  /** Tells which rows are in view, so that their pages can be fetched. */
  readonly onView: (first: number, last: number) => void;
  readonly sort?: { readonly key: string; readonly direction: 'ascending' | 'descending' };
  readonly onSort?: (key: string) => void;
  readonly rowClass?: (row: Row) => string;
  /** Dims the rows while they answer an older question. */
  readonly stale?: boolean;
  /**
   * False while the rows answer an older question, or the newest is not even sent: keys then choose nothing, and an Enter
   * on the row chosen waits for the answer.
   */
  readonly isAnswered?: boolean;
  /** Heading of the keys in the help. */
  readonly keyGroup: string;
  readonly ref?: Ref<VirtualTableHandle>;
}

const rowHeight = 32;

interface RowProps<Row> {
  readonly row: Row | undefined;
  readonly index: number;
  readonly top: number;
  readonly id: string;
  readonly selected: boolean;
  readonly extraClass: string;
  readonly columns: readonly Column<Row>[];
  readonly onSelect: (row: Row, index: number) => void;
  readonly onOpen: (row: Row) => void;
}

function RowBase<Row>({ row, index, top, id, selected, extraClass, columns, onSelect, onOpen }: RowProps<Row>) {
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      tabIndex={-1}
      className={`vt-row ${selected ? 'selected' : ''} ${extraClass}`}
      style={{ transform: `translateY(${top}px)` }}
      onMouseDown={(event) => {
        // The grid keeps the focus: a focused cell would draw a ring around half of a row.
        event.preventDefault();
        event.currentTarget.closest<HTMLElement>('[role="grid"]')?.focus({ preventScroll: true });
        if (row) onSelect(row, index);
      }}
      onDoubleClick={() => row && onOpen(row)}
    >
      {columns.map((column) => (
        <div
          key={column.key}
          role="cell"
          className={`vt-cell ${column.align === 'end' ? 'num' : ''} ${column.narrow ? 'narrow' : ''}`}
          title={row && column.title ? column.title(row) : undefined}
        >
          {row ? column.cell(row) : <span className="vt-waiting" />}
        </div>
      ))}
    </div>
  );
}
const TableRow = memo(RowBase) as typeof RowBase;

/**
 * A list of any length at 32 px a row: only what is in view exists. Arrows, Home, End, PgUp and PgDn move the
 * selection, Enter opens it. The selection is a row's key, never its place, so a list that reorders under the hand
 * cannot put another row under it.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { columns, total, rowAt, rowKey, selectedKey, onSelect, onOpen, onView, sort, onSort, keyGroup, stale } = props;
  const { t } = useTranslation('components');
  const scroller = useRef<HTMLDivElement>(null);
  const selectedIndex = useRef(0);
  const baseId = useId();
  const virtualizer = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const items = virtualizer.getVirtualItems();
  const firstInView = items[0]?.index ?? 0;
  const lastInView = items[items.length - 1]?.index ?? 0;
  useEffect(() => onView(firstInView, lastInView), [firstInView, lastInView, onView]);

  useImperativeHandle(props.ref, () => ({
    focus: () => scroller.current?.focus(),
    scrollToTop: () => {
      // A jump within the rows of another question has no place in these.
      pending.current = null;
      virtualizer.scrollToOffset(0);
    },
  }));

  const isSelectedAt = (index: number): boolean => {
    const row = rowAt(index);
    return row !== undefined && rowKey(row) === selectedKey;
  };
  const placeOfSelection = (): number => {
    if (isSelectedAt(selectedIndex.current)) return selectedIndex.current;
    for (let index = firstInView; index <= lastInView; index += 1) if (isSelectedAt(index)) return index;
    return selectedKey === null ? -1 : selectedIndex.current;
  };
  const moveTo = (index: number): void => {
    if (total === 0) return;
    const target = Math.min(total - 1, Math.max(0, index));
    virtualizer.scrollToIndex(target, { align: 'auto' });
    selectedIndex.current = target;
    const row = rowAt(target);
    if (row) onSelect(row, target);
    else pending.current = target;
  };
  // A jump to a row whose page is not here yet selects it when it comes.
  const pending = useRef<number | null>(null);
  useEffect(() => {
    if (pending.current === null) return;
    const row = rowAt(pending.current);
    if (!row) return;
    onSelect(row, pending.current);
    pending.current = null;
  });

  const pageRows = (): number => Math.max(1, Math.floor((scroller.current?.clientHeight ?? 600) / rowHeight) - 2);
  const { isAnswered = true } = props;
  const listed = { group: keyGroup, isHidden: total === 0, when: () => total > 0 && isAnswered };
  useKeys([
    { ...listed, id: 'table.up', keys: ['arrowup'], label: t('table.up'), run: () => moveTo(placeOfSelection() - 1) },
    {
      ...listed,
      id: 'table.down',
      keys: ['arrowdown'],
      label: t('table.down'),
      run: () => moveTo(placeOfSelection() + 1),
    },
    { ...listed, id: 'table.home', keys: ['home'], label: t('table.first'), run: () => moveTo(0) },
    { ...listed, id: 'table.end', keys: ['end'], label: t('table.last'), run: () => moveTo(total - 1) },
    {
      ...listed,
      id: 'table.pageUp',
      keys: ['pageup'],
      label: t('table.pageUp'),
      run: () => moveTo(placeOfSelection() - pageRows()),
    },
    {
      ...listed,
      id: 'table.pageDown',
      keys: ['pagedown'],
      label: t('table.pageDown'),
      run: () => moveTo(placeOfSelection() + pageRows()),
    },
    {
      id: 'table.open',
      group: keyGroup,
      isHidden: total === 0,
      keys: ['enter'],
      label: t('table.open'),
      when: () => selectedKey !== null && !isEnterTaken(),
      run: () => {
        if (isAnswered) openSelection();
        else enteredEarly.current = selectedKey;
      },
    },
  ]);
  const openSelection = (): void => {
    const row = rowAt(placeOfSelection());
    if (row && rowKey(row) === selectedKey) onOpen(row);
    else if (selectedKey !== null) props.onOpenKey?.(selectedKey);
  };
  // Enter on a row that was clicked before the list had answered is not lost; another choice forgets it.
  const enteredEarly = useRef<string | null>(null);
  useEffect(() => {
    if (enteredEarly.current === null || (enteredEarly.current === selectedKey && !isAnswered)) return;
    const isStillMeant = enteredEarly.current === selectedKey;
    enteredEarly.current = null;
    if (isStillMeant) openSelection();
  });

  const template = columns.map((column) => column.width).join(' ');
  const select = (row: Row, index: number): void => {
    selectedIndex.current = index;
    pending.current = null;
    onSelect(row, index);
  };
  const selectLatest = useRef(select);
  selectLatest.current = select;
  const openLatest = useRef(onOpen);
  openLatest.current = onOpen;
  const stable = useRef({
    select: (row: Row, index: number) => selectLatest.current(row, index),
    open: (row: Row) => openLatest.current(row),
  });
  const shownSelected = items.find((item) => isSelectedAt(item.index));

  return (
    <div className="vt" style={{ '--vt-columns': template } as React.CSSProperties}>
      <div
        ref={scroller}
        className="vt-scroll"
        role="grid"
        aria-label={props.label}
        aria-rowcount={total + 1}
        aria-colcount={columns.length}
        aria-busy={stale || !isAnswered}
        aria-activedescendant={shownSelected ? `${baseId}-${shownSelected.index}` : undefined}
        tabIndex={0}
      >
        <div className="vt-head" role="row" aria-rowindex={1} tabIndex={-1}>
          {columns.map((column) => {
            const sorted = sort && column.sortKey === sort.key ? sort.direction : undefined;
            const content = (
              <>
                <span className="vt-head-text">{column.header}</span>
                {sorted === 'ascending' ? <IconArrowUp size={12} aria-hidden /> : null}
                {sorted === 'descending' ? <IconArrowDown size={12} aria-hidden /> : null}
              </>
            );
            return (
              <div
                key={column.key}
                role="columnheader"
                tabIndex={-1}
                aria-sort={sorted}
                className={column.align === 'end' ? 'vt-th num' : 'vt-th'}
              >
                {column.sortKey && onSort ? (
                  <button type="button" onClick={() => onSort(column.sortKey as string)} title={t('table.sort')}>
                    {content}
                  </button>
                ) : (
                  content
                )}
              </div>
            );
          })}
        </div>
        <div
          className={stale ? 'vt-body stale' : 'vt-body'}
          role="rowgroup"
          style={{ height: virtualizer.getTotalSize() }}
        >
          {items.map((item) => {
            const row = rowAt(item.index);
            return (
              <TableRow
                key={item.key}
                id={`${baseId}-${item.index}`}
                row={row}
                index={item.index}
                top={item.start}
                selected={row !== undefined && rowKey(row) === selectedKey}
                extraClass={row && props.rowClass ? props.rowClass(row) : ''}
                columns={columns}
                onSelect={stable.current.select}
                onOpen={stable.current.open}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}
