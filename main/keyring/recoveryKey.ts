import { createHash } from 'node:crypto';
import { Failure } from '../../app/shared/failure.ts';

/** Crockford's base 32: no I, L, O, U; reads 0 for O and 1 for I and L. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const dataCharacters = 39;

/** Random bits a recovery key carries: 39 characters of 5 bits, 195 bits. The 40th character is the check. */
export const recoveryKeyRandomBytes = 25;

/** The check character: five bits of SHA-256 over the other 39, so that a slip of the pen is found before any waiting. */
function checkCharacter(data: string): string {
  const digest = createHash('sha256').update(`salus.recovery.v1|${data}`).digest();
  return alphabet[digest[0]! & 31]!;
}

/** Eight groups of five characters with hyphens, made from 25 random bytes. */
export function formatRecoveryKey(random: Uint8Array): string {
  if (random.length < recoveryKeyRandomBytes) throw new RangeError('a recovery key needs 25 random bytes');
  let bits = 0;
  let held = 0;
  let data = '';
  for (const byte of random) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 5 && data.length < dataCharacters) {
      held -= 5;
      data += alphabet[(bits >> held) & 31];
    }
    bits &= (1 << held) - 1;
  }
  const text = data + checkCharacter(data);
  return text.match(/.{5}/g)!.join('-');
}

/**
 * What a person typed, in its one canonical form: 40 characters without hyphens. Case, spaces, hyphens and the
 * look-alikes O, I and L are forgiven.
 *
 * @throws Failure('security.wrongRecoveryKey') when it cannot be a recovery key
 */
export function parseRecoveryKey(typed: string): string {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  const wellFormed = text.length === dataCharacters + 1 && [...text].every((character) => alphabet.includes(character));
  if (!wellFormed || checkCharacter(text.slice(0, dataCharacters)) !== text[dataCharacters]) {
    throw new Failure('security.wrongRecoveryKey', 'not a recovery key');
  }
  return text;
}
