import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useKeys } from '../../components/keys.ts';

/** A rule as a line of the list has it. */
export interface ShownRule {
  readonly ruleId: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly sentence: string;
  /** What it has done so far. */
  readonly done: string;
  /** Why it does not do what it should; null while it does. */
  readonly trouble: string | null;
}

interface RuleListProps {
  readonly label: string;
  readonly rules: readonly ShownRule[];
  readonly chosenId: string | null;
  readonly onChoose: (ruleId: string) => void;
  /** Null: this operator only reads. */
  readonly onEdit: ((ruleId: string) => void) | null;
  readonly onToggle: ((ruleId: string) => void) | null;
  /** The switch of this rule is being saved. */
  readonly busyId: string | null;
  /** A table below takes the arrows, except while a line here has the focus. */
  readonly isBesideTable: boolean;
}

/** Rules, each as its sentence. */
export function RuleList(props: RuleListProps) {
  const { label, rules, chosenId, onChoose, onEdit, onToggle, busyId, isBesideTable } = props;
  const { t } = useTranslation('rules');
  const list = useRef<HTMLUListElement>(null);
  const at = rules.findIndex((rule) => rule.ruleId === chosenId);
  const move = (by: 1 | -1): void => {
    const next = rules[at === -1 ? 0 : Math.min(rules.length - 1, Math.max(0, at + by))];
    if (!next) return;
    onChoose(next.ruleId);
    list.current?.querySelector<HTMLElement>(`[data-rule="${next.ruleId}"]`)?.focus();
  };
  const group = t('exchange:places.rules');
  const hasArrows = !isBesideTable && rules.length > 0;
  const isChosen = at !== -1;
  useKeys([
    {
      id: 'rules.up',
      keys: ['arrowup'],
      label: t('up'),
      group,
      isHidden: !hasArrows,
      when: () => hasArrows,
      run: () => move(-1),
    },
    {
      id: 'rules.down',
      keys: ['arrowdown'],
      label: t('down'),
      group,
      isHidden: !hasArrows,
      when: () => hasArrows,
      run: () => move(1),
    },
    {
      id: 'rules.toggle',
      keys: ['o'],
      label: t('switch.toggle'),
      group,
      isHidden: !onToggle || !isChosen,
      when: () => onToggle !== null && isChosen && busyId === null,
      run: () => onToggle?.(chosenId ?? ''),
    },
  ]);
  // A rule that was just saved may lie outside of what is in view.
  useEffect(() => {
    if (chosenId !== null)
      list.current?.querySelector(`[data-rule="${chosenId}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [chosenId]);
  return (
    <ul
      ref={list}
      className="rules"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        move(event.key === 'ArrowDown' ? 1 : -1);
      }}
    >
      {rules.map((rule) => (
        <li key={rule.ruleId} className={`${rule.ruleId === chosenId ? 'chosen' : ''} ${rule.enabled ? '' : 'off'}`}>
          <button
            type="button"
            role="switch"
            className="rule-switch"
            aria-checked={rule.enabled}
            aria-label={t('switch.of', { name: rule.name })}
            disabled={!onToggle || busyId !== null}
            onClick={() => onToggle?.(rule.ruleId)}
          >
            <i aria-hidden />
            <span aria-hidden>{rule.enabled ? t('switch.on') : t('switch.off')}</span>
          </button>
          <button
            type="button"
            className="rule-line"
            data-rule={rule.ruleId}
            aria-current={rule.ruleId === chosenId}
            onClick={() => onChoose(rule.ruleId)}
            onDoubleClick={() => onEdit?.(rule.ruleId)}
          >
            <b>{rule.name}</b>
            <span className="rule-said">{rule.sentence}</span>
            {rule.trouble ? (
              <span className="exchange-wrong rule-trouble">
                <IconAlertTriangle size={15} stroke={1.8} aria-hidden />
                {rule.trouble}
              </span>
            ) : null}
          </button>
          <span className="rule-done">{rule.done}</span>
        </li>
      ))}
    </ul>
  );
}
