import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from './Button.tsx';
import './dialog.css';

const widths = { s: 400, m: 540, l: 760, xl: 1040 } as const;

export interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: ReactNode;
  readonly size?: keyof typeof widths;
  /** Buttons, right-aligned; the one that goes on comes last. */
  readonly footer?: ReactNode;
  /** `block`: the person must answer; Escape and a click beside it do nothing. */
  readonly severity?: 'normal' | 'block';
  readonly children: ReactNode;
}

/** A modal dialog: focus is trapped inside and returns where it was. Key bindings of the screen below are asleep. */
export function Dialog({ open, onClose, title, size = 'm', footer, severity = 'normal', children }: DialogProps) {
  const { t } = useTranslation('components');
  const block = severity === 'block';
  return (
    <Modal
      opened={open}
      onClose={onClose}
      title={title}
      size={widths[size]}
      centered
      lockScroll={false}
      closeOnEscape={!block}
      closeOnClickOutside={!block}
      withCloseButton={!block}
      closeButtonProps={{ 'aria-label': t('close') }}
      // Gone at once: while it fades it would still take the keys of the screen below.
      transitionProps={{ duration: 120, exitDuration: 0, transition: 'fade' }}
      overlayProps={{ backgroundOpacity: 0.55 }}
    >
      <div className="dialog-body">{children}</div>
      {footer ? <div className="dialog-footer">{footer}</div> : null}
    </Modal>
  );
}

export interface ConfirmDialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
  readonly title: ReactNode;
  readonly confirmLabel: string;
  readonly danger?: boolean;
  readonly loading?: boolean;
  readonly children: ReactNode;
}

/** A question with two answers; the safe one has the focus. */
export function ConfirmDialog({ confirmLabel, danger, loading, onConfirm, children, ...rest }: ConfirmDialogProps) {
  const { t } = useTranslation('components');
  return (
    <Dialog
      {...rest}
      size="s"
      footer={
        <>
          <Button onClick={rest.onClose} data-autofocus>
            {t('cancel')}
          </Button>
          <Button variant={danger ? 'danger' : 'primary'} onClick={onConfirm} loading={loading ?? false}>
            {confirmLabel}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
