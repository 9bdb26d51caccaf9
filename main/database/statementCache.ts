import type Database from 'better-sqlite3';
import type { DatabaseHandle } from './openDatabase.ts';
import { storageFailureOf } from './openDatabase.ts';
import type { Reader, SqlValue } from './writeGate.ts';

/** More different texts than this means somebody builds SQL from values; the oldest are dropped. */
const keptStatements = 500;

/** Prepares each SQL text once per handle. */
export class StatementCache implements Reader {
  readonly #handle: DatabaseHandle;
  readonly #prepared = new Map<string, Database.Statement>();

  constructor(handle: DatabaseHandle) {
    this.#handle = handle;
  }

  prepare(sql: string): Database.Statement {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#handle.prepare(sql);
    if (this.#prepared.size >= keptStatements) {
      for (const oldest of this.#prepared.keys()) {
        this.#prepared.delete(oldest);
        break;
      }
    }
    this.#prepared.set(sql, statement);
    return statement;
  }

  get<Row>(sql: string, ...parameters: SqlValue[]): Row | undefined {
    try {
      return this.prepare(sql).get(...parameters) as Row | undefined;
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  all<Row>(sql: string, ...parameters: SqlValue[]): Row[] {
    try {
      return this.prepare(sql).all(...parameters) as Row[];
    } catch (error) {
      throw storageFailureOf(error);
    }
  }
}
