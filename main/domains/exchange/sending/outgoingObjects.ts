import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deidentificationSchema } from '../../../../app/domains/imaging/deidentificationSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import type { ThreadArchive } from '../../../archive/openArchive.ts';
import { type Confidentiality, openConfidentiality } from '../../../dicom/deidentify/confidentiality.ts';
import {
  type DeidentifiedDataset,
  deidentifyDataset,
  longestDeidentified,
} from '../../../dicom/deidentify/deidentifyDataset.ts';
import { NotDeidentifiable, type NotDeidentifiableReason } from '../../../dicom/deidentify/notDeidentifiable.ts';
import { openPseudonyms, type Pseudonyms } from '../../../dicom/deidentify/pseudonyms.ts';
import { datasetStart, fromBytes, type ReadyObject, readStored } from './objectSource.ts';
import type { SenderPorts } from './senderPorts.ts';
import type { AttemptOrder, SendItem } from './sendMessages.ts';

/** The objects of one attempt as they leave: the only way in which a sending thread comes by their bytes. */
export interface OutgoingObjects {
  /** @throws Failure('storage.objectMissing' | 'storage.objectDamaged' | 'exchange.notDeidentifiable') */
  read(item: SendItem): ReadyObject;
  /** Without its compression; null where it can't be decoded without loss. @throws as `read` */
  native(item: SendItem, transferSyntaxUid: string): Promise<ReadyObject | null>;
  /** Why an instance can't leave without the person. */
  reasonOf(position: number): NotDeidentifiableReason | null;
}

interface Parts {
  readonly archive: ThreadArchive;
  readonly resourcesDirectory: string;
  readonly ask: SenderPorts['ask'];
}

let known: Confidentiality | null = null;

/** The table is read when the first such delivery goes. Without it nothing of the delivery does. */
function knowledgeOf(resourcesDirectory: string): Confidentiality {
  const file = join(resourcesDirectory, 'knowledge', 'deidentification.json');
  known ??= openConfidentiality(deidentificationSchema.parse(JSON.parse(readFileSync(file, 'utf8'))));
  return known;
}

/** The person is removed where the order says so; an instance that is not of such an order, or of another, is not read. */
export function openOutgoing({ archive, resourcesDirectory, ask }: Parts, order: AttemptOrder): OutgoingObjects {
  const { identity } = order;
  const askNative = ({ objectName }: SendItem, transferSyntaxUid: string) =>
    ask<'native'>({ kind: 'native', objectName, transferSyntaxUid });
  if (identity.kind === 'kept') {
    const asked = (item: SendItem): SendItem => {
      if (item.storedUid !== null) throw notAsAsked();
      return item;
    };
    return {
      read: (item) => readStored(archive, asked(item)),
      async native(item, transferSyntaxUid) {
        const native = await askNative(asked(item), transferSyntaxUid);
        return native ? fromBytes(native, transferSyntaxUid) : null;
      },
      reasonOf: () => null,
    };
  }
  const confidentiality = knowledgeOf(resourcesDirectory);
  const pseudonyms = openPseudonyms(archive.access.nameKey);
  const reasons = new Map<number, NotDeidentifiableReason>();
  function withoutPerson(item: SendItem, dataset: () => Uint8Array, transferSyntaxUid: string): ReadyObject {
    if (item.storedUid === null) throw notAsAsked();
    try {
      if (item.bytes > longestDeidentified) throw new NotDeidentifiable('tooLong');
      const how = { confidentiality, pseudonyms, patientId: identity.kind === 'removed' ? identity.patientId : '' };
      const made = deidentifyDataset(dataset(), transferSyntaxUid, how);
      if (!isAsAsked(made, item, order, pseudonyms)) throw new NotDeidentifiable('other');
      return fromPieces(made, transferSyntaxUid);
    } catch (error) {
      if (error instanceof Failure) throw error;
      // Whatever an odd object did to the engine: it stays here, and the others go.
      const reason = error instanceof NotDeidentifiable ? error.reason : 'damaged';
      reasons.set(item.position, reason);
      throw new Failure('exchange.notDeidentifiable', 'an object does not leave without the person', { reason });
    }
  }
  return {
    read(item) {
      const dataset = () => {
        const whole = archive.getSync(item.objectName);
        return whole.subarray(datasetStart(whole));
      };
      return withoutPerson(item, dataset, item.transferSyntaxUid);
    },
    async native(item, transferSyntaxUid) {
      const native = await askNative(item, transferSyntaxUid);
      return native ? withoutPerson(item, () => native, transferSyntaxUid) : null;
    },
    reasonOf: (position) => reasons.get(position) ?? null,
  };
}

function notAsAsked(): Failure {
  return new Failure('jobs.failed', 'an instance does not belong to an attempt of this kind');
}

/** Under the UIDs that were promised for it, and none that it has here. */
function isAsAsked(made: DeidentifiedDataset, item: SendItem, order: AttemptOrder, { uidOf }: Pseudonyms): boolean {
  return (
    made.sopInstanceUid === item.sopUid &&
    made.sopInstanceUid === uidOf(item.storedUid ?? '') &&
    made.seriesInstanceUid === item.seriesUid &&
    made.studyInstanceUid === order.studyUid &&
    made.sopClassUid === item.sopClassUid
  );
}

function fromPieces({ pieces, byteLength }: DeidentifiedDataset, transferSyntaxUid: string): ReadyObject {
  return {
    transferSyntaxUid,
    byteLength,
    async *open() {
      yield* grouped(pieces);
    },
  };
}

const groupedBytes = 64 * 1024;

/** A head of eight bytes is no packet of its own. */
function* grouped(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (bytes + piece.length > groupedBytes && bytes > 0) {
      yield Buffer.concat(small);
      small = [];
      bytes = 0;
    }
    if (piece.length >= groupedBytes) yield piece;
    else {
      small.push(piece);
      bytes += piece.length;
    }
  }
  if (bytes > 0) yield Buffer.concat(small);
}
