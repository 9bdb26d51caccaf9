const statusOfCode: Readonly<Record<string, number>> = {
  internal: 500,
  'security.notSignedIn': 401,
  'security.notAllowed': 403,
  'security.sealed': 409,
  'security.notSetUp': 409,
  'system.invalidInput': 400,
  'system.notFound': 404,
  'system.tooLarge': 413,
  'imaging.tooLarge': 413,
  'storage.diskFull': 507,
  'imaging.diskFull': 507,
  'api.scopeMissing': 403,
  'api.pageRefused': 403,
  'api.methodNotAllowed': 405,
  'api.notAcceptable': 406,
  'api.addressTooLong': 414,
  'api.wrongHost': 421,
  'api.tooManyRequests': 429,
};

/** The HTTP status a failure is answered with: what names something that is not there is 404, the rest 422. */
export function statusOf(code: string): number {
  return statusOfCode[code] ?? (/unknown$/i.test(code) ? 404 : 422);
}
