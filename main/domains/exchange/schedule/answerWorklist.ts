import type { OwnEntry } from '../../../../app/domains/exchange/scheduleSchema.ts';
import type { AnswerFind } from '../../../dicom/dimse/dimse.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import { matchesKeys, startDaysOf, toWorklistAnswer } from './scheduleDatasets.ts';

/**
 * Answers a modality that asks for its worklist with the clinic's own entries (PS3.4 K.4). In the thread that listens;
 * `list` asks the one that reads the index.
 */
export async function* answerWorklist(
  { transferSyntaxUid, keys, signal }: Parameters<AnswerFind>[0],
  list: (days: { dateFrom: string; dateTo: string }) => Promise<readonly OwnEntry[]>,
): AsyncGenerator<Uint8Array> {
  const asked = decodeDataset(keys, transferSyntaxUid);
  // Loading what writes data sets takes 60 ms, which nobody pays who only takes objects.
  const { encodeDataset } = await import('../../../dicom/writeDataset.ts');
  for (const entry of await list(startDaysOf(asked))) {
    if (signal.aborted) return;
    if (matchesKeys(entry, asked)) yield encodeDataset(toWorklistAnswer(entry, asked), transferSyntaxUid);
  }
}
