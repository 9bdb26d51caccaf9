import type { DatabaseHandle } from './openDatabase.ts';
import { storageFailureOf } from './openDatabase.ts';
import { StatementCache } from './statementCache.ts';

/** A piece of SQL with its parameters. */
export interface SqlPart {
  readonly sql: string;
  readonly parameters: readonly (string | number | null)[];
}

/**
 * A part of a long list whose rows have small positive whole numbers (an INTEGER PRIMARY KEY that grows by one). Plain
 * SQL, so that the thread that answers knows nothing of what is listed.
 */
export interface ListQuestion {
  /** Each selects row numbers as its one column. A row is listed when all of them select it; none lists every row. */
  readonly conditions: readonly SqlPart[];
  /** Selects how many rows there are, listed or not. */
  readonly count: string;
  /** Selects the number of every row in the order of the list; `reverse` from its end. No LIMIT. */
  readonly order: string;
  readonly reverse: string;
  /** Selects the numbers in a JSON array (its one parameter), in the order of the list. */
  readonly few: string;
  /** Selects the rows whose numbers are in a JSON array (its one parameter), in the order of the array. */
  readonly rows: string;
  readonly offset: number;
  readonly limit: number;
}

export interface ListAnswer<Row> {
  /** How many rows are listed, whatever the part. */
  readonly total: number;
  readonly rows: Row[];
}

/** So few are sorted by looking at each; for more, the order of the whole list is cheaper (measured: 100,000 rows in 7 ms). */
const fewRows = 500;
/** Conditions remembered until something changes; 12 KiB each for 100,000 rows. */
const keptSets = 64;
/** Walked first of an order, beyond what an even spread would need. */
const headStart = 1000;

/**
 * Answers questions about long lists over one read-only handle. The numbers of the rows that meet a condition are kept
 * as bits, so that conditions which find thousands each and next to nothing together cost no look at a single row. What
 * was found is remembered until anybody commits anything.
 */
export class RowLists {
  readonly #handle: DatabaseHandle;
  readonly #statements: StatementCache;
  readonly #sets = new Map<string, Uint32Array>();
  readonly #orders = new Map<string, { readonly numbers: Uint32Array; readonly whole: boolean }>();
  #version: unknown;

  constructor(handle: DatabaseHandle) {
    this.#handle = handle;
    this.#statements = new StatementCache(handle);
  }

