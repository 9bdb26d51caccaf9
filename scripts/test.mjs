/**
 * `npm test`: set-up, peers, check, build, then every suite; its last line is `N passed, N failed, N skipped`.
 * `--soak` (npm run soak) runs random sweeps in full. `npm test -- unit e2e` runs the suites so named only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { check } from './check.mjs';
import { runLive } from './checks/runSteps.mjs';
import { peers, setUpPeers } from './peers.mjs';
import { endWith, readIfThere, root, setUpEntry } from './setup.mjs';

/** The order is that of cost: what fails in seconds comes before what takes minutes. */
const suites = [
  'unit',
  'service',
  'contract',
  'migrations',
  'boundaries',
  'packaging',
  'conformance',
  'safety',
  'integration',
  'e2e',
];

/** A suite that hangs must not eat the whole run: these many minutes, then it is killed and has failed. */
const suiteMinutes = { ordinary: 20, soak: 600 };

/** @type {{ passed: number, failed: { name: string, message: string }[], skipped: { name: string, reason: string }[] }} */
const total = { passed: 0, failed: [], skipped: [] };
const soak = process.argv.includes('--soak');
const started = Date.now();

try {
  await setUpEntry(import.meta.url, { log: say });
  if (soak) process.env.SALUS_SOAK = '1';
  const asked = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
  const known = [...suites, 'soak'];
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no suite named ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const wanted = asked.length > 0 ? asked : soak ? known : suites;

  head('peers');
  const missing = setUpPeers(say);
  for (const name of missing) {
    const text = `${peers[name].label} is not on this machine`;
    if (process.env.CI === 'true') total.failed.push({ name: 'peers', message: text });
    else total.skipped.push({ name: `peers > ${peers[name].label}`, reason: 'not on this machine' });
  }
  say(
    missing.length === 0 ? 'All peers are here.' : `Missing: ${missing.map((name) => peers[name].label).join(', ')}.`,
  );

  if (asked.length === 0) {
    head('check');
    for (const result of await check({ print: say })) {
      if (result.problems.length === 0) total.passed += 1;
      else total.failed.push({ name: `check > ${result.name}`, message: result.problems.slice(0, 3).join('\n') });
    }
  }

  head('build');
  try {
    await build({ log: say });
    total.passed += 1;
  } catch (problem) {
    total.failed.push({ name: 'build', message: problem instanceof Error ? problem.message : String(problem) });
    say(String(problem instanceof Error ? problem.stack : problem));
  }

  for (const suite of wanted) await runSuite(suite);
  report();
} catch (problem) {
  endWith(problem);
}

/**
 * Runs one Vitest project and adds its figures to the total. A suite that leaves no report has failed.
 * @param {string} name
 */
async function runSuite(name) {
  head(name);
  const folder = mkdtempSync(path.join(tmpdir(), 'salus-test-'));
  const reportFile = path.join(folder, 'report.json');
  const minutes = soak ? suiteMinutes.soak : suiteMinutes.ordinary;
  const args = ['run', '--project', name, '--reporter=default', '--reporter=./scripts/vitestReporter.ts'];
  const code = await runLive(process.execPath, [path.join(root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: root,
    env: { ...process.env, SALUS_TEST_REPORT: reportFile, NO_COLOR: '1' },
    timeoutMs: minutes * 60_000,
  });
  const written = readIfThere(reportFile);
  rmSync(folder, { recursive: true, force: true });
  if (!written) {
    total.failed.push({
      name,
      message: code === undefined ? `killed after ${minutes} minutes` : `ended with ${code} and no report`,
    });
    return;
  }
  /** @type {typeof total} */
  const result = JSON.parse(written);
  total.passed += result.passed;
  total.failed.push(...result.failed.map((failure) => ({ ...failure, name: `${name}: ${failure.name}` })));
  total.skipped.push(...result.skipped.map((skip) => ({ ...skip, name: `${name}: ${skip.name}` })));
  if (code !== 0 && result.failed.length === 0) {
    total.failed.push({
      name,
      message: code === undefined ? `killed after ${minutes} minutes` : `every test passed, yet it ended with ${code}`,
    });
  }
}

function report() {
  if (total.skipped.length > 0) {
    head('skipped');
    for (const { name, reason } of total.skipped) say(`- ${name}: ${reason}`);
  }
  if (total.failed.length > 0) {
    head('failed');
    for (const { name, message } of total.failed)
      say(`- ${name}\n    ${message.split('\n').slice(0, 12).join('\n    ')}`);
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  say(`\n${Math.floor(seconds / 60)} min ${seconds % 60} s`);
  say(`${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`);
  process.exitCode = total.failed.length === 0 ? 0 : 1;
}

/** @param {string} line */
function say(line) {
  process.stdout.write(`${line}\n`);
}

/** @param {string} title */
function head(title) {
  say(`\n== ${title} (${((Date.now() - started) / 1000).toFixed(0)} s) ==`);
}
