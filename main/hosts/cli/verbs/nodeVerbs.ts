import { readFile } from 'node:fs/promises';
import type { ExchangeNode, NodeSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { nodeSettingsSchema } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { resolveGiven } from '../../givenPath.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { addressOf, findGivenNode } from './givenNode.ts';
import type { Verb, VerbContext } from './verb.ts';

const kinds: Readonly<Record<string, { names: readonly string[]; run: Verb['run'] }>> = {
  list: { names: [], run: list },
  add: { names: ['NAME', 'ADDRESS'], run: add },
  archive: { names: ['NODE'], run: archive },
};
const uses = ['send', 'search', 'receive'] as const;

/** Other systems: lists them, adds one, takes one out of use. */
export const node: Verb = {
  check({ rest: [kind = '', ...rest], exchange }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem('salus node takes: list, add or archive.');
    if (rest.length !== found.names.length || rest.includes(''))
      throw new UsageProblem(`salus node ${kind} takes: ${found.names.join(' ') || 'no argument'}.`);
    if (kind === 'add') {
      readUses(exchange);
      readAddress(rest[1] ?? '');
    } else if (Object.keys(exchange).length > 0) throw new UsageProblem(`salus node ${kind} takes no such option.`);
  },
  needsSession: () => true,
  run(context) {
    const { run } = kinds[context.given.rest[0] ?? ''] ?? {};
    if (!run) throw new UsageProblem('salus node takes: list, add or archive.');
    return run(context);
  },
};

async function list({ access, terminal }: VerbContext) {
  const nodes = await access.client.exchange.listNodes();
  terminal.print(nodes, nodes.map(describeNode).join('\n'));
  return exitCodes.done;
}

async function archive({ given, access, terminal }: VerbContext) {
  const { nodeId, name } = await findGivenNode(access, given.rest[1] ?? '');
  await access.client.exchange.archiveNode({ nodeId });
  terminal.print({ nodeId, name }, `${name} is out of use.`);
  return exitCodes.done;
}

/** The address says the kind; whatever is secret comes from SALUS_NODE_CREDENTIAL or is asked for. */
async function add({ given, access, terminal }: VerbContext) {
  const { exchange } = given;
  const [, name = '', address = ''] = given.rest;
  const text = (option: Parameters<typeof optionText>[1]) => optionText(exchange, option);
  const caFile = text('ca');
  const ca = caFile === '' ? '' : await readFile(resolveGiven(caFile), 'utf8');
  const needsSecret = text('user') !== '' || exchange.bearer === true;
  const credential = needsSecret ? await terminal.askSecret('Password or token of the node: ') : undefined;
  const parts = readAddress(address);
  const parsed = nodeSettingsSchema.safeParse(
    parts.kind === 'dimse'
      ? { ...parts, callingAeTitle: text('calling'), tls: { enabled: parts.secure, ca } }
      : { ...parts, auth: readAuth(text('user'), exchange.bearer === true), tls: { ca } },
  );
  if (!parsed.success) {
    throw new UsageProblem(`The address was not understood: ${String(parsed.error.issues[0]?.path.join('.') ?? '')}.`);
  }
  const saved = await access.client.exchange.saveNode({
    nodeId: null,
    baseVersion: null,
    name,
    settings: parsed.data satisfies NodeSettings,
    use: { ...readUses(exchange), receiveFrom: text('from') },
    secrets: credential === undefined ? {} : { credential },
  });
  terminal.print(saved, describeNode(saved));
  return exitCodes.done;
}

function readAuth(user: string, bearer: boolean) {
  if (user !== '' && bearer) throw new UsageProblem('A node takes --user or --bearer, not both.');
  if (user !== '') return { method: 'basic', userName: user };
  return { method: bearer ? 'bearer' : 'none' };
}

function readUses(options: VerbContext['given']['exchange']) {
  const given = (optionText(options, 'use') || 'send,search').split(',');
  for (const each of given) {
    if (!uses.some((use) => use === each)) throw new UsageProblem(`--use lists some of: ${uses.join(', ')}.`);
  }
  return { send: given.includes('send'), search: given.includes('search'), receive: given.includes('receive') };
}

function readAddress(address: string) {
  const dimse = /^(dimses?):\/\/([^@/]+)@(\[[0-9A-Fa-f:.]+\]|[^:/@]+):(\d+)\/?$/.exec(address);
  if (dimse) {
    const [, scheme, aeTitle = '', host = '', port] = dimse;
    return {
      kind: 'dimse' as const,
      secure: scheme === 'dimses',
      aeTitle: decodeURIComponent(aeTitle),
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
    };
  }
  const [, root, project = ''] = /^xnat\+(https?:[^#]+)#([^#]+)$/.exec(address) ?? [];
  const url = URL.parse(root ?? address);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageProblem(
      'An address is dimse://AETITLE@host:port, dimses://… with TLS, the https://… of a DICOMweb root, or xnat+https://…#PROJECT.',
    );
  }
  // It would lie in the shell's history and in the list of processes.
  if (url.username !== '' || url.password !== '')
    throw new UsageProblem('No name or password in an address: see --user.');
  const baseUrl = (root ?? address).replace(/\/+$/, '');
  return root === undefined
    ? { kind: 'dicomweb' as const, baseUrl }
    : { kind: 'xnat' as const, baseUrl, project: decodeURIComponent(project) };
}

function describeNode(each: ExchangeNode): string {
  const used = uses.filter((use) => each.use[use]).join('+');
  return lineOf([each.name, addressOf(each), used, each.nodeId]);
}
