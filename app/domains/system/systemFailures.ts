/** Reasons that belong to no single domain. `internal` carries an incident id and nothing else. */
export const systemFailures = [
  'internal',
  'system.invalidInput',
  'system.disconnected',
  'system.notFound',
  'system.tooLarge',
] as const;
