/**
 * Set-up for every entry script: dependencies and a Node that can run the product.
 *
 * Plain JavaScript, no dependency, runs on Node 20: it is what a fresh clone runs first. An entry script and what it
 * imports statically are linked by that Node too, so none of them may import by name what Node 20 lacks
 * (`fs.globSync`, not `{ globSync }`).
 * `npm ci --ignore-scripts` is used because npm 10 ignores `allowScripts` and some install scripts
 * ask hosts that need not be in reach; nothing we use needs its script.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** The lowest Node-API the native packages load on: 10, which came with Node 22.14 (and 23.6). */
const minimumNapi = 10;
const modules = path.join(root, 'node_modules');
const marker = path.join(modules, '.salus-setup');

/** A problem the person at the keyboard can do something about: printed as one sentence, without a stack. */
export class SetupProblem extends Error {}

/**
 * Makes the dependencies agree with package-lock.json and chooses the Node to run the product with.
 * @param {{ log?: (line: string) => void }} [options] `log` receives one line per thing done; default stderr.
 * @returns {{ node: string, installed: boolean }} absolute path of a Node ≥ 22.14, and whether packages were installed now.
 * @throws {SetupProblem} when dependencies can't be installed or no suitable Node exists.
 */
export function setUp({ log = toStderr } = {}) {
  const wanted = hashOf(readFileSync(path.join(root, 'package-lock.json')));
  let installed = false;
  if (readIfThere(marker) !== wanted) {
    if (!installAgreesWithLock()) {
      install(log);
      installed = true;
    }
    writeFileSync(marker, wanted);
  }
  return { node: chooseNode(), installed };
}

/**
 * Call first in an entry script: sets up, and when this process's Node is too old, runs the same script
 * again with a suitable one and ends this process with its exit code.
 * @param {string} scriptUrl `import.meta.url` of the entry script.
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<string>} path of the Node in use.
 */
export async function setUpEntry(scriptUrl, options) {
  try {
    const { node } = setUp(options);
    process.env.PATH = withLocalBin(process.env.PATH);
    if (napiOf(process.versions) >= minimumNapi) return process.execPath;
    return process.exit(await runAndForward(node, [fileURLToPath(scriptUrl), ...process.argv.slice(2)]));
  } catch (problem) {
    return endWith(problem);
  }
}

/**
 * Runs a program in this terminal until it ends, passing on the signals sent to this process.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} the exit code to end with: the program's, or 128 + the signal's number.
 */
export function runAndForward(program, args, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const handlers = signals.map((signal) => {
      // Ctrl-C in a terminal reaches the child by itself; passing it on would be a second one.
      const handler = () => void (signal === 'SIGINT' && process.stdin.isTTY ? true : child.kill(signal));
      process.on(signal, handler);
      return () => process.off(signal, handler);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const off of handlers) off();
      resolve(signal ? 128 + (constants.signals[signal] ?? 15) : (code ?? 1));
    });
  });
}

/**
 * Prints what went wrong (one sentence for a SetupProblem, the stack for anything else) and exits 1.
 * @param {unknown} problem
 * @returns {never}
 */
export function endWith(problem) {
  const text = problem instanceof SetupProblem ? problem.message : problem instanceof Error ? problem.stack : problem;
  process.stderr.write(`salus: ${text}\n`);
  process.exit(1);
}

/**
 * sha256 in hex.
 * @param {import('node:crypto').BinaryLike} content
 */
export function hashOf(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** @param {string} file */
export function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** @param {string} line */
function toStderr(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {Record<string, string | undefined>} versions */
function napiOf(versions) {
  return Number(versions.napi ?? '0');
}

/** `PATH` with the repository's own programs first, as npm scripts have it. */
function withLocalBin(/** @type {string | undefined} */ searchPath) {
  const bin = path.join(modules, '.bin');
  const parts = (searchPath ?? '').split(path.delimiter);
  return parts.includes(bin) ? (searchPath ?? bin) : [bin, ...parts].join(path.delimiter);
}

/** `PATH` without any node_modules/.bin: npm must not run on the Node it is about to replace. */
function withoutLocalBin(/** @type {string | undefined} */ searchPath) {
  return (searchPath ?? '')
    .split(path.delimiter)
    .filter((part) => !part.endsWith(path.join('node_modules', '.bin')))
    .join(path.delimiter);
}

/**
 * True when what npm recorded as installed has every package of the lock at the locked version, so that an
 * `npm install` made by hand isn't thrown away. Optional packages of other platforms may be absent.
 */
function installAgreesWithLock() {
  const recorded = readIfThere(path.join(modules, '.package-lock.json'));
  if (!recorded) return false;
  const have = JSON.parse(recorded).packages ?? {};
  const want = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages ?? {};
  return Object.entries(want).every(([place, entry]) => {
    if (place === '' || entry.link) return true;
    if (have[place]) return have[place].version === entry.version && existsSync(path.join(root, place, 'package.json'));
    return entry.optional === true || entry.devOptional === true;
  });
}

/** @param {(line: string) => void} log */
function install(log) {
  log('Installing the dependencies (npm ci, without install scripts); the first time takes a minute or two…');
  const started = Date.now();
  const ended = spawnSync(
    process.platform === 'win32' ? 'npm.cmd' : 'npm',
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      // npm's own report goes to stderr: stdout belongs to the verb (salus --json).
      stdio: ['ignore', process.stderr.fd, process.stderr.fd],
      env: { ...process.env, PATH: withoutLocalBin(process.env.PATH) },
      shell: process.platform === 'win32',
    },
  );
  if (ended.error || ended.status !== 0) {
    throw new SetupProblem(
      `npm ci failed (${ended.error?.message ?? `exit ${ended.status}`}). Check that the npm registry is in reach, then try again.`,
    );
  }
  log(`Dependencies installed in ${((Date.now() - started) / 1000).toFixed(0)} s.`);
}

function chooseNode() {
  if (napiOf(process.versions) >= minimumNapi) return process.execPath;
  const local = path.join(modules, '.bin', 'node');
  const candidates = [
    ...(existsSync(local) ? [realpathSync(local)] : []),
    path.join(
      modules,
      `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
      'bin',
      'node',
    ),
    path.join(modules, `node-win-${process.arch}`, 'bin', 'node.exe'),
  ];
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue;
    const asked = spawnSync(candidate, ['-p', 'process.versions.napi'], { encoding: 'utf8' });
    if (asked.status === 0 && Number(asked.stdout) >= minimumNapi) return candidate;
  }
  throw new SetupProblem(
    `Salus needs Node 22.14 or newer and this is ${process.version}; npm has no newer Node for ` +
      `${process.platform}-${process.arch} among the dependencies. Install Node 24 from nodejs.org, then try again.`,
  );
}

if (process.argv[1] && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  try {
    const { node, installed } = setUp();
    process.stdout.write(
      `Set up: ${installed ? 'dependencies installed' : 'dependencies up to date'}, Node at ${node}\n`,
    );
  } catch (problem) {
    endWith(problem);
  }
}
