/**
 * Writes the sample studies, or a pile of small instances, to a folder:
 *
 *   node scripts/make-fixtures.ts OUT_DIR [--only NAME] [--count N]
 *
 * NAME is one of the sample studies or `synthetic`; N is the number of chest CT slices (2–200), or of synthetic
 * instances. Prints one line per study: name, files, bytes, seconds.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeSampleStudies, type SampleFile } from '../main/domains/imaging/samples/makeSampleStudies.ts';
import { type SampleName, sampleNames } from '../main/domains/imaging/samples/samplesTruth.ts';
import { syntheticInstances } from '../main/domains/imaging/samples/syntheticInstances.ts';

const usage = `usage: make-fixtures.ts OUT_DIR [--only ${[...sampleNames, 'synthetic'].join('|')}] [--count N]`;

function main(): void {
  const { values, positionals } = readArguments();
  const folder = positionals[0];
  const count = values.count === undefined ? undefined : Number(values.count);
  const only = values.only;
  if (
    folder === undefined ||
    positionals.length > 1 ||
    (count !== undefined && !(Number.isInteger(count) && count > 0))
  ) {
    throw new RangeError(usage);
  }
  if (only === 'synthetic') {
    writeAll(folder, only, syntheticInstances({ count: count ?? 1000 }));
    return;
  }
  if (only !== undefined && !isSampleName(only)) throw new RangeError(usage);
  for (const name of only === undefined ? sampleNames : [only]) {
    writeAll(folder, name, makeSampleStudies({ only: [name], ...(count === undefined ? {} : { chestSlices: count }) }));
  }
}

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { only: { type: 'string' }, count: { type: 'string' } } });
  } catch (error) {
    if (error instanceof TypeError) throw new RangeError(`${error.message}\n${usage}`);
    throw error;
  }
}

function writeAll(folder: string, name: string, files: Iterable<SampleFile>): void {
  const start = performance.now();
  let number = 0;
  let bytes = 0;
  for (const file of files) {
    const path = join(folder, file.relativePath);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.bytes);
    number++;
    bytes += file.bytes.length;
  }
  console.log(`${name}: ${number} files, ${bytes} bytes, ${((performance.now() - start) / 1000).toFixed(2)} s`);
}

function isSampleName(name: string): name is SampleName {
  return (sampleNames as readonly string[]).includes(name);
}

try {
  main();
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
