import { Menu } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { IconChevronDown } from '@tabler/icons-react';
import { useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { OutputOf } from '../../api/contractClient.ts';
import { Chip } from '../../components/Chip.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { fittingCount } from './fittingCount.ts';
import type { StateChip } from './worklistStore.ts';

export interface WorklistChipsProps {
  readonly counts: OutputOf<'worklist.counts'> | null;
  readonly chip: StateChip;
  readonly modality: string | null;
  readonly onChip: (chip: StateChip) => void;
  readonly onModality: (modality: string | null) => void;
}

const order: readonly StateChip[] = ['all', 'unread', 'drafts', 'signed', 'mine', 'conflicts'];
/** Between two chips, CSS px (worklist.css). */
const gapPx = 6;
/** The chip behind which the rest waits, at its widest, CSS px. */
const restPx = 124;

/**
 * What may be asked of the list, each with how many it would show. Nothing is hidden but by a chip that is lit. One
 * line: the modalities that do not fit wait behind the last chip, and the one that is lit is named on it.
 */
export function WorklistChips({ counts, chip, modality, onChip, onModality }: WorklistChipsProps) {
  const { t, i18n } = useTranslation('worklist');
  const formats = useFormats();
  const modalities = counts?.modalities ?? [];
  const bar = useRef<HTMLDivElement>(null);
  const { ref: sizeRef, width } = useElementSize();
  const [fitted, setFitted] = useState({ question: '', count: 0 });
  // Everything a width depends on; another question is measured with every chip on the page, before it is painted.
  const question = JSON.stringify([width, i18n.language, counts]);
  const isMeasured = fitted.question === question;
  useLayoutEffect(() => {
    if (isMeasured || !bar.current) return;
    const widths = Array.from(bar.current.children, (child) => child.getBoundingClientRect().width);
    const fixed = widths.length - modalities.length;
    const count = fittingCount(widths, fixed, bar.current.clientWidth, gapPx, restPx);
    setFitted({ question, count });
  }, [isMeasured, question, modalities.length]);
  const shown = isMeasured ? modalities.slice(0, fitted.count) : modalities;
  const rest = modalities.slice(shown.length);
  const litInRest = rest.find((each) => each.modality === modality);
  const nameOf = (each: string): string => each || t('chips.noModality');
  const choose = (each: string): void => onModality(modality === each ? null : each);
  return (
    <div className="worklist-chips-place" ref={sizeRef}>
      <div className="worklist-chips" role="toolbar" aria-label={t('chips.label')} ref={bar}>
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
        {shown.map((each) => (
          <Chip
            key={each.modality}
            on={modality === each.modality}
            count={formats.number(each.count)}
            onClick={() => choose(each.modality)}
          >
            {nameOf(each.modality)}
          </Chip>
        ))}
        {rest.length > 0 ? (
          <Menu position="bottom-end" shadow="none" withinPortal>
            <Menu.Target>
              <button type="button" className={litInRest ? 'chip on' : 'chip'}>
                {litInRest ? nameOf(litInRest.modality) : t('chips.more', { count: rest.length })}
                {litInRest ? <span>{formats.number(litInRest.count)}</span> : null}
                <IconChevronDown size={13} stroke={1.8} aria-hidden />
              </button>
            </Menu.Target>
            <Menu.Dropdown className="worklist-chips-rest">
              {rest.map((each) => (
                <Menu.Item
                  key={each.modality}
                  data-on={each.modality === modality || undefined}
                  aria-current={each.modality === modality || undefined}
                  rightSection={<span className="label">{formats.number(each.count)}</span>}
                  onClick={() => choose(each.modality)}
                >
                  {nameOf(each.modality)}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        ) : null}
      </div>
    </div>
  );
}
