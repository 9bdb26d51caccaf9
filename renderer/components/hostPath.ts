/**
 * A folder below another on the host's machine, whose paths may be of Windows or of Unix.
 *
 * @param base absolute path as the host gave it
 * @param name one folder name; '' means the base itself
 */
export function joinHostPath(base: string, name: string): string {
  if (name === '') return base;
  const separator = base.includes('\\') && !base.startsWith('/') ? '\\' : '/';
  return base.endsWith(separator) ? `${base}${name}` : `${base}${separator}${name}`;
}

/** True for what names one folder and cannot lead out of the one it is put in. */
export function isFolderName(name: string): boolean {
  return !/[\\/:*?"<>|]/.test(name) && name !== '.' && name !== '..';
}
