import type { ExchangeNode, NodeSettings, TestStep } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { OpenStore } from '../../../core.ts';
import { systemAuthor } from '../../../database/openWriteGate.ts';
import type { Author, Transaction } from '../../../database/writeGate.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { KnownNode, NewNode, NodeRegistry } from '../exchangeParts.ts';
import { ownAeTitle } from '../receiving/receiverSettings.ts';
import { checkTls, fingerprintOf } from './certificates.ts';
import { findNode, listNodes, type NodePayload, putNode } from './nodeRows.ts';
import { tryNode } from './tryNode.ts';

/** Opens the register of other systems. */
export function openNodeRegistry(store: OpenStore): NodeRegistry {
  const { reader, gate } = store;
  const listeners = new Set<(nodeId: string) => void>();

  function get(nodeId: string): KnownNode {
    const found = findNode(reader, nodeId);
    if (!found || found.archived) throw new Failure('exchange.nodeUnknown', 'no such node');
    return found;
  }

  /** Appends a version of a node: archived with its secrets, which the archive encrypts, and written as a row. */
  function append(tx: Transaction, author: Author, nodeId: string, version: number, payload: NodePayload): void {
    tx.statement({ type: 'node', id: nodeId, version, payload });
    putNode(tx, nodeId, payload, {
      version,
      at: tx.nowMs,
      hlc: tx.hlc,
      author: author.operatorName,
      siteId: tx.siteId,
    });
    tx.subject({ type: 'node', id: nodeId }, { version, kind: payload.settings.kind, archived: payload.archived });
    tx.topic('nodes');
  }

  function tell(nodeId: string): void {
    for (const listener of listeners) listener(nodeId);
  }

  function save(author: Author, input: NewNode): ExchangeNode {
    const nodeId = input.nodeId ?? store.newId();
    gate.write(author, 'exchange.saveNode', (tx) => {
      const before = input.nodeId === null ? undefined : findNode(tx, nodeId);
      if (input.nodeId !== null && (!before || before.archived))
        throw new Failure('exchange.nodeUnknown', 'no such node');
      const version = before?.node.version ?? 0;
      if (version !== (input.baseVersion ?? 0))
        throw new Failure('exchange.nodeChanged', 'a newer version was saved meanwhile', { version });
      const isSamePeer = before !== undefined && peerOf(before.node.settings) === peerOf(input.settings);
      const isAsked = input.settings.kind !== 'dimse' && input.settings.auth.method !== 'none';
      const kept = before?.secrets.credential ?? '';
      // Else whoever may edit a node could have its password sent to a machine of their own.
      if (isAsked && !isSamePeer && kept !== '' && input.secrets.credential === undefined)
        throw new Failure('exchange.secretNeeded', 'the secret of another address or account is not kept');
      const secrets = {
        credential: input.secrets.credential ?? (isSamePeer ? kept : ''),
        privateKey: input.secrets.privateKey ?? before?.secrets.privateKey ?? '',
      };
      checkTls({ ...input.settings.tls, key: secrets.privateKey });
      const { name, settings } = input;
      const { receiveCertificate = '', ...others } = input.use;
      const fingerprint = fingerprintOf(receiveCertificate);
      const use = fingerprint === '' ? others : { ...others, receiveCertificate: fingerprint };
      append(tx, author, nodeId, version + 1, { name, settings, use, secrets, archived: false });
      if (before === undefined || isSamePeer) return;
      // What was learned was learned of another.
      tx.run('DELETE FROM node_capability WHERE node_id = ?', nodeId);
      tx.run('UPDATE node SET last_test = NULL WHERE node_id = ?', nodeId);
    });
    tell(nodeId);
    return get(nodeId).node;
  }

  function learn(nodeId: string, name: string, state: 'yes' | 'no'): void {
    try {
      if (knows(nodeId, name) === state || !findNode(reader, nodeId)) return;
      gate.append(systemAuthor, (tx) => {
        tx.run(
          `INSERT INTO node_capability (node_id, name, state, learned_at) VALUES (?, ?, ?, ?)
           ON CONFLICT (node_id, name) DO UPDATE SET state = excluded.state, learned_at = excluded.learned_at`,
          nodeId,
          name,
          state,
          tx.nowMs,
        );
        tx.topic('nodes');
      });
    } catch (error) {
      // No fact: the next conversation shows it again, and this one goes on over a full disk or a closed store.
      store.platform.log.error('what a node showed could not be kept', new Error(faultText(error)));
    }
  }

  function knows(nodeId: string, name: string): 'yes' | 'no' | undefined {
    return reader.get<{ state: 'yes' | 'no' }>(
      'SELECT state FROM node_capability WHERE node_id = ? AND name = ?',
      nodeId,
      name,
    )?.state;
  }

  return {
    list: () => listNodes(reader).map(({ node }) => node),
    get,
    find: (nodeId) => findNode(reader, nodeId),
    save,
    archive(author, nodeId) {
      gate.write(author, 'exchange.archiveNode', (tx) => {
        const before = findNode(tx, nodeId);
        if (!before || before.archived) throw new Failure('exchange.nodeUnknown', 'no such node');
        const { name, settings, use, version } = before.node;
        const secrets = {
          credential: before.secrets.credential ?? '',
          privateKey: before.secrets.privateKey ?? '',
        };
        append(tx, author, nodeId, version + 1, { name, settings, use, secrets, archived: true });
      });
      tell(nodeId);
    },
    async test(author, nodeId, signal) {
      const known = get(nodeId);
      const steps: TestStep[] = [];
      for await (const { step, learned } of tryNode(known, ownAeTitle(reader), store.platform.clock, signal)) {
        steps.push(step);
        for (const [name, state] of Object.entries(learned)) learn(nodeId, name, state);
      }
      gate.write(author, 'exchange.testNode', (tx) => {
        tx.run('UPDATE node SET last_test = ? WHERE node_id = ?', JSON.stringify({ at: tx.nowMs, steps }), nodeId);
        const failed = steps.find(({ ok }) => !ok);
        tx.subject({ type: 'node', id: nodeId }, { steps: steps.length, failure: failed?.code ?? '' });
        tx.topic('nodes');
      });
      return steps;
    },
    learn,
    knows,
    onChange(listener) {
      listeners.add(listener);
    },
  };
}

/** Whom one talks to, and as whom: what a stored secret is for, and what was learned is about. */
function peerOf(settings: NodeSettings): string {
  if (settings.kind === 'dimse') {
    const { kind, host, port, aeTitle, callingAeTitle, tls } = settings;
    return JSON.stringify([kind, host, port, aeTitle, callingAeTitle, tls.enabled]);
  }
  const { kind, baseUrl, auth } = settings;
  const account =
    auth.method === 'basic' ? [auth.userName] : auth.method === 'oidc' ? [auth.issuer, auth.clientId] : [];
  return JSON.stringify([kind, new URL(baseUrl).origin, auth.method, ...account]);
}
