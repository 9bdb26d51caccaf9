import { relative, sep } from 'node:path';

/** True when a path lies in a folder or is that folder. Both absolute and without links: `realpathSync` before asking. */
export function isInside(inner: string, outer: string): boolean {
  const path = relative(outer, inner);
  return (
    path === '' || (!path.startsWith(`..${sep}`) && path !== '..' && !path.startsWith(sep) && !/^[A-Za-z]:/.test(path))
  );
}
