import { IconSearch, IconX } from '@tabler/icons-react';
import type { Ref } from 'react';
import { IconButton } from './Button.tsx';
import { Kbd } from './Kbd.tsx';
import './searchField.css';

export interface SearchFieldProps {
  /** What can be typed; its name for who does not see it. */
  readonly label: string;
  readonly clearLabel: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
  /** Enter or the arrow down: on to what was found. */
  readonly onLeave: () => void;
  readonly ref?: Ref<HTMLInputElement>;
}

/** The search box above a list. `/` is drawn in it as the key that leads there; Escape empties it, then leaves it. */
export function SearchField({ label, clearLabel, value, onChange, onLeave, ref }: SearchFieldProps) {
  return (
    <div className="search-field">
      <IconSearch size={14} stroke={1.8} aria-hidden />
      <input
        ref={ref}
        type="search"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            if (value === '') event.currentTarget.blur();
            onChange('');
          } else if (event.key === 'ArrowDown' || event.key === 'Enter') {
            event.preventDefault();
            onLeave();
          } else return;
          event.stopPropagation();
        }}
        placeholder={label}
        aria-label={label}
        spellCheck={false}
        autoComplete="off"
        maxLength={200}
      />
      {value === '' ? (
        <Kbd keys="/" />
      ) : (
        <IconButton size="s" label={clearLabel} icon={<IconX size={14} />} onClick={() => onChange('')} />
      )}
    </div>
  );
}
