/** UIDs that the protocol itself needs (PS3.6 annex A). */

/** Verification SOP class, for C-ECHO (PS3.4 A.4). */
export const verificationClassUid = '1.2.840.10008.1.1';
/** Storage Commitment Push Model (PS3.4 J.3.5). */
export const storageCommitmentClassUid = '1.2.840.10008.1.20.1';
export const implicitLittleEndianUid = '1.2.840.10008.1.2';
