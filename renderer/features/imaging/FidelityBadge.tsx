import { Popover } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Fidelity } from '../../viewport/viewport.ts';

/** How true the picture is, in a word; the list of what was done to it, or is not known of it, behind it. */
export function FidelityBadge({ fidelity }: { fidelity: Fidelity }) {
  const { t } = useTranslation('imaging');
  const levels: Record<Fidelity['level'], string> = {
    lossless: t('fidelity.lossless'),
    lossy: t('fidelity.lossy'),
    repaired: t('fidelity.repaired'),
    uncalibrated: t('fidelity.uncalibrated'),
  };
  return (
    <Popover position="top-end" width={300} shadow="md" withinPortal>
      <Popover.Target>
        <button type="button" className={`reading-fidelity ${fidelity.level}`} data-testid="fidelity">
          {levels[fidelity.level]}
        </button>
      </Popover.Target>
      <Popover.Dropdown className="reading-fidelity-list">
        <h3>{levels[fidelity.level]}</h3>
        {fidelity.notes.length === 0 ? <p>{t('fidelity.nothing')}</p> : null}
        <ul>
          {fidelity.notes.map((note) => (
            <li key={note.key}>{t(`fidelity.note.${note.key}`, { detail: note.detail })}</li>
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
}
