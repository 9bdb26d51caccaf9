import { join } from 'node:path';

/** Where each part of a store lies in its folder. */
export function storePaths(home: string) {
  return {
    database: join(home, 'salus.db'),
    /** A database under construction by `setUp`; becomes `salus.db` by rename, which is the moment a store exists. */
    databaseInSetUp: join(home, 'salus.db.setup'),
    archive: join(home, 'archive'),
    auditHead: join(home, 'audit-head.json'),
    signInState: join(home, 'sign-in.json'),
    beforeMigration: join(home, 'before-migration'),
    /** An index under construction; no part of the store. */
    rebuild: join(home, 'rebuild'),
    /** The index that the last rebuild replaced. */
    beforeRebuild: join(home, 'before-rebuild'),
    /** Databases that could not be read and were put aside. Never removed. */
    damaged: join(home, 'damaged'),
    /** Says that this folder came from a backup, until the audit has an entry for it. */
    restored: join(home, 'restored.json'),
  };
}
export type StorePaths = ReturnType<typeof storePaths>;
