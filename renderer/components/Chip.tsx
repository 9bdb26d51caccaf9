import type { ReactNode } from 'react';

export interface ChipProps {
  readonly tone?: 'plain' | 'suggestion' | 'finding' | 'warning' | 'danger' | 'done';
  /** Pressed, for a chip that filters. */
  readonly on?: boolean;
  readonly count?: ReactNode;
  readonly size?: 's' | 'm';
  readonly onClick?: () => void;
  readonly title?: string;
  readonly children: ReactNode;
}

/** A state in few words, or with `onClick` a filter with how many it would show. */
export function Chip({ tone = 'plain', on = false, count, size = 'm', onClick, title, children }: ChipProps) {
  const className = ['chip', tone === 'plain' ? '' : tone, on ? 'on' : '', size === 's' ? 's' : '']
    .filter(Boolean)
    .join(' ');
  const inner = (
    <>
      {children}
      {count === undefined ? null : <span>{count}</span>}
    </>
  );
  if (!onClick)
    return (
      <span className={className} title={title}>
        {inner}
      </span>
    );
  return (
    <button type="button" className={className} aria-pressed={on} onClick={onClick} title={title}>
      {inner}
    </button>
  );
}
