/**
 * `npm run package [-- --linux | --win | --mac | --dir …]`: builds everything, then electron-builder, whose
 * arguments these are. It fetches the Electron binary and the platform's tools: it needs the internet.
 */
import path from 'node:path';
import { build } from './build.mjs';
import { endWith, root, runAndForward, setUpEntry } from './setup.mjs';

await setUpEntry(import.meta.url);
try {
  await build({ log: (line) => void process.stdout.write(`${line}\n`) });
  const builder = path.join(root, 'node_modules', 'electron-builder', 'cli.js');
  process.exitCode = await runAndForward(process.execPath, [
    builder,
    '--config',
    'electron-builder.yml',
    '--publish',
    'never',
    ...process.argv.slice(2),
  ]);
} catch (problem) {
  endWith(problem);
}
