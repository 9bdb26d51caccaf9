import type { imagingFailures } from '../../../../app/domains/imaging/imagingFailures.ts';
import { Failure } from '../../../../app/shared/failure.ts';

type PixelFailureCode = (typeof imagingFailures)[number];

type Details = Readonly<Record<string, string | number | boolean>>;

/** Builds the Failure for pixels that can't be read; `message` and `details` never hold a value from the file's text. */
export function pixelFailure(code: PixelFailureCode, message: string, details?: Details): Failure {
  return new Failure(code, message, details);
}
