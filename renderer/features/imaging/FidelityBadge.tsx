import { Popover } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Fidelity } from '../../viewport/viewport.ts';

/** How true the picture is, in a word; the list of what was done to it, or is not known of it, behind it. */
export const FidelityBadge = memo(FidelityPopover, (before, after) => isSame(before.fidelity, after.fidelity));

/** Slices of a stack are mostly equally true: scrolling leaves the badge alone. */
function isSame(one: Fidelity, other: Fidelity): boolean {
  return (
    one.levels.join() === other.levels.join() &&
    one.notes.length === other.notes.length &&
    one.notes.every(
      ({ key, detail }, index) => key === other.notes[index]?.key && detail === other.notes[index]?.detail,
    )
  );
}

function FidelityPopover({ fidelity }: { fidelity: Fidelity }) {
  const { t } = useTranslation('imaging');
  const words: Record<Fidelity['levels'][number], string> = {
    lossless: t('fidelity.lossless'),
    lossy: t('fidelity.lossy'),
    repaired: t('fidelity.repaired'),
    uncalibrated: t('fidelity.uncalibrated'),
  };
  const said = fidelity.levels.map((level) => words[level]).join(' · ');
  return (
    <Popover position="top-end" width={300} shadow="md" withinPortal>
      <Popover.Target>
        <button type="button" className={`reading-fidelity ${fidelity.levels[0] ?? 'lossless'}`} data-testid="fidelity">
          {said}
        </button>
      </Popover.Target>
      <Popover.Dropdown className="reading-fidelity-list">
        <h3>{said}</h3>
        {fidelity.notes.length === 0 ? <p>{t('fidelity.nothing')}</p> : null}
        <ul>
          {fidelity.notes.map((note) => (
            <li key={`${note.key} ${note.detail}`}>{t(`fidelity.note.${note.key}`, { detail: note.detail })}</li>
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
}
