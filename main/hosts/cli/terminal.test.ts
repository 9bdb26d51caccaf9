import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lineOf } from './terminal.ts';

const evil = 'A\u001b]0;title\u0007\u009b2J\rB\nC\u202eD\u007f';
const controls = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** What a program that uses the real terminal writes. */
function run(json: boolean, script: string, input = '') {
  const url = JSON.stringify(path.join(import.meta.dirname, 'terminal.ts'));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--input-type=module-typescript',
      '-e',
      `import { openTerminal } from ${url}; const terminal = openTerminal(${json}); ${script}`,
    ],
    { encoding: 'utf8', input },
  );
  return { stdout, stderr, status };
}

describe('the terminal', () => {
  it('lets nothing from outside write over what is there, and leaves letters as they are', () => {
    expect(lineOf([evil, 'NÚÑEZ^Inès=山田'])).toBe(
      'A\ufffd]0;title\ufffd\ufffd2J\ufffdB\ufffdC\ufffdD\ufffd  NÚÑEZ^Inès=山田',
    );
    const print = `terminal.print({ name: ${JSON.stringify(evil)} }, ${JSON.stringify(evil)}); terminal.tell(${JSON.stringify(evil)});`;
    const plain = run(false, print);
    for (const text of [plain.stdout, plain.stderr]) {
      expect(text.split('\n')).toHaveLength(3);
      expect(text.replaceAll('\n', '')).not.toMatch(controls);
    }
    const { stdout } = run(true, print);
    expect(stdout.replace(/\n$/, '')).not.toMatch(controls);
    expect(JSON.parse(stdout)).toEqual({ name: evil });
  });

  it('reads answers from stdin, one a line, and says which is missing', () => {
    const ask = "process.stdout.write(JSON.stringify(await terminal.readLines(['Name: ', 'Id: '])));";
    expect(JSON.parse(run(true, ask, ' ÇELIK* \n7\nmore\n').stdout)).toEqual(['ÇELIK*', '7']);
    const short = run(true, ask, 'ÇELIK*\n');
    expect(short.status).not.toBe(0);
    expect(short.stderr).toContain('Id is needed');
  });
});
