/** Every reason the store can give. */
export const storageFailures = [
  'storage.newerVersion',
  'storage.databaseDamaged',
  'storage.wrongKey',
  'storage.objectMissing',
  'storage.objectDamaged',
  'storage.diskFull',
  'storage.inUse',
  'storage.backupFolderNotEmpty',
  'storage.backupDamaged',
  'storage.backupIncomplete',
  'storage.backupMediumFailing',
  'storage.homeNotEmpty',
  'storage.homeUnwritable',
] as const;
