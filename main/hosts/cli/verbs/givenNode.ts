import type { ExchangeNode } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import type { CoreAccess } from '../coreAccess.ts';

/**
 * The node that a person named: by its id, or by its name, letter case aside.
 *
 * @throws Failure('exchange.nodeUnknown') when there is none; UsageProblem when two have the name
 */
export async function findGivenNode(access: CoreAccess, given: string): Promise<ExchangeNode> {
  const nodes = await access.client.exchange.listNodes();
  const wanted = given.trim().toLowerCase();
  const byId = nodes.find(({ nodeId }) => nodeId.toLowerCase() === wanted);
  if (byId) return byId;
  const named = nodes.filter(({ name }) => name.toLowerCase() === wanted);
  if (named.length > 1) throw new UsageProblem('Two nodes have this name: give the id that salus node list shows.');
  const [node] = named;
  if (!node) throw new Failure('exchange.nodeUnknown', 'no node of this name');
  return node;
}

/** Where a node is, without anything secret. */
export function addressOf({ settings }: ExchangeNode): string {
  if (settings.kind !== 'dimse') return settings.baseUrl;
  return `dimse${settings.tls.enabled ? 's' : ''}://${settings.aeTitle}@${settings.host}:${settings.port}`;
}
