/**
 * `npm start [-- --sample] [--home DIR] [--no-open] [--local | --electron]`: sets up, builds what changed, and opens
 * the workstation: in Electron where there is a display and its binary is present or fetched within 10 s, else in
 * the local host. Says what it chose and why. Every other argument goes to the host.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { endWith, readIfThere, root, runAndForward, setUpEntry } from './setup.mjs';

const fetchSeconds = 10;
/** After a failed fetch the next starts don't wait for it again, for a day. */
const retryHours = 24;
const failedFetch = path.join(root, 'node_modules', '.salus-electron-out-of-reach');

/**
 * @typedef {{ kind: 'electron', program: string, reason: string } | { kind: 'local', open: boolean, reason: string }} Choice
 * @typedef {{ display: boolean, asRoot: boolean, wish: 'electron' | 'local' | undefined, electron: () => Promise<{ program: string } | { missing: string }> }} Situation
 */

/**
 * Which shell opens, and the sentence that says why.
 * @param {Situation} situation
 * @returns {Promise<Choice>}
 */
export async function chooseHost({ display, asRoot, wish, electron }) {
  if (!display)
    return { kind: 'local', open: false, reason: 'there is no display here, so it serves the address below' };
  if (asRoot) {
    return {
      kind: 'local',
      open: false,
      reason: 'it runs as root, and a window without a sandbox is never opened; open the address below in a browser',
    };
  }
  if (wish === 'local') return { kind: 'local', open: true, reason: 'you asked for it' };
  const found = await electron();
  if ('program' in found)
    return { kind: 'electron', program: found.program, reason: 'there is a display and Electron is here' };
  return { kind: 'local', open: true, reason: found.missing };
}

/** True where a window can be shown. */
export function hasDisplay(platform = process.platform, env = process.env) {
  return platform === 'win32' || platform === 'darwin' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}

/**
 * The Electron binary: the one in node_modules, else fetched by the package's own installer within 10 s.
 * @param {{ log: (line: string) => void, insist: boolean }} options `insist`: try again even right after a failure.
 * @returns {Promise<{ program: string } | { missing: string }>}
 */
async function findElectron({ log, insist }) {
  const folder = path.join(root, 'node_modules', 'electron');
  const installer = path.join(folder, 'install.js');
  if (!existsSync(installer)) return { missing: 'the electron package is not installed' };
  const present = electronProgram(folder);
  if (present) return { program: present };
  const failedAt = Number(readIfThere(failedFetch) ?? '0');
  if (!insist && Date.now() - failedAt < retryHours * 3_600_000) {
    return { missing: `the Electron binary was out of reach at the last attempt (--electron tries again)` };
  }
  log(`Fetching the Electron binary (at most ${fetchSeconds} s)…`);
  const problem = await runInstaller(installer);
  const fetched = electronProgram(folder);
  if (fetched) return { program: fetched };
  writeFileSync(failedFetch, String(Date.now()));
  return { missing: `the Electron binary could not be fetched (${problem ?? 'it did not arrive'})` };
}

/** @param {string} folder of the electron package. */
function electronProgram(folder) {
  const relative = readIfThere(path.join(folder, 'path.txt'));
  const program = relative ? path.join(folder, 'dist', relative) : undefined;
  return program && existsSync(program) ? program : undefined;
}

/**
 * @param {string} installer
 * @returns {Promise<string | undefined>} why it failed.
 */
function runInstaller(installer) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [installer], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(`not within ${fetchSeconds} s`);
    }, fetchSeconds * 1000);
    child.on('error', (problem) => resolve(problem.message));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(
        code === 0
          ? undefined
          : (said
              .split('\n')
              .find((line) => /error/i.test(line))
              ?.trim() ?? `exit ${code}`),
      );
    });
  });
}

/** @param {string} line */
function say(line) {
  process.stdout.write(`${line}\n`);
}

async function start() {
  const args = process.argv.slice(2);
  const own = ['--open', '--no-open', '--local', '--electron'];
  const passed = args.filter((arg) => !own.includes(arg));
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  await build({ log: say });
  const choice = await chooseHost({
    display: hasDisplay(),
    asRoot: process.getuid?.() === 0,
    wish: args.includes('--local') ? 'local' : args.includes('--electron') ? 'electron' : undefined,
    electron: () => findElectron({ log: say, insist: args.includes('--electron') }),
  });
  if (choice.kind === 'electron') {
    say(`Opening Salus in Electron: ${choice.reason}.`);
    const env = { ...process.env };
    // Set by some editors' terminals; with it Electron would run as a bare Node.
    delete env.ELECTRON_RUN_AS_NODE;
    return runAndForward(choice.program, [root, ...passed], { env });
  }
  const open = choice.open && !args.includes('--no-open');
  say(`Starting Salus's local host: ${choice.reason}.`);
  return runAndForward(process.execPath, [
    path.join(root, 'dist', 'main', 'local.mjs'),
    open ? '--open' : '--no-open',
    ...passed,
  ]);
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await setUpEntry(import.meta.url, { log: say });
  try {
    process.exitCode = await start();
  } catch (problem) {
    endWith(problem);
  }
}
