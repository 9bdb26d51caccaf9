import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSync } from '@swc/core';
import { describe, expect, it } from 'vitest';
import { migrate } from '../../main/database/migrate.ts';
import { allMigrations } from '../../main/database/migrations/allMigrations.ts';
import { createDatabase, type DatabaseHandle } from '../../main/database/openDatabase.ts';
import { databaseKeyOf } from '../../main/keyring/deriveKeys.ts';

const mainFolder = join(import.meta.dirname, '../../main');

interface Found {
  readonly file: string;
  /** The text in pieces; between two of them stands something only known at run time. */
  readonly pieces: readonly string[];
}

type Node = { type: string; [member: string]: unknown };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function parse(source: string): Node {
  return parseSync(source, { syntax: 'typescript', target: 'es2022' }) as unknown as Node;
}

type Constants = ReadonlyMap<string, readonly string[]>;
const constantsByFile = new Map<string, Constants>();

/** Text bound to a name at module level, also by import, so that `SELECT ${columns} FROM …` can be put together. */
function textConstants(file: string, module: Node): Constants {
  const known = constantsByFile.get(file);
  if (known) return known;
  const constants = new Map<string, readonly string[]>();
  constantsByFile.set(file, constants);
  for (const item of module['body'] as Node[]) {
    if (item.type === 'ImportDeclaration') {
      const from = (item['source'] as Node)['value'] as string;
      const target = join(file, '..', from);
      if (!from.startsWith('.') || !from.endsWith('.ts') || !existsSync(join(mainFolder, target))) continue;
      const exported =
        constantsByFile.get(target) ?? textConstants(target, parse(readFileSync(join(mainFolder, target), 'utf8')));
      for (const specifier of item['specifiers'] as Node[]) {
        const local = (specifier['local'] as Node)['value'] as string;
        const imported = isNode(specifier['imported']) ? (specifier['imported']['value'] as string) : local;
        const text = exported.get(imported);
        if (text) constants.set(local, text);
      }
      continue;
    }
    const declaration = item.type === 'ExportDeclaration' ? (item['declaration'] as Node) : item;
    if (declaration.type !== 'VariableDeclaration') continue;
    for (const { id, init } of declaration['declarations'] as { id: Node; init: Node | null }[]) {
      const text = id.type === 'Identifier' && init ? piecesOf(init, constants) : null;
      if (text) constants.set(id['value'] as string, text);
    }
  }
  return constants;
}

function joinPieces(left: readonly string[], right: readonly string[]): string[] {
  return [...left.slice(0, -1), left.at(-1)! + right[0]!, ...right.slice(1)];
}

/** The text of an expression, or null when it is no text. */
function piecesOf(node: Node, constants: Constants): readonly string[] | null {
  switch (node.type) {
    case 'StringLiteral':
      return [node['value'] as string];
    case 'TemplateLiteral': {
      const quasis = (node['quasis'] as { cooked: string }[]).map(({ cooked }) => cooked);
      const values = (node['expressions'] as Node[]).map((expression) => piecesOf(expression, constants) ?? ['', '']);
      return quasis
        .slice(1)
        .reduce((text, quasi, index) => joinPieces(joinPieces(text, values[index]!), [quasi]), [quasis[0]!]);
    }
    case 'BinaryExpression': {
      if (node['operator'] !== '+') return null;
      const left = piecesOf(node['left'] as Node, constants);
      const right = piecesOf(node['right'] as Node, constants);
      return left && right && joinPieces(left, right);
    }
    case 'ParenthesisExpression':
    case 'TsAsExpression':
    case 'TsConstAssertion':
      return piecesOf(node['expression'] as Node, constants);
    case 'Identifier':
      return constants.get(node['value'] as string) ?? null;
    default:
      return null;
  }
}

const startsAsSql =
  /^\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET|DELETE\s+FROM\s|WITH\s+(RECURSIVE\s+)?\w+.*\sAS\s*\()/s;

function statementsIn(file: string, source: string): Found[] {
  const module = parse(source);
  const constants = textConstants(file, module);
  const found: Found[] = [];
  function visit(value: unknown): void {
    if (Array.isArray(value)) {
      for (const member of value) visit(member);
      return;
    }
    if (value === null || typeof value !== 'object') return;
    if (isNode(value) && ['StringLiteral', 'TemplateLiteral', 'BinaryExpression'].includes(value.type)) {
      const pieces = piecesOf(value, constants);
      if (pieces !== null && startsAsSql.test(pieces.join(' '))) {
        found.push({ file, pieces });
        return;
      }
    }
    for (const member of Object.values(value)) visit(member);
  }
  visit(module);
  return found;
}

