/** How the Node side is bundled: hosts, workers and the preload. Used by build.mjs alone. */
import fs, { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, SetupProblem } from './setup.mjs';

const dist = path.join(root, 'dist');

/**
 * Packages that stay outside the Node bundles: native addons, the host's own module, and those whose WASM or fonts are
 * read as files. electron-builder.yml ships the same list; tests/packaging compares the two.
 */
export const external = [
  'electron',
  'better-sqlite3',
  'onnxruntime-node',
  '@cornerstonejs/codec-charls',
  '@cornerstonejs/codec-libjpeg-turbo-8bit',
  '@cornerstonejs/codec-openjpeg',
  '@cornerstonejs/codec-openjph',
  'dejavu-fonts-ttf',
  // Optional accelerators of ws, which does without.
  'bufferutil',
  'utf-8-validate',
];

/** @type {Record<string, string>} */
export const hosts = {
  local: 'main/hosts/local/localHost.ts',
  cli: 'main/hosts/cli/cli.ts',
  electron: 'main/hosts/electron/electronMain.ts',
};

/** CommonJS packages inside an ES module bundle still call require, __filename and __dirname. */
const esmBanner = [
  "import { createRequire as __createRequire } from 'node:module'",
  "import { fileURLToPath as __fileURLToPath } from 'node:url'",
  "import { dirname as __pathDirname } from 'node:path'",
  'const require = __createRequire(import.meta.url)',
  'const __filename = __fileURLToPath(import.meta.url)',
  'const __dirname = __pathDirname(__filename)',
].join(';');

/**
 * Every file of ours that a script imports, through any number of hops.
 * @param {string} entry
 */
export async function importsOf(entry) {
  const esbuild = await import('esbuild');
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return ['package-lock.json', ...Object.keys(metafile.inputs)];
}

/** The hosts into dist/main, each `*.worker.ts` and `*.process.ts` into dist/main/workers. */
export async function buildHosts() {
  const esbuild = await import('esbuild');
  const separate = fs.globSync('main/**/*.{worker,process}.ts', { cwd: root }).sort();
  refuseSameName(separate);
  const common = nodeOptions();
  const results = [
    await esbuild.build({
      ...common,
      entryPoints: hosts,
      outdir: path.join(dist, 'main'),
      plugins: [workerPaths('./workers/')],
    }),
    await esbuild.build({
      ...common,
      entryPoints: Object.fromEntries(separate.map((file) => [workerName(file), file])),
      outdir: path.join(dist, 'main', 'workers'),
      plugins: [workerPaths('./')],
    }),
  ];
  // Old files go last: a host that is running may still start a worker.
  const written = new Set(results.flatMap((result) => Object.keys(result.metafile?.outputs ?? {})).map(path.normalize));
  for (const file of fs.globSync('dist/main/**/*.{mjs,map}', { cwd: root })) {
    if (!written.has(path.normalize(file))) rmSync(path.join(root, file));
  }
}

/** The preload of a sandboxed Electron window into dist/preload. */
export async function buildPreload() {
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: { bridge: 'preload/bridge.ts' },
    outdir: path.join(dist, 'preload'),
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    // A sandboxed preload is CommonJS and may require electron alone.
    format: 'cjs',
    target: 'chrome140',
    external: ['electron'],
    logLevel: 'warning',
  });
}

/** @returns {import('esbuild').BuildOptions} */
function nodeOptions() {
  return {
    absWorkingDir: root,
    bundle: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.14',
    outExtension: { '.js': '.mjs' },
    banner: { js: esmBanner },
    external,
    // Failures and stack traces name classes and functions as the source does.
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
  };
}

/** `main/archive/hashFile.worker.ts` → `hashFile` (its file in dist/main/workers). */
function workerName(/** @type {string} */ file) {
  return path.basename(file).replace(/\.(worker|process)\.ts$/, '');
}

/** @param {string[]} files */
function refuseSameName(files) {
  const names = files.map(workerName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice)
    throw new SetupProblem(`two workers are named ${twice}; both would be built as dist/main/workers/${twice}.mjs.`);
}

/**
 * Rewrites `new URL('./x.worker.ts', import.meta.url)` to the built file.
 * @param {string} folder where the built workers lie, seen from the bundle.
 * @returns {import('esbuild').Plugin}
 */
function workerPaths(folder) {
  const named = /new URL\(\s*(['"])(\.[^'"]*\.(?:worker|process)\.ts)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g;
  return {
    name: 'worker-paths',
    setup(builder) {
      builder.onLoad({ filter: /[\\/]main[\\/].*\.ts$/ }, (args) => {
        const source = readFileSync(args.path, 'utf8');
        /** @type {{ text: string }[]} */
        const errors = [];
        const contents = source.replaceAll(named, (_whole, _quote, /** @type {string} */ target) => {
          const file = path.resolve(path.dirname(args.path), target);
          if (!existsSync(file))
            errors.push({ text: `${path.relative(root, args.path)} names ${target}, which isn't there` });
          // In a package workers lie unpacked: a thread reads its code as plain Node does, which knows no archive.
          const base = "import.meta.url.replace('/app.asar/', '/app.asar.unpacked/')";
          return `new URL('${folder}${workerName(file)}.mjs', ${base})`;
        });
        return { contents, loader: 'ts', errors };
      });
    },
  };
}
