import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Chip } from '../../components/Chip.tsx';

interface RuleCodesFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly values: readonly string[];
  readonly onChange: (values: string[]) => void;
  /** Offered by a press, with what they are called. */
  readonly offered: readonly { readonly value: string; readonly label: string }[];
  /** What was typed as it is kept, or null where it is none; absent: nothing can be typed. */
  readonly parse?: (text: string) => string | null;
  /** Said of what is none. */
  readonly bad?: string;
}

/** Some of a list, pressed or typed. None is no condition. */
export function RuleCodesField({ label, hint, values, onChange, offered, parse, bad }: RuleCodesFieldProps) {
  const { t } = useTranslation('rules');
  const id = useId();
  const [typed, setTyped] = useState('');
  const [isBad, setBad] = useState(false);
  const own = values.filter((value) => !offered.some((each) => each.value === value));
  const shown = [...offered, ...own.map((value) => ({ value, label: value }))];
  const toggle = (value: string): void =>
    onChange(values.includes(value) ? values.filter((each) => each !== value) : [...values, value]);
  const take = (): void => {
    const value = parse?.(typed) ?? null;
    setBad(value === null && typed.trim() !== '');
    if (value === null) return;
    setTyped('');
    if (!values.includes(value)) onChange([...values, value]);
  };
  return (
    <div className="field" role="group" aria-labelledby={id}>
      <span className="rule-field-label" id={id}>
        {label}
      </span>
      <div className="rule-codes">
        {shown.map((each) => (
          <Chip key={each.value} on={values.includes(each.value)} onClick={() => toggle(each.value)}>
            {each.label}
          </Chip>
        ))}
        {parse ? (
          <input
            className="input rule-codes-typed"
            aria-label={`${label}, ${t('form.other')}`}
            placeholder={t('form.other')}
            value={typed}
            maxLength={16}
            autoComplete="off"
            spellCheck={false}
            aria-invalid={isBad || undefined}
            onChange={(event) => {
              setTyped(event.target.value);
              setBad(false);
            }}
            onBlur={take}
            onKeyDown={(event) => {
              // Enter saves the form once nothing is left to take up here.
              if ((event.key !== 'Enter' && event.key !== ',') || typed.trim() === '') return;
              event.preventDefault();
              take();
            }}
          />
        ) : null}
      </div>
      {isBad ? (
        <span className="field-error" role="alert">
          {bad}
        </span>
      ) : hint ? (
        <span className="field-hint">{hint}</span>
      ) : null}
    </div>
  );
}
