/** Every reason the access for other programs can give. */
export const apiFailures = [
  'api.tlsNeeded',
  'api.tlsMissing',
  'api.certificateMissing',
  'api.certificateUnusable',
  'api.addressNotOurs',
  'api.portForbidden',
  'api.tokenUnknown',
  'api.tokenNameTaken',
  'api.expiryPast',
  'api.scopeMissing',
  'api.tooManyRequests',
  'api.wrongHost',
  'api.pageRefused',
  'api.methodNotAllowed',
  'api.notAcceptable',
  'api.addressTooLong',
] as const;