/** What may stand where the text is only known at run time: nothing, a condition or number, columns, a subquery. */
const stand = ['', ' 1 ', ' * ', ' AND 1 ', ' SELECT 1 AS study_row '] as const;

/** True when the statement can be prepared with something in each of its gaps; otherwise the last error. */
function prepares(handle: DatabaseHandle, pieces: readonly string[]): true | string {
  const gaps = pieces.length - 1;
  const tries = Math.min(stand.length ** gaps, 15_625);
  let last = '';
  for (let attempt = 0; attempt < tries; attempt += 1) {
    let sql = pieces[0]!;
    let rest = attempt;
    for (let gap = 0; gap < gaps; gap += 1) {
      sql += stand[rest % stand.length]! + pieces[gap + 1]!;
      rest = Math.floor(rest / stand.length);
    }
    try {
      handle.prepare(sql);
      return true;
    } catch (error) {
      const { message } = error as Error;
      if (!last.startsWith('no such')) last = message;
    }
  }
  return last;
}

function allStatements(): Found[] {
  return readdirSync(mainFolder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter(
      (name) =>
        name.endsWith('.ts') &&
        !name.startsWith('hosts/') &&
        !name.endsWith('.test.ts') &&
        !name.startsWith('database/migrations/'),
    )
    .sort()
    .flatMap((name) => statementsIn(name, readFileSync(join(mainFolder, name), 'utf8')));
}

/** Statements whose tables are only known at run time, which no scan can prepare. Each has a test that runs it. */
const madeAtRunTime: readonly { file: string; starts: string }[] = [
  { file: 'database/rebuildIndex.ts', starts: 'SELECT * FROM ' },
  { file: 'database/rebuildIndex.ts', starts: 'SELECT count(*) AS n FROM ' },
  { file: 'database/rebuildIndex.ts', starts: 'DELETE FROM ' },
  { file: 'database/rebuildIndex.ts', starts: 'INSERT INTO ' },
  { file: 'domains/storage/doctor.ts', starts: 'SELECT DISTINCT "' },
  { file: 'domains/imaging/dicomweb/qido.ts', starts: 'SELECT ' },
  { file: 'domains/imaging/studyQueries.ts', starts: 'SELECT ' },
  { file: 'domains/worklist/worklistQueries.ts', starts: 'SELECT i.study_row FROM worklist_item i INDEXED BY' },
];

describe('SQL', () => {
  it('of every statement in the program is prepared against the newest schema', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salus-statements-'));
    const handle = createDatabase(join(folder, 'salus.db'), databaseKeyOf(randomBytes(32)));
    try {
      migrate(handle, allMigrations, 1);
      const statements = allStatements();
      expect(statements.length).toBeGreaterThan(60);
      const failures: string[] = [];
      for (const { file, pieces } of statements) {
        if (
          madeAtRunTime.some(
            (known) => known.file === file && pieces[0]!.trimStart().startsWith(known.starts) && pieces.length > 1,
          )
        )
          continue;
        const result = prepares(handle, pieces);
        if (result !== true) failures.push(`${file}: ${result}: ${pieces.join('…').replace(/\s+/g, ' ').trim()}`);
      }
      expect(failures).toEqual([]);
    } finally {
      handle.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('that does not fit is found', () => {
    const folder = mkdtempSync(join(tmpdir(), 'salus-statements-'));
    const handle = createDatabase(join(folder, 'salus.db'), databaseKeyOf(randomBytes(32)));
    const source = [
      "const columns = 'number, missing';",
      'const s = `SELECT $' + '{columns} FROM schema_migration WHERE $' + '{condition} LIMIT $' + '{n}`;',
      "db.run('DELETE FROM ' + 'gone');",
      "db.get('SELECT number FROM schema_migration');",
    ].join('\n');
    const results = statementsIn('database/x.ts', source).map(({ pieces }) => prepares(handle, pieces));
    handle.close();
    rmSync(folder, { recursive: true });
    expect(results).toEqual(['no such column: missing', 'no such table: gone', true]);
  });
});
