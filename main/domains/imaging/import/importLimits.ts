/** What an import takes in at most. Everything beyond is refused with a reason, never half read. */
export const importLimits = {
  /** Bytes looked at before a file is known to be no DICOM. */
  headBytes: 64 * 1024,
  /** Longest object, bytes: it is held in memory once to be hashed and encrypted. */
  objectBytes: 2 * 1024 ** 3,
  /** Longest file a window may send in one request, bytes. */
  uploadBytes: 1024 ** 3,
  /** Longest media directory, bytes. */
  dicomdirBytes: 64 * 1024 ** 2,
  /** Zip archives inside one another. */
  zipDepth: 3,
  /** Longest archive inside an archive, bytes: it is held in memory. */
  nestedZipBytes: 512 * 1024 ** 2,
  /** Files in one archive with all the archives inside it. */
  zipEntries: 500_000,
  /** An entry longer than `zipFreeBytes` may not inflate to more than so many times its packed size. */
  zipRatio: 200,
  zipFreeBytes: 64 * 1024 ** 2,
  /** All entries of one archive together, read and unpacked, bytes, or `zipRatio` times the archive, whichever is more. */
  zipTotalBytes: 8 * 1024 ** 3,
  /** Objects a worker works on at a time, while fsyncs overlap; and their bytes. */
  parallelObjects: 8,
  parallelBytes: 64 * 1024 ** 2,
  /** Time for one file to be read, or to be examined: so much, and so much for each MiB. A worn disc needs minutes. */
  fileMs: 60_000,
  fileMsPerMib: 1000,
  /** Entries of one archive that may take too long before the archive is given up. */
  slowEntries: 8,
} as const;
