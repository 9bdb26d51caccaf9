/** Every reason the security domain can give. Each has a text in resources/locales/<language>/failures.json. */
export const securityFailures = [
  'security.notSignedIn',
  'security.notAllowed',
  'security.wrongPassword',
  'security.tooManyAttempts',
  'security.operatorDisabled',
  'security.operatorNameTaken',
  'security.operatorUnknown',
  'security.lastAdministrator',
  'security.wrongRecoveryKey',
  'security.alreadySetUp',
  'security.notSetUp',
  'security.sealed',
  'security.keyringDamaged',
] as const;
