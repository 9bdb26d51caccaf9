import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ReportTemplate, reportTemplateSchema } from '../../../app/domains/reports/reportSchema.ts';

/**
 * Reads the report templates shipped with the program, in order of their file names. A file that is no template stops
 * the start: templates are part of the program and are checked before it ships.
 */
export async function loadTemplates(resourcesDirectory: string): Promise<readonly ReportTemplate[]> {
  const folder = join(resourcesDirectory, 'templates');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) => reportTemplateSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
  );
}
