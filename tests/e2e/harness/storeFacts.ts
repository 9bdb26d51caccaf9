import { createHash } from 'node:crypto';
import type { Annotation, Instance, KeyImage, Series, Study } from '../../../app/domains/imaging/imagingSchema.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import type { Operator } from '../../../app/domains/security/securitySchema.ts';
import type { WorklistRow } from '../../../app/domains/worklist/worklistSchema.ts';
import type { HostClient } from './runningHost.ts';
import { readReports } from './signedReports.ts';

/** What a study is, as far as a person or a program can ask. */
export interface StudyFacts {
  readonly row: WorklistRow;
  readonly study: Study;
  readonly patient: Patient;
  readonly series: readonly Series[];
  readonly instances: Readonly<Record<string, readonly Instance[]>>;
  readonly annotations: readonly Annotation[];
  readonly keyImages: readonly KeyImage[];
  readonly reports: readonly Report[];
  /** SHA-256 of each signed PDF, by document. */
  readonly documents: Readonly<Record<string, string>>;
}

/** Every clinical fact of a store, in an order of its own, so that two stores can be compared. */
export interface StoreFacts {
  readonly operators: readonly Omit<Operator, 'lastSignInAt'>[];
  readonly patients: readonly Patient[];
  readonly studies: readonly StudyFacts[];
  readonly counts: unknown;
}

const pageSize = 500;

/** All rows of the worklist, by Study Instance UID. */
export async function listWorklist({ client }: HostClient): Promise<WorklistRow[]> {
  const all: WorklistRow[] = [];
  for (;;) {
    const { total, rows } = await client.worklist.list({
      filter: {},
      sort: { key: 'receivedAt', direction: 'ascending' },
      offset: all.length,
      limit: pageSize,
    });
    all.push(...rows);
    if (rows.length === 0 || all.length >= total) break;
  }
  return all.sort((a, b) => (a.studyUid < b.studyUid ? -1 : 1));
}

/** Reads everything there is to read. */
export async function readFacts(host: HostClient): Promise<StoreFacts> {
  const { client } = host;
  const rows = await listWorklist(host);
  const studies: StudyFacts[] = [];
  for (const row of rows) studies.push(await readStudy(host, row));
  const { rows: patients } = await client.patients.list({ limit: 500 });
  const operators = await client.security.listOperators();
  return {
    operators: operators.map(({ lastSignInAt: _seen, ...operator }) => operator),
    patients: patients.sort((a, b) => (a.patientId < b.patientId ? -1 : 1)),
    studies,
    counts: await client.worklist.counts(),
  };
}

async function readStudy(host: HostClient, row: WorklistRow): Promise<StudyFacts> {
  const { client } = host;
  const { studyUid } = row;
  const { study, patient, series } = await client.imaging.getStudy({ studyUid });
  const instances: Record<string, Instance[]> = {};
  for (const { seriesUid } of series)
    instances[seriesUid] = await client.imaging.listInstances({ studyUid, seriesUid });
  const reports = await readReports(host, { studyUid });
  const documents: Record<string, string> = {};
  for (const { documentId } of reports)
    if (documentId) documents[documentId] = sha256(await readDocument(host, documentId));
  const annotations = await client.imaging.listAnnotations({ studyUid });
  return {
    row,
    study,
    patient,
    series,
    instances,
    annotations: annotations.sort((a, b) => (a.annotationId < b.annotationId ? -1 : 1)),
    keyImages: await client.imaging.listKeyImages({ studyUid }),
    reports: reports.sort((a, b) => (a.reportId < b.reportId ? -1 : 1)),
    documents,
  };
}

/** The bytes of a signed report. @throws Error when the host does not give them */
export async function readDocument(host: HostClient, documentId: string): Promise<Uint8Array> {
  const response = await host.fetchAsset(`/documents/${documentId}`);
  if (!response.ok) throw new Error(`document ${documentId}: ${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
