import { openAssociation } from '../../main/dicom/dimse/openAssociation.ts';
import type { SyntheticInstance } from '../../main/domains/imaging/samples/syntheticInstances.ts';

const secondaryCaptureUid = '1.2.840.10008.5.1.4.1.1.7';
const explicitLittleEndianUid = '1.2.840.10008.1.2.1';

/** Who is sent to, and as whom. */
export interface StoreTarget {
  readonly port: number;
  readonly callingAe: string;
  readonly calledAe: string;
}

/** The data set of a file of ours: what follows the preamble, the prefix and the meta group, whose length comes first. */
function datasetOf(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  return bytes.subarray(144 + bytes.readUInt32LE(140));
}

/**
 * Sends instances one after the other over one association, each after the answer to the one before.
 *
 * @param answered hears of each that was answered with success
 * @throws Error at the first other answer
 */
export async function sendInstances(
  { port, callingAe, calledAe }: StoreTarget,
  instances: Iterable<SyntheticInstance>,
  answered: (instance: SyntheticInstance) => void,
): Promise<void> {
  const association = await openAssociation({
    host: '127.0.0.1',
    port,
    callingAe,
    calledAe,
    contexts: [{ abstractSyntax: secondaryCaptureUid, transferSyntaxes: [explicitLittleEndianUid] }],
  });
  try {
    for (const instance of instances) {
      const { status } = await association.store({
        sopClassUid: secondaryCaptureUid,
        sopInstanceUid: instance.sopInstanceUid,
        transferSyntaxUid: explicitLittleEndianUid,
        dataset: datasetOf(instance.bytes),
      });
      if (status !== 0) throw new Error(`answered ${status.toString(16)}`);
      answered(instance);
    }
  } finally {
    await association.release();
  }
}
