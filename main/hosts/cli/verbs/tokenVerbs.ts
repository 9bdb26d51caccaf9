import { isLoopbackHost, type TokenScope, tokenScopes, usualTokenDays } from '../../../../app/domains/api/apiRules.ts';
import type { ApiState, ApiToken } from '../../../../app/domains/api/apiSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { takeArguments } from '../cliArguments.ts';
import { optionNumber, optionText } from '../exchangeOptions.ts';
import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import type { Verb, VerbContext } from './verb.ts';

const kinds: Readonly<Record<string, { names: readonly string[]; run: Verb['run'] }>> = {
  list: { names: [], run: listTokens },
  create: { names: ['NAME'], run: createToken },
  revoke: { names: ['TOKEN'], run: revokeToken },
};
const dayMs = 86_400_000;

/** Tokens of other programs: lists them, makes one, ends one. */
export const token: Verb = {
  check({ rest: [kind = '', ...rest], exchange }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem('salus token takes: list, create or revoke.');
    if (rest.length !== found.names.length || rest.includes(''))
      throw new UsageProblem(`salus token ${kind} takes: ${found.names.join(' ') || 'no argument'}.`);
    if (kind === 'create') {
      readScopes(exchange);
      readDays(exchange);
    } else if (Object.keys(exchange).length > 0) throw new UsageProblem(`salus token ${kind} takes no such option.`);
  },
  needsSession: () => true,
  run(context) {
    const { run } = kinds[context.given.rest[0] ?? ''] ?? {};
    if (!run) throw new UsageProblem('salus token takes: list, create or revoke.');
    return run(context);
  },
};

async function listTokens({ access, terminal }: VerbContext) {
  const tokens = await access.client.api.listTokens();
  terminal.print(tokens, tokens.map(describeToken).join('\n'));
  return exitCodes.done;
}

async function createToken({ given, access, terminal }: VerbContext) {
  const days = readDays(given.exchange);
  const made = await access.client.api.createToken({
    name: given.rest[1] ?? '',
    scopes: readScopes(given.exchange),
    expiresAt: days === null ? null : Date.now() + days * dayMs,
  });
  terminal.tell('This token is shown this once.');
  terminal.print(made, made.secret);
  return exitCodes.done;
}

async function revokeToken({ given, access, terminal }: VerbContext) {
  const wanted = given.rest[1] ?? '';
  const tokens = await access.client.api.listTokens();
  const found =
    tokens.find(({ tokenId }) => tokenId === wanted) ??
    tokens.find(({ name, revokedAt }) => name === wanted && revokedAt === null);
  if (!found) throw new Failure('api.tokenUnknown', 'no such token');
  const revoked = await access.client.api.revokeToken({ tokenId: found.tokenId });
  terminal.print(revoked, `${lineOf([revoked.name])} opens nothing any more.`);
  return exitCodes.done;
}

function readScopes(options: VerbContext['given']['exchange']): TokenScope[] {
  const given = optionText(options, 'scopes').split(',').filter(Boolean);
  const scopes = tokenScopes.filter((scope) => given.includes(scope));
  if (scopes.length === 0 || scopes.length !== new Set(given).size)
    throw new UsageProblem(`--scopes lists some of: ${tokenScopes.join(', ')}.`);
  return scopes;
}

/** Null: without an end. */
function readDays(options: VerbContext['given']['exchange']): number | null {
  if (optionText(options, 'days') === 'none') return null;
  return optionNumber(options, 'days', 1, 3650) ?? usualTokenDays;
}

function describeToken({ tokenId, name, scopes, expiresAt, revokedAt, lastUsedAt }: ApiToken): string {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const end =
    revokedAt !== null
      ? `revoked ${day(revokedAt)}`
      : expiresAt === null
        ? 'no end'
        : `${expiresAt <= Date.now() ? 'expired' : 'until'} ${day(expiresAt)}`;
  const used = lastUsedAt === null ? 'never used' : `last used ${day(lastUsedAt)}`;
  return lineOf([name, scopes.join('+'), end, used, tokenId]);
}

/** Whether other programs may come in: says it, or switches it. Where to listen beyond this machine is set in the window. */
export const api: Verb = {
  check(given) {
    const [wish = ''] = takeArguments(given, ['on|off'], 1);
    if (!['', 'on', 'off'].includes(wish)) throw new UsageProblem('salus api takes: on or off.');
    if (wish !== 'on' && Object.keys(given.exchange).length > 0) throw new UsageProblem('--port is for salus api on.');
    optionNumber(given.exchange, 'port', 1, 65_535);
  },
  needsSession: () => true,
  async run({ given, access, terminal }) {
    const [wish] = given.rest;
    let state = await access.client.api.state();
    if (wish !== undefined) {
      const port = optionNumber(given.exchange, 'port', 1, 65_535) ?? state.settings.port;
      state = await access.client.api.save({ settings: { ...state.settings, enabled: wish === 'on', port } });
    }
    terminal.print(state, describeAccess(state));
    return state.state === 'failed' ? exitCodes.failed : exitCodes.done;
  },
};

function describeAccess({ settings, state, failure, port, closedByRestore }: ApiState): string {
  const where = `${settings.tls.enabled ? 'https' : 'http'}://${settings.host}:${port ?? settings.port}`;
  if (state === 'failed') return `Other programs can not come in at ${where}: ${failure}`;
  if (state === 'listening') return `Other programs with a token may come in at ${where}.`;
  if (closedByRestore)
    return 'No other program may come in: this store was restored from a backup, and every token is revoked.';
  if (!settings.enabled) return 'No other program may come in.';
  // A core of the command line alone does no work in the background.
  return `Other programs may come in at ${where} once Salus runs${isLoopbackHost(settings.host) ? ' on this machine' : ''}.`;
}
