import type { ReceivedAssociation, ReceiverSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { takeArguments } from '../cliArguments.ts';
import { optionNumber, optionText } from '../exchangeOptions.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { pause } from './abortablePause.ts';
import { plainVerb, type Verb, type VerbContext } from './verb.ts';

const pollMs = 500;

/**
 * Turns the receiver on and shows what comes in until a signal ends it; then it is as it was before. Meanwhile other
 * commands work with this one's store through it.
 */
export const receive: Verb = {
  ...plainVerb([], runReceive),
  needsBackground: () => true,
  check(given) {
    takeArguments(given, []);
    optionNumber(given.exchange, 'port', 0, 65_535);
  },
};

/** What the command line sets of the receiver; the rest it leaves alone. */
const ownNames = ['enabled', 'aeTitle', 'host', 'port'] as const;
type OwnSettings = Pick<ReceiverSettings, (typeof ownNames)[number]>;

async function runReceive({ given, access, terminal, signal }: VerbContext): Promise<ExitCode> {
  const { settings } = await access.client.exchange.receiver();
  const text = (name: 'aet' | 'host') => optionText(given.exchange, name);
  const own: OwnSettings = {
    enabled: true,
    aeTitle: text('aet') || settings.aeTitle,
    host: text('host') || settings.host,
    port: optionNumber(given.exchange, 'port', 0, 65_535) ?? settings.port,
  };
  const seen = new Set((await listAssociations(access)).map(({ associationId }) => associationId));
  signal.throwIfAborted();
  try {
    const state = await access.client.exchange.saveReceiver({ settings: { ...settings, ...own } });
    const { aeTitle, host } = state.settings;
    const { port } = state;
    if (state.state !== 'listening' || port === null) {
      terminal.print({ type: state.state, failure: state.failure }, `The receiver is ${state.state}: ${state.failure}`);
      return exitCodes.failed;
    }
    terminal.print(
      { type: 'listening', aeTitle, host, port },
      `Listening as ${aeTitle} on ${host}:${port}. Ctrl+C ends it.`,
    );
    await showAssociations({ access, terminal, signal }, seen);
    return exitCodes.done;
  } finally {
    await putBack(access, settings, own).catch((error: unknown) => {
      terminal.tell('The settings of the receiver could not be put back: look at them in the window.');
      throw error;
    });
  }
}

/** Sets what was set here to what it was before; what somebody else changed meanwhile stays theirs. */
async function putBack(access: VerbContext['access'], before: OwnSettings, own: OwnSettings): Promise<void> {
  const { settings } = await access.client.exchange.receiver();
  const ours = ownNames.filter((name) => settings[name] === own[name] && own[name] !== before[name]);
  if (ours.length === 0) return;
  const restored = Object.fromEntries(ours.map((name) => [name, before[name]]));
  await access.client.exchange.saveReceiver({ settings: { ...settings, ...restored } });
}

/** Prints each association once it has ended, oldest first, until the signal. */
async function showAssociations(
  { access, terminal, signal }: Pick<VerbContext, 'access' | 'terminal' | 'signal'>,
  seen: Set<string>,
) {
  while (!signal.aborted) {
    for (const row of (await listAssociations(access)).reverse()) {
      if (seen.has(row.associationId)) continue;
      seen.add(row.associationId);
      terminal.print({ type: 'association', ...row }, describeAssociation(row));
    }
    await pause(pollMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}

async function listAssociations(access: VerbContext['access']): Promise<ReceivedAssociation[]> {
  return (await access.client.exchange.associations({ limit: 500 })).rows;
}

function describeAssociation(row: ReceivedAssociation): string {
  const parts = [
    new Date(row.endedAt).toISOString(),
    row.channel,
    `${row.callingAe || row.address} → ${row.calledAe}`,
    row.ending,
    `${row.objects} objects`,
    `${(row.bytes / 1e6).toFixed(1)} MB`,
  ];
  if (row.duplicates > 0) parts.push(`${row.duplicates} already here`);
  if (row.conflicts > 0) parts.push(`${row.conflicts} in conflict`);
  if (row.refused > 0) parts.push(`${row.refused} refused: ${Object.keys(row.reasons).join(', ')}`);
  return lineOf(parts);
}
