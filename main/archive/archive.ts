/** dicom: a received object, bit for bit. statement: one clinical fact as JSON (annotation, key image, report, link). document: a signed PDF. */
export type ObjectKind = 'dicom' | 'statement' | 'document';

export interface StoredObject {
  /** HMAC-SHA-256 of kind and content under the archive's name key, lower-case hex: content-addressed, but no one can confirm a known file by its hash. */
  readonly name: string;
  readonly kind: ObjectKind;
  /** Length of the plain content. */
  readonly bytes: number;
}

/**
 * The encrypted, content-addressed file store. An object is on the disk, fsynced with its folder, before `put` returns;
 * the row that names it is committed after that. An object is never overwritten, unless its
 * file no longer authenticates: the same content, put again, is then written anew.
 */
export interface Archive {
  put(kind: ObjectKind, content: Uint8Array): Promise<StoredObject>;
  /** The plain content. @throws Failure('storage.objectMissing' | 'storage.objectDamaged') */
  get(name: string): Promise<Uint8Array>;
  /** Part of the plain content, without decrypting the rest of a chunked object. */
  getRange(name: string, start: number, end: number): Promise<Uint8Array>;
  /** What a worker thread needs to put and get by itself (`openArchive` in the worker). Key material: pass by workerData only, never log. */
  readonly access: ArchiveAccess;
}

export interface ArchiveAccess {
  readonly directory: string;
  readonly keyEncryptionKey: Uint8Array;
  readonly nameKey: Uint8Array;
  readonly keyId: string;
}
