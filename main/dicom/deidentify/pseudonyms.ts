import { createHmac } from 'node:crypto';

/** Names under which a store's people and objects leave it. */
export interface Pseudonyms {
  /** Another UID for one of ours, always the same (PS3.5 B.2: 2.25. and a number of 128 bits). */
  uidOf(uid: string): string;
  /** Patient's name and ID, always the same for one patient: 16 letters and digits, 80 bits. */
  patientOf(patientId: string): string;
}

/** Crockford's letters and digits: none that looks like another. */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Pseudonyms that follow from a secret of the store: with the secret the same study sent twice has the same UIDs, without
 * it nobody can tell which UID or person they stand for, nor test a guess.
 *
 * @param secret of the store, 32 bytes; the use is kept apart from its others by a label
 */
export function openPseudonyms(secret: Uint8Array): Pseudonyms {
  const key = createHmac('sha256', secret).update('salus deidentification v1').digest();
  const digest = (kind: string, value: string): Buffer =>
    createHmac('sha256', key).update(`${kind}\0`).update(value, 'utf8').digest();
  return {
    uidOf: (uid) => `2.25.${BigInt(`0x${digest('uid', uid).subarray(0, 16).toString('hex')}`)}`,
    patientOf(patientId) {
      const bytes = digest('patient', patientId);
      return Array.from({ length: 16 }, (_, index) => letters[(bytes[index] ?? 0) % letters.length]).join('');
    },
  };
}
