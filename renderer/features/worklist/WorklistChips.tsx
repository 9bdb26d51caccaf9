import { useTranslation } from 'react-i18next';
import type { OutputOf } from '../../api/contractClient.ts';
import { Chip } from '../../components/Chip.tsx';
import { useFormats } from '../../i18n/formats.ts';
import type { StateChip } from './worklistStore.ts';

export interface WorklistChipsProps {
  readonly counts: OutputOf<'worklist.counts'> | null;
  readonly chip: StateChip;
  readonly modality: string | null;
  readonly onChip: (chip: StateChip) => void;
  readonly onModality: (modality: string | null) => void;
}

const order: readonly StateChip[] = ['all', 'unread', 'drafts', 'signed', 'mine', 'conflicts'];

/** What may be asked of the list, each with how many it would show. Nothing is hidden but by a chip that is lit. */
export function WorklistChips({ counts, chip, modality, onChip, onModality }: WorklistChipsProps) {
  const { t } = useTranslation('worklist');
  const formats = useFormats();
  const modalities = counts?.modalities ?? [];
  return (
    <div className="worklist-chips" role="toolbar" aria-label={t('chips.label')}>
      {order.map((each) => (
        <Chip
          key={each}
          on={chip === each}
          tone={each === 'conflicts' && counts && counts.conflicts > 0 ? 'warning' : 'plain'}
          count={counts ? formats.number(counts[each]) : undefined}
          onClick={() => onChip(chip === each ? 'all' : each)}
        >
          {t(`chips.${each}`)}
        </Chip>
      ))}
      {modalities.length > 0 ? <span className="worklist-chips-rule" aria-hidden /> : null}
      {modalities.map((each) => (
        <Chip
          key={each.modality}
          on={modality === each.modality}
          count={formats.number(each.count)}
          onClick={() => onModality(modality === each.modality ? null : each.modality)}
        >
          {each.modality || t('chips.noModality')}
        </Chip>
      ))}
    </div>
  );
}
