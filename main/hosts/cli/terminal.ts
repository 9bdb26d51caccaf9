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
  /** SALUS_NODE_CREDENTIAL, else what a person types without echo. @throws UsageProblem where nobody can be asked */
  askSecret(question: string): Promise<string>;
  /**
   * One answer to each question: what a person types, else the lines of stdin in this order.
   * @throws UsageProblem when a line is missing or empty
   */
  readLines(questions: readonly string[]): Promise<string[]>;
  /** True when there is a person to ask. */
  readonly canAsk: boolean;
}

/** What moves the cursor, changes the title or turns the writing round: C0 and C1, line ends, embeddings and overrides. */
const controls = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Cells of one line, as a terminal may show them. Names, titles and texts come from peers and objects, who must not
 * write over what is there, nor add lines of their own: what controls is shown as U+FFFD.
 */
export function lineOf(cells: readonly string[], separator = '  '): string {
  return cells.map((cell) => cell.replaceAll(controls, '\ufffd')).join(separator);
}

const linesOf = (text: string): string => lineOf(text.split('\n'), '\n');

/** The same document in ASCII where a terminal would take it for more than text. */
const jsonOf = (document: unknown): string =>
  JSON.stringify(document).replaceAll(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The real terminal. What is secret leaves the environment at once, so that no child inherits it. */
export function openTerminal(json: boolean): Terminal {
  const givenPassword = process.env['SALUS_PASSWORD'];
  delete process.env['SALUS_PASSWORD'];
  const givenCredential = process.env['SALUS_NODE_CREDENTIAL'];
  delete process.env['SALUS_NODE_CREDENTIAL'];
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
  const readLines = async (questions: readonly string[]): Promise<string[]> => {
    const answers: string[] = [];
    if (canAsk) {
      for (const question of questions) answers.push(await ask(question, false));
    } else if (process.stdin.isTTY !== true) {
      const lines = readline.createInterface({ input: process.stdin });
      for await (const line of lines) {
        answers.push(line);
        if (answers.length === questions.length) break;
      }
    }
    const texts = questions.map((_, at) => answers[at]?.trim() ?? '');
    const missing = questions[texts.indexOf('')];
    if (missing !== undefined)
      throw new UsageProblem(`${missing.replace(/[:?]? *$/, '')} is needed: a line of its own.`);
    return texts;
  };
  return {
    json,
    canAsk,
    readLines,
    print(document, text) {
      endLine();
      const shown = linesOf(text);
      process.stdout.write(
        json ? `${jsonOf(document)}\n` : shown.endsWith('\n') || shown === '' ? shown : `${shown}\n`,
      );
    },
    tell(given, isPassing = false) {
      const text = linesOf(given);
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
    askSecret: async (question) => givenCredential ?? ask(question, true),
  };
}
