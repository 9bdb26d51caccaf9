import type * as z from 'zod';
import type { TokenScope } from '../../../../app/domains/api/apiRules.ts';
import {
  bareHealthSchema,
  dicomStatusSchema,
  healthSchema,
  restReportListSchema,
  restReportSchema,
  restStudyDetailSchema,
  restStudyPageSchema,
  studySearchSchema,
} from '../../../../app/domains/api/restSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { AuditSubject } from '../../../database/writeGate.ts';
import type { Services } from '../../../domainServices.ts';
import type { CoreClient } from '../../../kernel/channelClient.ts';
import { plainSections, restReportSummary, restStudy, restStudyRow } from './restShapes.ts';

/** What a route works with: the contract as the token may call it. */
export interface RouteCall {
  readonly client: CoreClient;
  readonly services: Services;
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  /** Bytes, by the asset address they have for a window too. */
  asset(address: string): Promise<Response>;
  /** That this was looked at, where the contract's own procedure does not say it. */
  note(action: string, subject?: AuditSubject): void;
}

export interface RestRoute {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Null: any token. */
  readonly scope: TokenScope | null;
  readonly query?: z.ZodObject;
  readonly mediaType: string;
  /** Each such request leaves an entry in the audit. */
  readonly isAudited?: true;
  /** What the answer is, where it is JSON. */
  readonly answer?: z.ZodType;
  /** What whoever has no token gets, where that is something. */
  readonly bareAnswer?: z.ZodType;
  run(call: RouteCall): Promise<Response>;
}

export const metricsMediaType = 'text/plain; version=0.0.4; charset=utf-8';
const json = 'application/json';

/** Only what the document says leaves: an answer that is another is a fault of ours, not the caller's surprise. */
function reply<Shape extends z.ZodType>(shape: Shape, body: z.input<Shape>, status = 200): Response {
  return Response.json(shape.parse(body), { status });
}

export const restRoutes: readonly RestRoute[] = [
  {
    path: '/api/v1/health',
    operationId: 'getHealth',
    summary: 'Whether the archive works. 503 when it does not; without a token only the status.',
    scope: 'health',
    mediaType: json,
    answer: healthSchema,
    bareAnswer: bareHealthSchema,
    async run({ client, signal }) {
      const health = await client.api.health(undefined, { signal });
      return reply(healthSchema, health, health.status === 'ok' ? 200 : 503);
    },
  },
  {
    path: '/api/v1/dicom/status',
    operationId: 'getDicomStatus',
    summary: 'The receiver, the other systems that are known, and what waits for them.',
    scope: 'dicom.status',
    mediaType: json,
    answer: dicomStatusSchema,
    run: async ({ client, signal }) => reply(dicomStatusSchema, await client.api.dicomStatus(undefined, { signal })),
  },
  {
    path: '/api/v1/studies',
    operationId: 'searchStudies',
    summary: 'Studies, newest first, in pages of at most 100.',
    scope: 'studies.read',
    query: studySearchSchema,
    mediaType: json,
    answer: restStudyPageSchema,
    async run({ client, query, signal, note }) {
      const asked = readQuery(studySearchSchema, query);
      const { text, modality, reportState, dateFrom, dateTo, patientId, offset, limit } = asked;
      const { total, rows } = await client.worklist.list(
        {
          filter: {
            text,
            modalities: modality === undefined ? [] : [modality],
            reportStates: reportState === undefined ? [] : [reportState],
            dateFrom,
            dateTo,
            assignedTo: null,
            patientId: patientId ?? null,
            conflictsOnly: false,
          },
          sort: { key: 'studyDate', direction: 'descending' },
          offset,
          limit,
        },
        { signal },
      );
      note('api.search');
      return reply(restStudyPageSchema, { total, offset, limit, studies: rows.map(restStudyRow) });
    },
  },
  {
    path: '/api/v1/studies/{studyUid}',
    operationId: 'getStudy',
    summary: 'A study and its series. One whose instances name two people is refused.',
    scope: 'studies.read',
    mediaType: json,
    isAudited: true,
    answer: restStudyDetailSchema,
    async run({ client, path, signal }) {
      const { study, patient, series, priors } = await client.imaging.openStudy(
        { studyUid: path['studyUid'] ?? '' },
        { signal },
      );
      return reply(restStudyDetailSchema, {
        ...restStudy(study, patient),
        series,
        priorStudyUids: priors.map(({ studyUid }) => studyUid),
      });
    },
  },
  {
    path: '/api/v1/studies/{studyUid}/reports',
    operationId: 'listReportsOfStudy',
    summary: 'The signed reports of a study; never a draft.',
    scope: 'reports.read',
    mediaType: json,
    answer: restReportListSchema,
    async run({ client, path, signal, note }) {
      const studyUid = path['studyUid'] ?? '';
      const found = await client.reports.list({ studyUid, state: 'signed' }, { signal });
      note('api.listReports', { type: 'study', id: studyUid });
      const reports = found.map(restReportSummary).filter((report) => report !== null);
      return reply(restReportListSchema, { reports });
    },
  },
  {
    path: '/api/v1/reports/{reportId}',
    operationId: 'getReport',
    summary: 'The words of a signed report.',
    scope: 'reports.read',
    mediaType: json,
    isAudited: true,
    answer: restReportSchema,
    async run({ client, services, path, signal }) {
      const reportId = path['reportId'] ?? '';
      requireSigned(services, reportId);
      const report = await client.reports.get({ reportId }, { signal });
      const summary = restReportSummary(report);
      if (summary === null) throw new Failure('reports.unknown', 'no such signed report');
      return reply(restReportSchema, { ...summary, sections: plainSections(report) });
    },
  },
  {
    path: '/api/v1/reports/{reportId}/pdf',
    operationId: 'getReportPdf',
    summary: 'The document that was signed.',
    scope: 'reports.read',
    mediaType: 'application/pdf',
    isAudited: true,
    run: ({ services, path, asset }) => asset(`/documents/${requireSigned(services, path['reportId'] ?? '')}`),
  },
  {
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Figures for Prometheus, text format 0.0.4.',
    scope: 'metrics',
    mediaType: metricsMediaType,
    run: async ({ client, signal }) =>
      new Response(await client.api.metrics(undefined, { signal }), { headers: { 'content-type': metricsMediaType } }),
  },
];

/** Before anything is audited as read. @returns its document @throws Failure('reports.unknown') also for a draft */
function requireSigned(services: Services, reportId: string): string {
  const { state, documentId } = services.reports.get(reportId);
  if (state !== 'signed' || documentId === null) throw new Failure('reports.unknown', 'no such signed report');
  return documentId;
}

/** @throws Failure('system.invalidInput') naming the parameter, never its value */
function readQuery<Shape extends z.ZodObject>(shape: Shape, query: URLSearchParams): z.output<Shape> {
  const names = [...query.keys()];
  const parsed = shape.safeParse(Object.fromEntries(query));
  if (parsed.success && new Set(names).size === names.length) return parsed.data;
  const field = parsed.error?.issues[0]?.path[0];
  const details: Record<string, string> = typeof field === 'string' && field in shape.shape ? { field } : {};
  throw new Failure('system.invalidInput', 'the query is not understood', details);
}
