import type { ContextWish } from '../../../dicom/dimse/dimse.ts';
import type { ObjectKindCount } from './sendMessages.ts';

export const explicitLittleEndian = '1.2.840.10008.1.2.1';
export const implicitLittleEndian = '1.2.840.10008.1.2';
/** What everything can be decoded to. Implicit VR little endian every peer must take (PS3.5 section 10.1). */
export const nativeSyntaxes: readonly string[] = [explicitLittleEndian, implicitLittleEndian];

/** PS3.8 9.3.2.2: presentation context ids are the odd numbers up to 255. */
const mostContexts = 128;

/** The contexts of one association, and the kinds of object that go over it. */
export interface PlannedAssociation {
  readonly contexts: readonly ContextWish[];
  readonly sopClassUids: ReadonlySet<string>;
}

/**
 * Presentation contexts for what is to be sent: one for each kind of object in the coding it has, so that the peer says
 * of each whether it takes it, and where transcoding is allowed one more for the class with the two codings that
 * everything can be decoded to. More than an association carries is spread over several; a class is never split.
 *
 * @param others contexts that every association has: for the echo, the commitment, the reading back
 */
export function planAssociations(
  kinds: readonly ObjectKindCount[],
  mayTranscode: boolean,
  others: readonly ContextWish[],
): PlannedAssociation[] {
  const syntaxesOf = new Map<string, string[]>();
  for (const { sopClassUid, transferSyntaxUid } of kinds) {
    const syntaxes = syntaxesOf.get(sopClassUid) ?? [];
    if (!syntaxes.includes(transferSyntaxUid)) syntaxes.push(transferSyntaxUid);
    syntaxesOf.set(sopClassUid, syntaxes);
  }
  const plans: { contexts: ContextWish[]; sopClassUids: Set<string> }[] = [];
  for (const [sopClassUid, syntaxes] of syntaxesOf) {
    const wanted: ContextWish[] = syntaxes.map((syntax) => ({
      abstractSyntax: sopClassUid,
      transferSyntaxes: [syntax],
    }));
    const natives = nativeSyntaxes.filter((syntax) => !syntaxes.includes(syntax));
    if (mayTranscode && natives.length > 0) wanted.push({ abstractSyntax: sopClassUid, transferSyntaxes: natives });
    let plan = plans.at(-1);
    if (!plan || plan.contexts.length + wanted.length > mostContexts) {
      plan = { contexts: [...others], sopClassUids: new Set() };
      plans.push(plan);
    }
    plan.contexts.push(...wanted);
    plan.sopClassUids.add(sopClassUid);
  }
  return plans.length > 0 ? plans : [{ contexts: others, sopClassUids: new Set() }];
}
