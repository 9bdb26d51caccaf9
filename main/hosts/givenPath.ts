import path from 'node:path';

/** A path as the person meant it: `npm run` starts programs in the package's folder and says where it was called. */
export function resolveGiven(given: string): string {
  const calledIn = process.env['npm_lifecycle_event'] ? process.env['INIT_CWD'] : undefined;
  return path.resolve(calledIn || process.cwd(), given);
}
