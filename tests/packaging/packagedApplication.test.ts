import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { external } from '../../scripts/bundleHosts.mjs';
import { root } from '../../scripts/setup.mjs';

const run = promisify(execFile);
/** Packages that electron-builder brings and that are not ours to depend on are found from where it lies. */
const fromBuilder = createRequire(createRequire(import.meta.url).resolve('electron-builder'));
const fromLibrary = createRequire(fromBuilder.resolve('app-builder-lib'));

interface Fuses {
  getCurrentFuseWire(program: string): Promise<Record<string, number | string>>;
  FuseV1Options: Record<string, number>;
}
interface Asar {
  listPackage(archive: string, options: { isPack: boolean }): string[];
  extractFile(archive: string, file: string): Buffer;
}
interface Validator {
  validateSchema(schema: object, data: object, options: object): void;
}

const configurationFile = path.join(root, 'electron-builder.yml');

async function readConfiguration(): Promise<Record<string, unknown>> {
  const yaml = fromLibrary('js-yaml') as { load(text: string): Record<string, unknown> };
  return yaml.load(await readFile(configurationFile, 'utf8'));
}

async function validate(configuration: Record<string, unknown>): Promise<void> {
  const folder = path.dirname(fromBuilder.resolve('app-builder-lib/package.json'));
  const schema = JSON.parse(await readFile(path.join(folder, 'scheme.json'), 'utf8')) as object;
  const { validateSchema } = fromLibrary(path.join(folder, 'out', 'util', 'config', 'schemaValidator.js')) as Validator;
  validateSchema(schema, structuredClone(configuration), { name: 'electron-builder.yml' });
}

describe("electron-builder.yml against the builder's own schema", () => {
  it('is valid', async () => {
    await validate(await readConfiguration());
  });

  it.each([
    ['an unknown key', { asarUnpak: [] }],
    ['an unknown fuse', { electronFuses: { runAsNod: false } }],
    ['a wrong type', { linux: { target: [{ target: 'deb', arch: 'x65' }] } }],
    ['an unknown option of a target', { nsis: { oneClik: false } }],
  ])('%s would be refused', async (_what, change) => {
    await expect(validate({ ...(await readConfiguration()), ...change })).rejects.toThrow(
      /Invalid configuration object/,
    );
  });

  it('makes AppImage and deb, an NSIS installer and a dmg', async () => {
    const { linux, win, mac } = (await readConfiguration()) as Record<string, { target: { target: string }[] }>;
    expect(linux?.target.map((entry) => entry.target)).toEqual(['AppImage', 'deb']);
    expect(win?.target.map((entry) => entry.target)).toEqual(['nsis']);
    expect(mac?.target.map((entry) => entry.target)).toEqual(['dmg']);
  });

  it('keeps the store when the program is removed', async () => {
    expect(await readConfiguration()).toMatchObject({ nsis: { deleteAppDataOnUninstall: false } });
  });
});

