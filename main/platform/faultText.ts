/**
 * A fault of ours for the log: a code where the system gave one, else its name, and where it happened. Never its
 * message, which may name a file or a person, or repeat what a peer sent.
 */
export function faultText(problem: unknown): string {
  if (!(problem instanceof Error)) return 'not an error';
  const { message, stack = '' } = problem;
  const { code } = problem as { code?: unknown };
  const at = message === '' ? -1 : stack.indexOf(message);
  const frames = (at < 0 ? stack : stack.slice(at + message.length)).split('\n').filter((line) => /^\s+at /.test(line));
  return [typeof code === 'string' && /^[\w.]{1,60}$/.test(code) ? code : problem.name, ...frames].join('\n');
}
