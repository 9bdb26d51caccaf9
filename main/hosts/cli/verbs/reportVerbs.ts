import { open } from 'node:fs/promises';
import type { Report, ReportSummary } from '../../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { resolveGiven } from '../../givenPath.ts';
import { UsageProblem } from '../../usageProblem.ts';

import { exitCodes } from '../exitCodes.ts';
import type { Verb, VerbContext } from './verb.ts';

const kinds: Readonly<Record<string, { names: readonly string[]; optional: number; run: Verb['run'] }>> = {
  list: { names: ['STUDY'], optional: 1, run: list },
  show: { names: ['REPORT'], optional: 0, run: show },
  sign: { names: ['REPORT'], optional: 0, run: sign },
  export: { names: ['REPORT', 'FILE'], optional: 1, run: exportPdf },
};

export const report: Verb = {
  check({ rest: [kind = '', ...rest] }) {
    const found = kinds[kind];
    if (!found) throw new UsageProblem('salus report takes: list, show, sign or export.');
    const { names, optional } = found;
    if (rest.length > names.length || rest.length < names.length - optional) {
      throw new UsageProblem(`salus report ${kind} takes: ${names.join(' ')}.`);
    }
  },
  needsSession: () => true,
  run(context) {
    const { run } = kinds[context.given.rest[0] ?? ''] ?? {};
    if (!run) throw new UsageProblem('salus report takes: list, show, sign or export.');
    return run(context);
  },
};

async function list({ given, access, terminal }: VerbContext) {
  const studyUid = given.rest[1];
  const reports = await access.client.reports.list({ ...(studyUid === undefined ? {} : { studyUid }), limit: 1000 });
  terminal.print(reports, reports.map(describeReport).join('\n'));
  return exitCodes.done;
}

async function show({ given, access, terminal }: VerbContext) {
  const found = await access.client.reports.get({ reportId: given.rest[1] ?? '' });
  terminal.print(found, [describeReport(found), ...found.sections.map(describeSection)].join('\n'));
  return exitCodes.done;
}

/** Renders the report as it is at this moment and signs exactly that page, after the checks that the window makes. */
async function sign({ given, access, terminal, password }: VerbContext) {
  const reportId = given.rest[1] ?? '';
  const { patientId, studyUid } = await access.client.reports.get({ reportId });
  const { version, digest } = await access.client.reports.preview({ reportId });
  const signed = await access.client.reports.sign({ reportId, version, digest, patientId, studyUid, password });
  terminal.print(signed, describeReport(signed));
  return exitCodes.done;
}

async function exportPdf({ given, access, terminal }: VerbContext) {
  const [, reportId = '', file = `report-${reportId}.pdf`] = given.rest;
  const { documentId } = await access.client.reports.get({ reportId });
  if (documentId === null) throw new Failure('reports.notSigned', 'Only a signed report has a PDF.');
  const response = await access.fetchAsset(`/documents/${documentId}`);
  const content = new Uint8Array(await response.arrayBuffer());
  const target = resolveGiven(file);
  const handle = await createFile(target);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  terminal.print(
    { reportId, documentId, file: target, bytes: content.byteLength },
    `The PDF was written to ${target}.`,
  );
  return exitCodes.done;
}

/** Never over a file that is there, and readable by the person alone. */
async function createFile(target: string) {
  try {
    return await open(target, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new UsageProblem('That file exists already.');
    throw error;
  }
}

function describeReport({ reportId, state, version, language, studyUid }: ReportSummary): string {
  return [reportId, state, `version ${version}`, language, studyUid].join('  ');
}

function describeSection({ title, paragraphs }: Report['sections'][number]): string {
  const lines = paragraphs.map(({ list, content }) => `${list ? '- ' : ''}${content.map(({ text }) => text).join('')}`);
  return `\n${title}\n${lines.join('\n')}`;
}
