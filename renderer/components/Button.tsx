import { Tooltip } from '@mantine/core';
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
import { Kbd } from './Kbd.tsx';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly variant?: 'primary' | 'default' | 'ghost' | 'danger';
  readonly size?: 's' | 'm';
  readonly icon?: ReactNode;
  /** The key that does the same, drawn on the button. */
  readonly kbd?: string;
  /** Work under way: the button turns and takes no second press. */
  readonly loading?: boolean;
  readonly ref?: Ref<HTMLButtonElement>;
}

function classes(variant: ButtonProps['variant'], size: ButtonProps['size'], more: string | undefined): string {
  return ['btn', variant === 'default' ? '' : variant, size === 's' ? 's' : '', more].filter(Boolean).join(' ');
}

/** A button with words. One `primary` at most per screen or dialog. */
export function Button({
  variant = 'default',
  size = 'm',
  icon,
  kbd,
  loading = false,
  children,
  className,
  disabled,
  type = 'button',
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={classes(variant, size, className)}
      disabled={disabled || loading}
      aria-busy={loading || undefined}
    >
      {loading ? <span className="btn-spin" aria-hidden /> : icon}
      {children}
      {kbd ? <Kbd keys={kbd} /> : null}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, 'children' | 'kbd' | 'icon'> {
  /** Said by screen readers and shown on hover: an icon alone never explains itself. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly kbd?: string;
  readonly tooltipSide?: 'top' | 'right' | 'bottom' | 'left';
}

/** A button with an icon alone, and its words in a tooltip. */
export function IconButton({
  label,
  icon,
  kbd,
  variant = 'ghost',
  size = 'm',
  className,
  tooltipSide = 'bottom',
  type = 'button',
  loading,
  disabled,
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip
      label={
        <>
          {label} {kbd ? <Kbd keys={kbd} /> : null}
        </>
      }
      position={tooltipSide}
      openDelay={350}
    >
      <button
        {...rest}
        type={type}
        className={classes(variant, size, `icon ${className ?? ''}`)}
        aria-label={label}
        disabled={disabled || loading}
      >
        {loading ? <span className="btn-spin" aria-hidden /> : icon}
      </button>
    </Tooltip>
  );
}
