import { spawn } from 'node:child_process';
import { Failure } from '../../app/shared/failure.ts';
import type { SecretStore } from './platform.ts';

/** A locked keyring asks the person at the screen; where nobody sits there, nobody answers. */
const patienceMs = 20_000;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** It said something on stderr: what, may hold names of keyrings, and is not kept. */
  readonly complained: boolean;
}

/** Runs the program. What is secret goes through its stdin, never through its arguments. */
function run(program: string, given: readonly string[], input: string, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, given, { stdio: ['pipe', 'pipe', 'pipe'], signal });
    let output = '';
    let complained = false;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (piece: string) => {
      output += piece;
      if (output.length > 4096) child.kill('SIGKILL');
    });
    child.stderr.on('data', () => (complained = true));
    // It may end without having read; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, complained }));
    child.stdin.end(input);
  });
}

const unavailable = (why: string) => new Failure('security.unattendedPlaceUnavailable', why);
const attributes = (name: string) => ['application', 'salus', 'store', name];
/** Holds a secret until it is whole under its own name: a cut in between loses neither it nor the one before. */
const nextOf = (name: string) => `${name}-next`;

/**
 * The freedesktop Secret Service (GNOME Keyring, KWallet, KeePassXC), by libsecret's program `secret-tool`.
 *
 * @param program its path, or its name in PATH
 */
export function openSecretService(program = 'secret-tool'): SecretStore {
  const ask = (given: readonly string[], input: string, signal: AbortSignal) =>
    run(program, given, input, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));

  async function look(name: string, signal: AbortSignal): Promise<string | null | 'notInstalled' | 'notAnswering'> {
    let ended: Ended;
    try {
      ended = await ask(['lookup', ...attributes(name)], '', signal);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'notInstalled' : 'notAnswering';
    }
    // Nothing at all is what a program keeps that was started right before this one was killed.
    if (ended.code === 0) return ended.output === '' ? null : ended.output;
    // Nothing found is told by the code alone, anything wrong by a sentence as well.
    return ended.code === 1 && !ended.complained ? null : 'notAnswering';
  }

  async function clear(name: string, signal: AbortSignal): Promise<void> {
    const ended = await ask(['clear', ...attributes(name)], '', signal).catch(() => null);
    // Where there was nothing to remove, it says so by the code alone.
    const isGone = ended?.code === 0 || (ended?.code === 1 && !ended.complained);
    if (!isGone) throw unavailable('the Secret Service did not remove the key');
  }

  return {
    kind: 'secretService',
    async problem(signal) {
      const found = await look('probe', signal);
      return found === 'notInstalled' || found === 'notAnswering' ? found : null;
    },
    async read(name, signal) {
      const found = (await look(name, signal)) ?? (await look(nextOf(name), signal));
      if (found === 'notInstalled' || found === 'notAnswering') throw unavailable(`secret-tool: ${found}`);
      return found;
    },
    keep: {
      async write(name, secret, signal) {
        for (const each of [nextOf(name), name]) {
          const label = '--label=Salus, unattended operation';
          const ended = await ask(['store', label, ...attributes(each)], secret, signal).catch(() => null);
          if (ended?.code !== 0) throw unavailable('the Secret Service did not take the key');
        }
        await clear(nextOf(name), signal);
      },
      async remove(name, signal) {
        await clear(name, signal);
        await clear(nextOf(name), signal);
      },
    },
  };
}
