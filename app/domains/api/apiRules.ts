import type { Permission } from '../security/securityRules.ts';

/** What a token may be allowed, each a thing that a person understands. */
export const tokenScopes = [
  'health',
  'metrics',
  'dicom.status',
  'studies.read',
  'studies.export',
  'studies.import',
  'reports.read',
] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** One permission each: no scope gives another's by the way, and none lets anyone write, sign, manage or administer. */
const permissionOfScope: Readonly<Record<TokenScope, Permission>> = {
  health: 'system.health',
  metrics: 'system.metrics',
  'dicom.status': 'exchange.status',
  'studies.read': 'studies.read',
  'studies.export': 'studies.export',
  'studies.import': 'studies.import',
  'reports.read': 'reports.read',
};

export function permissionsOfScopes(scopes: readonly TokenScope[]): Permission[] {
  return scopes.map((scope) => permissionOfScope[scope]);
}

/** How long a token lives unless its maker chooses otherwise, days. */
export const usualTokenDays = 365;

/** True for an address that only programs of the same machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host.trim());
}
