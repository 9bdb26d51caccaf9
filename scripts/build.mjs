/**
 * Builds what the hosts run, each part only when its inputs changed (by hash, kept in dist/.built.json):
 *   dist/renderer           the page (Vite)
 *   dist/main/*.mjs         the hosts and scripts' helpers (esbuild, one file each)
 *   dist/main/workers/*.mjs every `*.worker.ts` (thread) and `*.process.ts` (child process) under main/
 *   dist/preload/bridge.cjs the preload of a sandboxed Electron window
 *   dist/samples            the sample studies, made from mathematical phantoms
 *
 * In source, a worker is named by `new URL('./x.worker.ts', import.meta.url)`: Node 24 runs it as it is, and the
 * bundle gets the path of the built worker instead.
 */
import { spawn } from 'node:child_process';
import fs, { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildHosts, buildPreload, hosts, importsOf } from './bundleHosts.mjs';
import { endWith, hashOf, readIfThere, root, SetupProblem, setUpEntry } from './setup.mjs';

const dist = path.join(root, 'dist');
const stampFile = path.join(dist, '.built.json');
const lockFile = path.join(dist, '.building');

const shared = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'scripts/{build,bundleHosts}.mjs',
  'app/**/*.{ts,json}',
  'resources/**/*.json',
];

/** @type {{ name: string, inputs: () => Promise<string[]>, outputs: string[], run: (log: (line: string) => void) => Promise<void> }[]} */
const parts = [
  {
    name: 'window',
    inputs: async () => [...shared, 'vite.config.ts', 'renderer/**/*', 'resources/icons/**/*'],
    outputs: ['dist/renderer/index.html'],
    run: buildWindow,
  },
  {
    name: 'hosts',
    inputs: async () => [...shared, 'main/**/*'],
    outputs: Object.keys(hosts).map((name) => `dist/main/${name}.mjs`),
    run: buildHosts,
  },
  {
    name: 'preload',
    inputs: async () => [...shared, 'preload/**/*'],
    outputs: ['dist/preload/bridge.cjs'],
    run: buildPreload,
  },
  {
    name: 'samples',
    inputs: () => importsOf('scripts/make-fixtures.ts'),
    outputs: ['dist/samples'],
    run: buildSamples,
  },
];

/**
 * Builds every part whose inputs changed since the last build.
 * @param {{ log?: (line: string) => void, force?: boolean, only?: string[] }} [options] `only`: names of parts.
 * @returns {Promise<string[]>} the names of the parts that were built now.
 */
export async function build({ log = () => undefined, force = false, only } = {}) {
  mkdirSync(dist, { recursive: true });
  await lock(log);
  try {
    /** @type {Record<string, string>} */
    const stamps = JSON.parse(readIfThere(stampFile) ?? '{}');
    /** @type {string[]} */
    const built = [];
    const runPart = async (/** @type {typeof parts[number]} */ part) => {
      const stamp = hashInputs(await part.inputs());
      const present = part.outputs.every((output) => existsSync(path.join(root, output)));
      if (!force && present && stamps[part.name] === stamp) return;
      const started = Date.now();
      await part.run(log);
      stamps[part.name] = stamp;
      writeFileSync(stampFile, `${JSON.stringify(stamps, null, 2)}\n`);
      built.push(part.name);
      log(`Built ${part.name} in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
    };
    // Side by side: the window's bundler and the samples' phantoms each keep a core busy for seconds.
    const ended = await Promise.allSettled(parts.filter((part) => !only || only.includes(part.name)).map(runPart));
    const failed = ended.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return built;
  } finally {
    rmSync(lockFile, { force: true });
  }
}

/** @param {string[]} patterns */
function hashInputs(patterns) {
  const files = fs.globSync(patterns, { cwd: root, exclude: (name) => name === 'node_modules' });
  const lines = files
    .filter((file) => !/\.test\.tsx?$|README\.md$/.test(file) && statSync(path.join(root, file)).isFile())
    .sort()
    .map((file) => `${hashOf(readFileSync(path.join(root, file)))} ${file}`);
  return hashOf(`${process.version}\n${lines.join('\n')}`);
}

/** Two builds at once would write the same files; the second waits, and finds its work done. */
async function lock(/** @type {(line: string) => void} */ log) {
  for (let waited = 0; ; waited += 200) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (problem) {
      if (/** @type {NodeJS.ErrnoException} */ (problem).code !== 'EEXIST') throw problem;
    }
    const holder = Number(readIfThere(lockFile) ?? '0');
    if (holder > 0 && !isRunning(holder)) rmSync(lockFile, { force: true });
    else if (waited > 300_000)
      throw new SetupProblem(`another build (process ${holder}) has held dist for five minutes.`);
    else {
      if (waited === 0) log('Waiting for another build to finish…');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (problem) {
    return /** @type {NodeJS.ErrnoException} */ (problem).code === 'EPERM';
  }
}

async function buildWindow() {
  // Whoever starts the build (a test sets NODE_ENV=test), the page ships React's production code.
  process.env.NODE_ENV = 'production';
  const vite = await import('vite');
  await vite.build({ configFile: path.join(root, 'vite.config.ts'), logLevel: 'error' });
}

async function buildSamples(/** @type {(line: string) => void} */ log) {
  log('Making the sample studies…');
  const out = path.join(dist, 'samples');
  rmSync(out, { recursive: true, force: true });
  const child = spawn(process.execPath, [path.join(root, 'scripts', 'make-fixtures.ts'), out], {
    stdio: ['ignore', 'ignore', process.stderr.fd],
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve));
  if (code !== 0) {
    rmSync(out, { recursive: true, force: true });
    throw new SetupProblem(`scripts/make-fixtures.ts ended with ${code}; what it said is above.`);
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await setUpEntry(import.meta.url);
  const args = process.argv.slice(2);
  try {
    const built = await build({
      log: (line) => process.stdout.write(`${line}\n`),
      force: args.includes('--force'),
      only: args.some((arg) => !arg.startsWith('--')) ? args.filter((arg) => !arg.startsWith('--')) : undefined,
    });
    if (built.length === 0) process.stdout.write('Everything is built and up to date.\n');
  } catch (problem) {
    endWith(problem);
  }
}
