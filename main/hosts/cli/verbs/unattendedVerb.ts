import type { UnattendedKind, UnattendedState } from '../../../../app/domains/security/securitySchema.ts';
import { credentialName, credentialSteps } from '../../../../app/domains/security/unattendedSteps.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { UsageProblem } from '../../usageProblem.ts';
import { takeArguments } from '../cliArguments.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import type { Verb, VerbContext } from './verb.ts';

/** Whether the program opens the store by itself after a start: `on`, `off`, or how it stands. */
export const unattended: Verb = {
  check(given) {
    const [what = 'status'] = takeArguments(given, ['on|off|status'], 1);
    if (!['on', 'off', 'status'].includes(what))
      throw new UsageProblem('salus unattended is followed by on, off or status.');
    if (given.credentialFile !== undefined && what !== 'on')
      throw new UsageProblem('--credential belongs to salus unattended on.');
  },
  needsSession: ({ rest }) => rest[0] === 'on' || rest[0] === 'off',
  run: (context) => {
    const [what] = context.given.rest;
    return what === 'on' ? turnOn(context) : what === 'off' ? turnOff(context) : showStatus(context);
  },
};

const placeTexts: Readonly<Record<UnattendedKind, string>> = {
  safeStorage: 'the keychain of this account',
  secretService: 'the desktop’s Secret Service',
  credential: 'a systemd credential',
};

/** What a person has to remove. */
const leftTexts: Readonly<Record<UnattendedKind, string>> = {
  safeStorage: 'the file unattended.safe in the store’s folder',
  secretService: placeTexts.secretService,
  credential: `the systemd credential ${credentialName}`,
};

const describeLeft = (left: UnattendedKind): string =>
  `is left in ${leftTexts[left]}. It still opens copies of the store’s folder made while it was in force: remove it.`;

const meaning =
  'From the next start on, the store opens without a password: whoever can read the memory, the keychain or the\n' +
  'credentials of the account that runs Salus can open every patient in it. Windows still ask for a password.';

async function turnOn({ given, access, terminal, password }: VerbContext): Promise<ExitCode> {
  const { client } = access;
  const credentialFile = given.credentialFile ?? '';
  const kind = credentialFile === '' ? await findPlace(client) : 'credential';
  const { left } = await client.security.turnOnUnattended({ password, kind, credentialFile });
  const remark = left === null ? '' : `\nThe earlier key ${describeLeft(left)}`;
  if (kind !== 'credential') {
    terminal.print(
      { on: true, place: kind, left },
      `Unattended operation is on; its key lies in ${placeTexts[kind]}.\n${meaning}${remark}`,
    );
    return exitCodes.done;
  }
  const { commands, unit } = credentialSteps(credentialFile);
  terminal.print(
    { on: true, place: kind, left, file: credentialFile, commands, unit },
    [
      'Unattended operation is on; its key was written, in plain, to',
      `  ${credentialFile}`,
      'Whoever has that file and a copy of the store can read it. Encrypt it for this machine, then destroy it:',
      ...commands.map((command) => `  ${command}`),
      'and let the unit of the service have it, under [Service]:',
      `  ${unit}`,
      `${meaning}${remark}`,
    ].join('\n'),
  );
  return exitCodes.done;
}

/** Where the host can keep a key by itself. @throws Failure('security.unattendedPlaceUnavailable') */
async function findPlace(client: VerbContext['access']['client']): Promise<UnattendedKind> {
  const { places } = await client.security.unattended();
  const usable = places.find(({ kind, problem }) => kind !== 'credential' && problem === null);
  if (usable) return usable.kind;
  const tried = Object.fromEntries(places.flatMap(({ kind, problem }) => (problem === null ? [] : [[kind, problem]])));
  throw new Failure(
    'security.unattendedPlaceUnavailable',
    'no keychain here; --credential FILE makes one for systemd',
    tried,
  );
}

async function turnOff({ access, terminal }: VerbContext): Promise<ExitCode> {
  const { left } = await access.client.security.turnOffUnattended();
  const remark = left === null ? '' : ` The key ${describeLeft(left)}`;
  terminal.print({ on: false, left }, `Unattended operation is off.${remark}`);
  return exitCodes.done;
}

async function showStatus({ access, terminal }: VerbContext): Promise<ExitCode> {
  const { phase, unattended: state } = await access.client.system.status();
  terminal.print({ phase, running: access.isAttached, ...state }, describe(phase, state, access.isAttached));
  return exitCodes.done;
}

function describe(phase: string, { on, state, at, failure }: UnattendedState, isRunning: boolean): string {
  const chosen = on
    ? 'Unattended operation is on.'
    : 'Unattended operation is off: after a start nothing is received or sent until somebody signs in.';
  const when = at === null ? '' : new Date(at).toISOString();
  const lines = {
    idle: [isRunning ? `The store is ${phase}.` : 'No host is running on this store.'],
    opening: ['The store is being opened.'],
    opened: [`Opened unattended at ${when}.`],
    failed: [`Not opened at ${when}: ${failure}.`],
  };
  return [chosen, ...lines[state]].join('\n');
}
