/**
 * The one way a Salus procedure says "no": a code a program can act on and a person can look up.
 *
 * `code` is `domain.reason` and is listed in that domain's `<domain>Failures.ts`; the text a person reads lives in
 * `resources/locales/<language>/failures.json` under the same code and says what to do next. `message` is for the
 * log and must never hold patient data; neither may `details`.
 */
export class Failure extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  readonly incidentId: string | undefined;

  constructor(
    code: string,
    message: string,
    details: Readonly<Record<string, string | number | boolean>> = {},
    incidentId?: string,
  ) {
    super(message);
    this.name = 'Failure';
    this.code = code;
    this.details = details;
    this.incidentId = incidentId;
  }
}
