/** Runs named steps side by side and prints one line for each as it ends. */
import { spawn } from 'node:child_process';

/**
 * A step: `run` resolves to its problems (none: it passed).
 * @typedef {{ name: string, run: () => Promise<string[]> }} Step
 * @typedef {{ name: string, problems: string[], seconds: number }} StepResult
 */

/**
 * @param {Step[]} steps
 * @param {{ width: number, print: (line: string) => void }} options `width`: how many run at a time.
 * @returns {Promise<StepResult[]>} in the order of `steps`.
 */
export async function runSteps(steps, { width, print }) {
  /** @type {StepResult[]} */
  const results = new Array(steps.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < steps.length; index = next++) {
      const step = /** @type {Step} */ (steps[index]);
      const started = Date.now();
      /** @type {string[]} */
      let problems;
      try {
        problems = await step.run();
      } catch (problem) {
        problems = [problem instanceof Error ? (problem.stack ?? problem.message) : String(problem)];
      }
      const seconds = (Date.now() - started) / 1000;
      results[index] = { name: step.name, problems, seconds };
      print(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${step.name.padEnd(24)} ${seconds.toFixed(1).padStart(5)} s`);
      for (const problem of problems) print(`       ${problem.replaceAll('\n', '\n       ')}`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/**
 * Runs a program and gives what it said.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number, output: string, stdout: string }>} `output`: both streams, in order of arrival.
 */
export function runProgram(program, args, { cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output, stdout }));
  });
}

/**
 * Runs a program in this terminal, in a process group of its own so that what it started dies with it.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, timeoutMs: number }} options
 * @returns {Promise<number | undefined>} its exit code; undefined when it was killed for running past the limit.
 */
export function runLive(program, args, { cwd, env, timeoutMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: process.platform !== 'win32',
    });
    const killAll = () => {
      try {
        if (process.platform !== 'win32' && child.pid) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch (problem) {
        // Its last process may have ended between the decision and the signal.
        if (/** @type {NodeJS.ErrnoException} */ (problem).code !== 'ESRCH') throw problem;
      }
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killAll();
    }, timeoutMs);
    const stopHere = () => {
      killAll();
      process.exit(130);
    };
    process.on('SIGINT', stopHere);
    process.on('SIGTERM', stopHere);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', stopHere);
      process.off('SIGTERM', stopHere);
      resolve(late ? undefined : (code ?? 1));
    });
  });
}
