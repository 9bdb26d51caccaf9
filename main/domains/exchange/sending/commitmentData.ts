import { randomUUID } from 'node:crypto';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { DatasetError } from '../../../dicom/prepareDataset.ts';
import { decodeDataset } from '../../../dicom/readDataset.ts';
import type { CommitmentAnswer, SendItem } from './sendMessages.ts';

/** Storage Commitment Push Model: the class, its one instance, and the request (PS3.4 J.3). */
export const commitment = {
  sopClassUid: '1.2.840.10008.1.20.1',
  sopInstanceUid: '1.2.840.10008.1.20.1.1',
  actionType: 1,
} as const;

/** A UUID-derived UID (PS3.5 B.2): nobody who was not told can answer it. */
export function newTransactionUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}

/** The action information of a request (PS3.4 table J.3-1). */
export function commitmentRequest(transactionUid: string, items: readonly SendItem[]): JsonDataSet {
  return {
    '00081195': { vr: 'UI', Value: [transactionUid] },
    '00081199': {
      vr: 'SQ',
      Value: items.map(({ sopClassUid, sopUid }) => ({
        '00081150': { vr: 'UI', Value: [sopClassUid] },
        '00081155': { vr: 'UI', Value: [sopUid] },
      })),
    },
  };
}

/** The event information of an answer (PS3.4 table J.3-2); null for what is none. */
export function readCommitment(information: Uint8Array, transferSyntaxUid: string): CommitmentAnswer | null {
  let dataset: JsonDataSet;
  try {
    dataset = decodeDataset(information, transferSyntaxUid);
  } catch (error) {
    if (error instanceof DatasetError) return null;
    throw error;
  }
  const transactionUid = uidIn(dataset, '00081195');
  if (transactionUid === '') return null;
  return {
    transactionUid,
    stored: itemsIn(dataset, '00081199').map((item) => uidIn(item, '00081155')),
    missing: itemsIn(dataset, '00081198').map((item) => {
      const reason = item['00081197']?.Value?.[0];
      return { sopUid: uidIn(item, '00081155'), reason: typeof reason === 'number' ? reason : null };
    }),
  };
}

export function uidIn(dataset: JsonDataSet, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  return typeof value === 'string' ? value.replace(/[\0 ]+$/, '') : '';
}

function itemsIn(dataset: JsonDataSet, tag: string): JsonDataSet[] {
  const values = dataset[tag]?.Value ?? [];
  return values.filter((value): value is JsonDataSet => typeof value === 'object' && value !== null);
}