describe('the unpacked application, made with a stand-in for the Electron binary', () => {
  let folder: string;
  let program: string;
  let archive: string;
  let listed: string[];
  const asar = fromLibrary('@electron/asar') as Asar;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'salus-package-'));
    await run(process.execPath, [path.join(root, 'scripts', 'build.mjs')], { maxBuffer: 1 << 26 });
    await makeStandIn(path.join(folder, 'electron'));
    const output = path.join(folder, 'out');
    await run(
      process.execPath,
      [
        path.join(root, 'node_modules', 'electron-builder', 'cli.js'),
        '--linux',
        'dir',
        '--x64',
        '--config',
        configurationFile,
        '--publish',
        'never',
        `-c.electronDist=${path.join(folder, 'electron')}`,
        `-c.directories.output=${output}`,
      ],
      { cwd: root, maxBuffer: 1 << 26 },
    );
    program = path.join(output, 'linux-unpacked', 'salus');
    archive = path.join(output, 'linux-unpacked', 'resources', 'app.asar');
    listed = asar.listPackage(archive, { isPack: false });
  }, 120_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('has the fuses set in the binary', async () => {
    const fuses = fromLibrary('@electron/fuses') as Fuses;
    const wire = await fuses.getCurrentFuseWire(program);
    const enabled = '1'.charCodeAt(0);
    const state = (name: string) => wire[String(fuses.FuseV1Options[name])] === enabled;
    expect({
      RunAsNode: state('RunAsNode'),
      EnableNodeOptionsEnvironmentVariable: state('EnableNodeOptionsEnvironmentVariable'),
      EnableNodeCliInspectArguments: state('EnableNodeCliInspectArguments'),
      EnableCookieEncryption: state('EnableCookieEncryption'),
      EnableEmbeddedAsarIntegrityValidation: state('EnableEmbeddedAsarIntegrityValidation'),
      OnlyLoadAppFromAsar: state('OnlyLoadAppFromAsar'),
      GrantFileProtocolExtraPrivileges: state('GrantFileProtocolExtraPrivileges'),
    }).toEqual({
      RunAsNode: false,
      EnableNodeOptionsEnvironmentVariable: false,
      EnableNodeCliInspectArguments: false,
      EnableCookieEncryption: true,
      EnableEmbeddedAsarIntegrityValidation: true,
      OnlyLoadAppFromAsar: true,
      GrantFileProtocolExtraPrivileges: false,
    });
  });

  it('holds everything that was built, and starts where package.json says', () => {
    const built = globSync(['dist/main/**/*.mjs', 'dist/renderer/**/*', 'dist/preload/*.cjs'], {
      cwd: root,
      withFileTypes: true,
    })
      .filter((entry) => entry.isFile())
      .map((entry) => `/${path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/')}`);
    expect(built).toContain('/dist/main/electron.mjs');
    expect(built).toContain('/dist/preload/bridge.cjs');
    expect(built).toContain('/dist/renderer/index.html');
    expect(built.filter((file) => !listed.includes(file))).toEqual([]);
    const manifest = JSON.parse(asar.extractFile(archive, 'package.json').toString()) as {
      main: string;
      scripts?: object;
    };
    expect(listed).toContain(`/${manifest.main}`);
    expect(manifest.scripts).toBeUndefined();
  });

  it('holds no source, test, source map or store', () => {
    const allowed = /^\/(package\.json|LICENSE|(dist|node_modules)(\/|$))/;
    expect(listed.filter((file) => !allowed.test(file))).toEqual([]);
    expect(listed.filter((file) => /\.(tsx?|map)$|\.test\.|\/samples\//.test(file))).toEqual([]);
  });

  it('holds each package the bundles leave outside, and no other', async () => {
    const bundles = globSync('dist/main/**/*.mjs', { cwd: root });
    const source = (await Promise.all(bundles.map((file) => readFile(path.join(root, file), 'utf8')))).join('\n');
    // A name before a colon is package.json's own list. electron is the program itself; the fonts lie among the resources.
    const needed = external.filter(
      (name) =>
        !['electron', 'dejavu-fonts-ttf'].includes(name) &&
        existsSync(path.join(root, 'node_modules', name)) &&
        new RegExp(`["'\`]${name}(/|["'\`](?!\\s*:))`).test(source),
    );
    const packed = listed.flatMap(
      (file) => file.match(/^\/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/)?.[1] ?? [],
    );
    expect(packed.sort()).toEqual(needed.sort());
  });

  it('has its native module outside the archive, and it opens a database', async () => {
    const unpacked = path.join(`${archive}.unpacked`, 'node_modules', 'better-sqlite3');
    expect(globSync('prebuilds/*.node', { cwd: unpacked })).toEqual(['prebuilds/linux-x64.node']);
    if (process.platform !== 'linux' || process.arch !== 'x64') return;
    const script = `const D = require(${JSON.stringify(unpacked)}); const d = new D(':memory:'); console.log(d.prepare('select 41 + 1 as n').get().n)`;
    const { stdout } = await run(process.execPath, ['-e', script]);
    expect(stdout.trim()).toBe('42');
  });

  it('has its workers outside the archive, where a thread finds their code and their packages', async () => {
    const workers = path.join(`${archive}.unpacked`, 'dist', 'main', 'workers');
    const names = globSync('*.mjs', { cwd: workers });
    const sources = globSync('main/**/*.{worker,process}.ts', { cwd: root }).map(
      (file) => path.basename(file).split('.')[0],
    );
    expect(names.map((name) => path.basename(name, '.mjs')).sort()).toEqual(sources.sort());
    for (const name of names.filter((worker) => existsSync(path.join(workers, worker)))) {
      expect(await loadProblem(path.join(workers, name)), name).toBeUndefined();
    }
    const bundles = globSync('dist/main/*.mjs', { cwd: root });
    for (const bundle of bundles) {
      const named = [
        ...(await readFile(path.join(root, bundle), 'utf8')).matchAll(/new URL\("\.\/workers\/([\w.-]+)"/g),
      ].map((match) => match[1]);
      expect(
        named.filter((name) => !names.includes(name ?? '')),
        bundle,
      ).toEqual([]);
    }
  });

  it('carries resources and samples beside the archive', () => {
    const beside = path.dirname(archive);
    for (const file of globSync('resources/{locales,templates,knowledge}/**/*.json', { cwd: root })) {
      expect(existsSync(path.join(beside, file)), file).toBe(true);
    }
    expect(globSync('resources/fonts/*', { cwd: beside }).sort()).toEqual([
      'resources/fonts/DejaVuSans-Bold.ttf',
      'resources/fonts/DejaVuSans.ttf',
      'resources/fonts/LICENSE',
    ]);
    expect(globSync('samples/**/*.dcm', { cwd: beside }).length).toBe(
      globSync('dist/samples/**/*.dcm', { cwd: root }).length,
    );
    expect(globSync('samples/**/*.dcm', { cwd: beside }).length).toBeGreaterThan(0);
  });
});

/** Why a worker's modules can't be loaded; what it says about its missing input comes after that and is its own matter. */
async function loadProblem(file: string): Promise<string | undefined> {
  const { stderr } = await run(
    process.execPath,
    [
      '-e',
      `new (require('node:worker_threads').Worker)(${JSON.stringify(file)}, { workerData: {} }).on('error', (e) => console.error(e.code, e.message)); setTimeout(() => process.exit(0), 1500)`,
    ],
    { maxBuffer: 1 << 24 },
  );
  return /ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND|ERR_DLOPEN|SyntaxError|ENOENT/.test(stderr) ? stderr : undefined;
}

/** A folder laid out like an Electron release: its program carries the fuse wire, every fuse at Electron's default. */
async function makeStandIn(at: string): Promise<void> {
  const { version } = JSON.parse(
    await readFile(path.join(root, 'node_modules', 'electron', 'package.json'), 'utf8'),
  ) as { version: string };
  await mkdir(path.join(at, 'locales'), { recursive: true });
  await mkdir(path.join(at, 'resources'));
  const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
  const wire = Buffer.concat([Buffer.from(`#!/bin/sh\n${sentinel}`), Buffer.from([1, 8]), Buffer.from('10110001')]);
  await writeFile(path.join(at, 'electron'), wire);
  await chmod(path.join(at, 'electron'), 0o755);
  await writeFile(path.join(at, 'version'), version);
  for (const file of ['LICENSE', 'LICENSES.chromium.html', 'locales/en-US.pak', 'locales/fr.pak'])
    await writeFile(path.join(at, file), '');
}
