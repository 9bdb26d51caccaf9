import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import type { HostClient } from './runningHost.ts';

/** The reports of a study with their text, oldest first: `list` gives summaries. */
export async function readReports(
  { client }: Pick<HostClient, 'client'>,
  filter: { studyUid: string; state?: Report['state'] },
): Promise<Report[]> {
  const summaries = await client.reports.list(filter);
  return Promise.all(summaries.map(({ reportId }) => client.reports.get({ reportId })));
}

/** Signs a draft as a window does: its page as it prints now, looked at or not. */
export async function signAsSeen(
  { client }: Pick<HostClient, 'client'>,
  { reportId, version, patientId, studyUid }: Report,
  password: string,
): Promise<Report> {
  const { digest } = await client.reports.preview({ reportId });
  return client.reports.sign({ reportId, version, digest, patientId, studyUid, password });
}

/**
 * Waits until every signed report of a study has its DICOM objects: a signature does not wait for them.
 *
 * @throws Error when they do not come within a minute
 */
export async function awaitObjects({ client }: Pick<HostClient, 'client'>, studyUid: string): Promise<void> {
  const signed = await client.reports.list({ studyUid, state: 'signed' });
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { series } = await client.imaging.getStudy({ studyUid });
    if (series.filter(({ modality }) => modality === 'DOC').length >= signed.length) return;
    if (Date.now() > deadline) throw new Error('the objects of a signed report did not come');
    await sleep(50);
  }
}
