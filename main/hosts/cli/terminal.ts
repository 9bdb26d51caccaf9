import readline from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageProblem } from '../usageProblem.ts';

/** Where the command line reads and writes; a test brings its own. */
export interface Terminal {
  readonly json: boolean;
  /** The result, on stdout: the document when --json is on, else the text. */
  print(document: unknown, text: string): void;
  /** Progress and remarks, on stderr. `isPassing`: replaced by the next one where a person watches. */
  tell(line: string, isPassing?: boolean): void;
  /** SALUS_PASSWORD, else what a person types without echo. @throws UsageProblem where nobody can be asked */
  askPassword(question: string): Promise<string>;
  askText(question: string): Promise<string>;
  /** True when there is a person to ask. */
  readonly canAsk: boolean;
}

/** The real terminal. The password leaves the environment at once, so that no child inherits it. */
export function openTerminal(json: boolean): Terminal {
  const givenPassword = process.env['SALUS_PASSWORD'];
  delete process.env['SALUS_PASSWORD'];
  const canAsk = !json && process.stdin.isTTY === true && process.stderr.isTTY === true;
  let isLineOpen = false;
  const endLine = () => {
    if (isLineOpen) process.stderr.write('\n');
    isLineOpen = false;
  };
  const ask = async (question: string, hidden: boolean): Promise<string> => {
    if (!canAsk) throw new UsageProblem(`${question.replace(/[:?]? *$/, '')} is needed: nobody can be asked here.`);
    endLine();
    process.stderr.write(question);
    const output = hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
    const line = readline.createInterface({ input: process.stdin, output, terminal: true });
    try {
      return await line.question('');
    } finally {
      line.close();
      if (hidden) process.stderr.write('\n');
    }
  };
  return {
    json,
    canAsk,
    print(document, text) {
      endLine();
      process.stdout.write(
        json ? `${JSON.stringify(document)}\n` : text.endsWith('\n') || text === '' ? text : `${text}\n`,
      );
    },
    tell(text, isPassing = false) {
      if (isPassing && process.stderr.isTTY) {
        process.stderr.write(`\r\u001b[K${text}`);
        isLineOpen = true;
        return;
      }
      endLine();
      process.stderr.write(`${text}\n`);
    },
    askPassword: async (question) => givenPassword ?? ask(question, true),
    askText: (question) => ask(question, false),
  };
}