  /** Total and rows as of one moment, whoever writes meanwhile. */
  read(question: ListQuestion): ListAnswer<unknown> {
    try {
      return this.#handle.transaction(() => this.#read(question))();
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  #read(question: ListQuestion): ListAnswer<unknown> {
    const version = this.#handle.pragma('data_version', { simple: true });
    if (version !== this.#version) {
      this.#version = version;
      this.#sets.clear();
      this.#orders.clear();
    }
    const { total, numbers } = this.#find(question);
    if (numbers.length === 0) return { total, rows: [] };
    return { total, rows: this.#statements.prepare(question.rows).all(JSON.stringify(numbers)) };
  }

  #find(question: ListQuestion): { total: number; numbers: number[] } {
    const { conditions, offset, limit } = question;
    const all = this.#pluck(question.count)[0] ?? 0;
    if (conditions.length === 0) return { total: all, numbers: this.#walk(question, all) };
    const listed = intersection(conditions.map((condition) => this.#setOf(condition)));
    const total = sizeOf(listed);
    if (offset >= total) return { total, numbers: [] };
    const known = this.#orders.get(question.order);
    if (total <= fewRows && known?.whole !== true) {
      const sorted = this.#pluck(question.few, JSON.stringify(numbersIn(listed)));
      return { total, numbers: sorted.slice(offset, offset + limit) };
    }
    // Where the listed rows are spread evenly, the page ends about here.
    const end = Math.ceil(((offset + limit) * all) / total) * 2 + headStart;
    const page =
      (end < all / 2 ? pick(this.#orderOf(question.order, end), listed, offset, limit) : null) ??
      pick(this.#orderOf(question.order), listed, offset, limit);
    return { total, numbers: page ?? [] };
  }

  /** A page of the unfiltered list, from the end that is nearer. */
  #walk({ order, reverse, offset, limit }: ListQuestion, total: number): number[] {
    const count = Math.min(limit, total - offset);
    if (count <= 0) return [];
    if (offset <= total / 2) return this.#pluck(`${order} LIMIT ? OFFSET ?`, count, offset);
    return this.#pluck(`${reverse} LIMIT ? OFFSET ?`, count, total - offset - count).reverse();
  }

  #setOf({ sql, parameters }: SqlPart): Uint32Array {
    const key = JSON.stringify([sql, parameters]);
    const known = this.#sets.get(key);
    if (known) return known;
    // One long text leaves SQLite faster than a hundred thousand values do (measured: a third less).
    const text = this.#statements
      .prepare(`WITH listed (number) AS (${sql}) SELECT group_concat(number, ',') FROM listed`)
      .pluck()
      .get(...parameters) as string | null;
    const set = setFromText(text ?? '');
    if (this.#sets.size >= keptSets) for (const oldest of [...this.#sets.keys()].slice(0, 1)) this.#sets.delete(oldest);
    this.#sets.set(key, set);
    return set;
  }

  /** The order of the list from its beginning: at least `count` numbers of it, or all. */
  #orderOf(order: string, count?: number): { numbers: Uint32Array; whole: boolean } {
    const known = this.#orders.get(order);
    if (known && (known.whole || (count !== undefined && known.numbers.length >= count))) return known;
    const numbers = count === undefined ? this.#pluck(order) : this.#pluck(`${order} LIMIT ?`, count);
    const found = { numbers: Uint32Array.from(numbers), whole: count === undefined || numbers.length < count };
    this.#orders.set(order, found);
    return found;
  }

  #pluck(sql: string, ...parameters: (string | number)[]): number[] {
    return this.#statements
      .prepare(sql)
      .pluck()
      .all(...parameters) as number[];
  }
}

/** '3,17,4' as bits. */
function setFromText(text: string): Uint32Array {
  let set = new Uint32Array(1024);
  let number = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const digit = at < text.length ? text.charCodeAt(at) - 48 : -1;
    if (digit >= 0) {
      number = number * 10 + digit;
      continue;
    }
    const place = number >>> 5;
    if (place >= set.length) {
      const larger = new Uint32Array(Math.max(place + 1, set.length * 2));
      larger.set(set);
      set = larger;
    }
    if (number > 0) set[place] = (set[place] as number) | (1 << (number & 31));
    number = 0;
  }
  return set;
}

function intersection(sets: readonly Uint32Array[]): Uint32Array {
  const [first = new Uint32Array(0), ...others] = [...sets].sort((left, right) => left.length - right.length);
  const both = first.slice();
  for (const other of others) {
    for (let place = 0; place < both.length; place += 1)
      both[place] = (both[place] as number) & (other[place] as number);
  }
  return both;
}

function sizeOf(set: Uint32Array): number {
  let size = 0;
  for (let bits of set) {
    // Bits counted in parallel (Hacker's Delight, section 5-1).
    bits -= (bits >>> 1) & 0x55555555;
    bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
    size += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return size;
}

function has(set: Uint32Array, number: number): boolean {
  return (((set[number >>> 5] ?? 0) >>> (number & 31)) & 1) === 1;
}

function numbersIn(set: Uint32Array): number[] {
  const numbers: number[] = [];
  for (let place = 0; place < set.length; place += 1) {
    for (let bits = set[place] as number; bits !== 0; bits &= bits - 1)
      numbers.push(place * 32 + (31 - Math.clz32(bits & -bits)));
  }
  return numbers;
}

/** The page of the listed numbers in their order; null when the order ends too early to tell. */
function pick(
  { numbers, whole }: { readonly numbers: Uint32Array; readonly whole: boolean },
  listed: Uint32Array,
  offset: number,
  limit: number,
): number[] | null {
  const page: number[] = [];
  let passed = 0;
  for (const number of numbers) {
    if (!has(listed, number)) continue;
    passed += 1;
    if (passed <= offset) continue;
    page.push(number);
    if (page.length === limit) return page;
  }
  return whole ? page : null;
}
