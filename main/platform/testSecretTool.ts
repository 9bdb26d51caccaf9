import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * For tests only: a program with the arguments and exit codes of libsecret's secret-tool 0.20. Keeps what it is given in files beside
 * itself and writes its arguments and environment to `<program>.calls`; while `<program>.broken` exists, it fails as
 * without a session bus, while `.full` does, it keeps nothing new, while `.slow` does, it waits, and
 * while `.slowStore` does, with what it is to keep.
 */
const text = `#!/bin/sh
echo "$@" >> "$0.calls"
env >> "$0.calls"
verb=$1; shift
case "$1" in --label=*) shift;; esac
file="$0.$(echo "$@" | tr ' ' '_')"
while [ -e "$0.slow" ] || { [ "$verb" = store ] && [ -e "$0.slowStore" ]; }; do sleep 0.05; done
if [ -e "$0.broken" ]; then echo 'secret-tool: Cannot autolaunch D-Bus without X11 $DISPLAY' >&2; exit 1; fi
case $verb in
  store) [ ! -e "$0.full" ] || exit 1; cat > "$file.new"; mv "$file.new" "$file" ;;
  lookup) [ -e "$file" ] || exit 1; cat "$file" ;;
  clear) [ -e "$file" ] || exit 1; rm -f "$file" ;;
  *) exit 2 ;;
esac
`;

/** Writes the program into a folder; returns its path. */
export function writeSecretTool(folder: string): string {
  const program = join(folder, 'secret-tool');
  writeFileSync(program, text);
  chmodSync(program, 0o755);
  return program;
}
