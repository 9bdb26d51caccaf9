/**
 * `npm run bench [-- NAME…]` (as `receive` or `receive-many`): runs tests/bench/*.ts one after another, each alone on
 * the machine. Each prints JSON lines on stdout; they are passed on as they come and kept in test-results/bench.jsonl
 * with machine and date.
 */
import { spawn } from 'node:child_process';
import fs, { appendFileSync, mkdirSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from './build.mjs';
import { endWith, root, setUpEntry } from './setup.mjs';

await setUpEntry(import.meta.url);
try {
  await build({ log: (line) => void process.stderr.write(`${line}\n`) });
  const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  const all = fs.globSync('tests/bench/*.bench.ts', { cwd: root }).sort();
  const files = all.filter((file) => wanted.length === 0 || wanted.some((name) => isNamed(file, name, all)));
  if (files.length === 0)
    throw new Error(`no bench in tests/bench${wanted.length > 0 ? ` named ${wanted.join(', ')}` : ''}`);
  mkdirSync(path.join(root, 'test-results'), { recursive: true });
  const record = path.join(root, 'test-results', 'bench.jsonl');
  const machine = {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  appendFileSync(record, `${JSON.stringify({ at: new Date().toISOString(), machine })}\n`);
  let failed = 0;
  for (const file of files) {
    const code = await runBench(file, (line) => {
      process.stdout.write(`${line}\n`);
      appendFileSync(record, `${line}\n`);
    });
    if (code !== 0) {
      failed += 1;
      process.stderr.write(`${file} ended with ${code}\n`);
    }
  }
  process.exitCode = failed === 0 ? 0 : 1;
} catch (problem) {
  endWith(problem);
}

/**
 * True for the bench of that name, written with hyphens or not; where none is called so, for each whose name begins so.
 * @param {string} file
 * @param {string} name
 * @param {readonly string[]} all
 */
function isNamed(file, name, all) {
  const plain = name.replaceAll(/-([a-z])/g, (_, letter) => letter.toUpperCase());
  const isWhole = (/** @type {string} */ each) => path.basename(each) === `${plain}.bench.ts`;
  return all.some(isWhole) ? isWhole(file) : path.basename(file).startsWith(plain);
}

/**
 * @param {string} file
 * @param {(line: string) => void} onLine receives each JSON line.
 * @returns {Promise<number>} exit code; 1 when it printed something that isn't JSON, or nothing.
 */
function runBench(file, onLine) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--expose-gc', path.join(root, file)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let lines = 0;
    let broken = false;
    const reader = createInterface({ input: child.stdout });
    reader.on('line', (line) => {
      if (line.trim() === '') return;
      try {
        JSON.parse(line);
        lines += 1;
        onLine(line);
      } catch {
        broken = true;
        process.stderr.write(`${file} printed what isn't JSON: ${line}\n`);
      }
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code !== 0 ? (code ?? 1) : broken || lines === 0 ? 1 : 0));
  });
}
