/**
 * A Vitest reporter that keeps what `npm test` needs for its last line: every test's state, the reason of a skip,
 * and files that failed before any test of theirs ran. Written as one JSON document to SALUS_TEST_REPORT.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

export interface SuiteReport {
  passed: number;
  failed: { name: string; message: string }[];
  skipped: { name: string; reason: string }[];
}

export default class SalusReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const report = summarize(modules, unhandledErrors, reason);
    const file = process.env['SALUS_TEST_REPORT'];
    if (file) writeFileSync(file, JSON.stringify(report));
  }
}

function summarize(
  modules: readonly TestModule[],
  unhandledErrors: readonly SerializedError[],
  reason: TestRunEndReason,
): SuiteReport {
  const report: SuiteReport = { passed: 0, failed: [], skipped: [] };
  for (const module of modules) {
    const file = path.relative(process.cwd(), module.moduleId);
    let tests = 0;
    for (const test of module.children.allTests()) {
      tests += 1;
      const name = `${file} > ${test.fullName}`;
      const result = test.result();
      if (result.state === 'passed') report.passed += 1;
      else if (result.state === 'failed') {
        report.failed.push({ name, message: result.errors?.[0]?.message ?? 'failed without a message' });
      } else if (result.state === 'skipped') {
        report.skipped.push({ name, reason: result.note ?? reasonInTitle(test.fullName) });
      } else report.failed.push({ name, message: 'did not run to its end' });
    }
    for (const error of module.errors()) report.failed.push({ name: file, message: error.message });
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors())
        report.failed.push({ name: `${file} > ${suite.fullName}`, message: error.message });
    }
    if (tests === 0 && module.errors().length === 0)
      report.failed.push({ name: file, message: 'the file ran no test' });
  }
  for (const error of unhandledErrors) {
    // What ended a test process (a signal, an exit code) stands in the cause alone.
    const cause = (error.cause as { message?: string } | undefined)?.message;
    report.failed.push({ name: 'outside any test', message: cause ? `${error.message} ${cause}` : error.message });
  }
  if (modules.length === 0) report.failed.push({ name: 'suite', message: 'no test file was found' });
  if (reason === 'interrupted') report.failed.push({ name: 'suite', message: 'the run was interrupted' });
  return report;
}

/** Our skipped suites carry what they lack in their title: "… (needs DCMTK)". */
function reasonInTitle(title: string): string {
  return title.match(/\((needs [^)]*|only [^)]*)\)/)?.[1] ?? 'no reason given';
}
