/** The one permission table. A role is a row, a permission a column; nothing else in Salus decides who may do what. */
export const roles = ['administrator', 'radiologist', 'physician', 'pharmacist', 'technician', 'viewer'] as const;
export type Role = (typeof roles)[number];

export const permissions = [
  'patients.read',
  'patients.link',
  'conflicts.settle',
  'studies.read',
  'studies.import',
  'studies.export',
  'annotations.write',
  'worklist.assign',
  'reports.read',
  'reports.write',
  'reports.sign',
  'operators.manage',
  'audit.read',
  'settings.manage',
  'storage.manage',
  'exchange.manage',
  'exchange.search',
  'exchange.send',
  'exchange.status',
  'system.health',
  'system.metrics',
  'api.manage',
] as const;
export type Permission = (typeof permissions)[number];

const reading: readonly Permission[] = ['patients.read', 'studies.read', 'reports.read'];

const table: Readonly<Record<Role, readonly Permission[]>> = {
  administrator: [
    ...reading,
    'patients.link',
    'conflicts.settle',
    'studies.import',
    'studies.export',
    'worklist.assign',
    'operators.manage',
    'audit.read',
    'settings.manage',
    'storage.manage',
    'exchange.manage',
    'exchange.search',
    'exchange.send',
    'exchange.status',
    'system.health',
    'system.metrics',
    'api.manage',
  ],
  radiologist: [
    ...reading,
    'patients.link',
    'conflicts.settle',
    'studies.import',
    'studies.export',
    'annotations.write',
    'worklist.assign',
    'reports.write',
    'reports.sign',
    'exchange.search',
    'exchange.send',
  ],
  physician: [...reading, 'studies.import', 'annotations.write', 'reports.write', 'exchange.search'],
  pharmacist: ['patients.read', 'reports.read'],
  technician: [
    'patients.read',
    'studies.read',
    'studies.import',
    'studies.export',
    'worklist.assign',
    'patients.link',
    'exchange.search',
    'exchange.send',
  ],
  viewer: reading,
};

/** True when any of the operator's roles grants the permission. An operator may hold several roles. */
export function isAllowed(held: readonly Role[], permission: Permission): boolean {
  return held.some((role) => table[role].includes(permission));
}

/** Shortest password accepted for an operator, in characters (NIST SP 800-63B asks for at least 8; we ask for more because the password wraps the data key). */
export const minimumPasswordLength = 10;

/**
 * The wait before another attempt after `failures` wrong passwords in a row: none for the first two, then doubling
 * from 1 s up to 5 minutes, in milliseconds.
 */
export function signInDelayMs(failures: number): number {
  if (failures < 3) return 0;
  return Math.min(1000 * 2 ** (failures - 3), 300_000);
}
