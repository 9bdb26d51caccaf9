import type { Replayer } from '../../database/replay.ts';
import type { Reader, SqlValue, Transaction } from '../../database/writeGate.ts';
import { type NodePayload, putNode } from './nodes/nodeRows.ts';
import { type KnownReceiver, putReceiver } from './receiving/receiverSettings.ts';
import { finishRouting, type OldRouting, replayRoutingRule, takeOverRouting } from './routing/routingReplay.ts';
import { type EntryPayload, putEntry } from './schedule/scheduleRows.ts';

/** Writes nodes with their secrets and the receiver's settings again, and takes over what was only logged. */
export function exchangeReplayer(): Replayer {
  let routing: OldRouting | null = null;
  return {
    kinds: ['statement'],
    types: ['node', 'receiver', 'scheduledEntry', 'routingRule'],
    replay(tx, _object, _bytes, statement) {
      if (statement === null) return;
      const { version, at, hlc, siteId, author } = statement;
      const origin = { version, at, hlc, siteId, author: author.operatorName };
      if (statement.type === 'node') putNode(tx, statement.id, statement.payload as NodePayload, origin);
      else if (statement.type === 'routingRule') replayRoutingRule(tx, statement);
      else if (statement.type === 'scheduledEntry')
        putEntry(tx, statement.id, statement.payload as EntryPayload, origin);
      else putReceiver(tx, { ...(statement.payload as Omit<KnownReceiver, 'version'>), version }, origin);
    },
    takeOver(tx, old) {
      takeOverCapabilities(tx, old);
      takeOverAssociations(tx, old);
      takeOverWatched(tx, old);
      routing = takeOverRouting(tx, old);
    },
    finish(tx) {
      finishRouting(tx, routing);
    },
  };
}

/** An index of before this domain has no such table. */
function has(old: Reader, table: string): boolean {
  return old.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", table) !== undefined;
}

/** What talking to nodes showed; not of a node that no archived object tells of. */
function takeOverCapabilities(tx: Transaction, old: Reader): void {
  if (!has(old, 'node_capability')) return;
  for (const { node_id, name, state, learned_at } of old.all<Record<string, SqlValue>>(
    'SELECT node_id, name, state, learned_at FROM node_capability',
  )) {
    if (!tx.get('SELECT 1 FROM node WHERE node_id = ?', node_id ?? null)) continue;
    tx.run(
      'INSERT INTO node_capability (node_id, name, state, learned_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ...[node_id, name, state, learned_at].map((value) => value ?? null),
    );
  }
}

/** The log of what came in. */
function takeOverAssociations(tx: Transaction, old: Reader): void {
  if (!has(old, 'association')) return;
  for (const row of old.all<Record<string, SqlValue>>(
    `SELECT association_id, channel, calling_ae, called_ae, address, node_id, started_at, ended_at, ending, details, objects,
       duplicates, conflicts, refused, reasons, bytes, whole FROM association`,
  )) {
    const nodeId = row['node_id'] ?? null;
    const isKnown = nodeId !== null && tx.get('SELECT 1 FROM node WHERE node_id = ?', nodeId) !== undefined;
    tx.run(
      `INSERT INTO association (association_id, channel, calling_ae, called_ae, address, node_id, started_at, ended_at, ending, details,
         objects, duplicates, conflicts, refused, reasons, bytes, whole)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...Object.values({ ...row, node_id: isKnown ? nodeId : null }),
    );
  }
}

/** Files of watched folders that were imported: they are not to be imported again. Those of an import under way are. */
function takeOverWatched(tx: Transaction, old: Reader): void {
  if (!has(old, 'watched_file')) return;
  for (const { folder_key, file_key, seen_at } of old.all<Record<string, SqlValue>>(
    'SELECT folder_key, file_key, seen_at FROM watched_file WHERE job_id IS NULL',
  )) {
    tx.run(
      'INSERT INTO watched_file (folder_key, file_key, seen_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      ...[folder_key, file_key, seen_at].map((value) => value ?? null),
    );
  }
}
