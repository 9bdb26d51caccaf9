import type { ImportSummary } from '../../../../app/domains/imaging/imagingSchema.ts';
import type { WorklistRow } from '../../../../app/domains/worklist/worklistSchema.ts';
import { resolveGiven } from '../../givenPath.ts';
import { UsageProblem } from '../../usageProblem.ts';

import { exitCodes } from '../exitCodes.ts';
import { lineOf } from '../terminal.ts';
import { followJob } from './followJob.ts';
import { plainVerb, type Verb, type VerbContext } from './verb.ts';

const pageSize = 500;

export const importFiles: Verb = {
  check({ rest }) {
    if (rest.length === 0 || rest.includes('')) throw new UsageProblem('salus import takes: PATH…');
  },
  needsSession: () => true,
  run: runImport,
};

async function runImport(context: VerbContext) {
  const { given, access, terminal } = context;
  const paths = given.rest.map((each) => resolveGiven(each));
  const { jobId } = await access.client.imaging.importPaths({ paths });
  await followJob(jobId, context);
  const summary = await access.client.imaging.getImportSummary({ jobId });
  terminal.print(summary, describeSummary(summary));
  const isAllRejected = summary.rejected.length > 0 && summary.imported + summary.duplicates + summary.conflicts === 0;
  return isAllRejected ? exitCodes.finding : exitCodes.done;
}

/** Takes any number of words. */
export const studies: Verb = { check: () => undefined, needsSession: () => true, run: listStudies };

async function listStudies({ given, access, terminal }: VerbContext) {
  const found: WorklistRow[] = [];
  const text = given.rest.join(' ');
  for (;;) {
    const { total, rows } = await access.client.worklist.list({
      filter: { text },
      sort: { key: 'receivedAt', direction: 'descending' },
      offset: found.length,
      limit: pageSize,
    });
    found.push(...rows);
    if (rows.length === 0 || found.length >= total) break;
  }
  terminal.print({ total: found.length, studies: found }, found.map(describeStudy).join('\n'));
  return exitCodes.done;
}

export const exportStudy = plainVerb(['STUDY', 'DIR'], async (context) => {
  const [studyUid = '', directory = ''] = context.given.rest;
  const target = resolveGiven(directory);
  const { jobId } = await context.access.client.imaging.exportStudy({ studyUid, directory: target });
  const job = await followJob(jobId, context);
  context.terminal.print(
    { studyUid, directory: target, files: job.done, bytes: job.bytesDone },
    `${job.done} files were written to ${target}.`,
  );
  return exitCodes.done;
});

function describeSummary({ imported, duplicates, conflicts, rejected, bytes, seconds }: ImportSummary): string {
  const lines = [
    `${imported} imported, ${duplicates} already there, ${conflicts} in conflict, ${rejected.length} rejected; ` +
      `${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s.`,
  ];
  for (const { path: file, reason } of rejected) lines.push(lineOf(['', reason, file]));
  return lines.join('\n');
}

function describeStudy(row: WorklistRow): string {
  const cells = [
    row.studyDate,
    row.displayName,
    row.identifier,
    row.modalities.join('+'),
    row.description,
    `${row.instanceCount} images`,
    row.reportState,
    row.studyUid,
  ];
  return lineOf(cells);
}
