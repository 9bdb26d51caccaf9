import {
  type ExchangeNode,
  type NodeSecrets,
  type NodeSettings,
  type NodeUse,
  nodeSettingsSchema,
  nodeUseSchema,
} from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { Reader, Transaction } from '../../../database/writeGate.ts';
import type { KnownNode } from '../exchangeParts.ts';

/** What a node is at one version: as it is archived, secrets included. */
export interface NodePayload {
  readonly name: string;
  readonly settings: NodeSettings;
  readonly use: NodeUse;
  readonly secrets: Required<NodeSecrets>;
  readonly archived: boolean;
}

export interface NodeOrigin {
  readonly version: number;
  readonly at: number;
  readonly hlc: string;
  readonly author: string | null;
  readonly siteId: string;
}

interface NodeRow {
  readonly node_id: string;
  readonly version: number;
  readonly name: string;
  readonly settings: string;
  readonly uses: string;
  readonly credential: string;
  readonly private_key: string;
  readonly archived: number;
  readonly last_test: string | null;
}

const nodeColumns = 'node_id, version, name, settings, uses, credential, private_key, archived, last_test';

/** Every node in use, by name. */
export function listNodes(reader: Reader): KnownNode[] {
  return reader
    .all<NodeRow>(`SELECT ${nodeColumns} FROM node WHERE archived = 0 ORDER BY name COLLATE NOCASE, node_id`)
    .map((row) => fromNodeRow(reader, row));
}

export function findNode(reader: Reader, nodeId: string): (KnownNode & { readonly archived: boolean }) | undefined {
  const row = reader.get<NodeRow>(`SELECT ${nodeColumns} FROM node WHERE node_id = ?`, nodeId);
  return row && { ...fromNodeRow(reader, row), archived: row.archived === 1 };
}

/** A name that no network knows (RFC 2606), and no use: what waits for such a node is held, never sent or cancelled. */
const unreadable = {
  settings: nodeSettingsSchema.parse({
    kind: 'dimse',
    host: 'damaged.invalid',
    port: 104,
    aeTitle: 'DAMAGED',
    tls: { enabled: true },
  }),
  use: nodeUseSchema.parse({ send: false, search: false, receive: false }),
  isDamaged: true,
};

/** One node that cannot be read must not take the others away. */
function storedOf(row: NodeRow): { settings: NodeSettings; use: NodeUse; isDamaged?: boolean } {
  try {
    const settings = nodeSettingsSchema.safeParse(JSON.parse(row.settings));
    const use = nodeUseSchema.safeParse(JSON.parse(row.uses));
    return settings.success && use.success ? { settings: settings.data, use: use.data } : unreadable;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return unreadable;
  }
}

function fromNodeRow(reader: Reader, row: NodeRow): KnownNode {
  const stored = storedOf(row);
  const node: ExchangeNode = {
    nodeId: row.node_id,
    version: row.version,
    name: row.name,
    ...stored,
    hasCredential: row.credential !== '',
    hasPrivateKey: row.private_key !== '',
    capabilities: reader
      .all<{ name: string; state: 'yes' | 'no'; learned_at: number }>(
        'SELECT name, state, learned_at FROM node_capability WHERE node_id = ? ORDER BY name',
        row.node_id,
      )
      .map(({ name, state, learned_at }) => ({ name, state, learnedAt: learned_at })),
    lastTest: row.last_test === null ? null : (JSON.parse(row.last_test) as ExchangeNode['lastTest']),
    isProven: stored.settings.kind !== 'xnat',
  };
  return { node, secrets: { credential: row.credential, privateKey: row.private_key } };
}

/** Writes a version of a node; an older one than is there changes nothing. */
export function putNode(tx: Transaction, nodeId: string, payload: NodePayload, origin: NodeOrigin): void {
  tx.run(
    `INSERT INTO node (node_id, version, name, settings, uses, credential, private_key, archived, changed_at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (node_id) DO UPDATE SET version = excluded.version, name = excluded.name, settings = excluded.settings,
       uses = excluded.uses, credential = excluded.credential, private_key = excluded.private_key,
       archived = excluded.archived, changed_at = excluded.changed_at, hlc = excluded.hlc, author = excluded.author,
       site_id = excluded.site_id
     WHERE excluded.version >= node.version`,
    nodeId,
    origin.version,
    payload.name,
    JSON.stringify(payload.settings),
    JSON.stringify(payload.use),
    payload.secrets.credential,
    payload.secrets.privateKey,
    payload.archived ? 1 : 0,
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}
