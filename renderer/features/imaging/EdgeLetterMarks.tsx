import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { DirectionLetter, EdgeLetters } from '../../../app/domains/imaging/orientationRules.ts';

/** The patient's directions at the edges, in the language's letters. Absent where they are not known. */
export const EdgeLetterMarks = memo(EdgeMarks, (before, after) => textOf(before.letters) === textOf(after.letters));

const textOf = ({ top, right, bottom, left }: EdgeLetters) =>
  [top, right, bottom, left].map((edge) => edge.join('')).join();

function EdgeMarks({ letters }: { letters: EdgeLetters }) {
  const { t } = useTranslation('imaging');
  const names: Record<DirectionLetter, string> = {
    L: t('direction.L'),
    R: t('direction.R'),
    A: t('direction.A'),
    P: t('direction.P'),
    H: t('direction.H'),
    F: t('direction.F'),
  };
  const text = (edge: readonly DirectionLetter[]) => edge.map((letter) => names[letter]).join('');
  return (
    <>
      <span className="reading-edge at-top">{text(letters.top)}</span>
      <span className="reading-edge at-right">{text(letters.right)}</span>
      <span className="reading-edge at-bottom">{text(letters.bottom)}</span>
      <span className="reading-edge at-left">{text(letters.left)}</span>
    </>
  );
}
