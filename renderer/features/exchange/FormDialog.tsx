import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Failure } from '../../../app/shared/failure.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';

interface FormDialogProps {
  readonly title: string;
  /** Saving was asked for, and fields are wrong: they are marked, and it is said beside the button. */
  readonly isIncomplete: boolean;
  readonly isSaving: boolean;
  /** Why it could not be saved. */
  readonly failure: Failure | null;
  readonly onSave: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A form that is saved as a whole, by its button or by Enter. */
export function FormDialog({ title, isIncomplete, isSaving, failure, onSave, onClose, children }: FormDialogProps) {
  const { t } = useTranslation('exchange');
  const trouble = useRef<HTMLDivElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [asked, setAsked] = useState(0);
  // The button is always in view, the end of a long form is not: why nothing was saved must not lie behind it.
  useEffect(() => {
    if (failure) trouble.current?.scrollIntoView({ block: 'center' });
  }, [failure]);
  // As little may the field that is wrong, where the form is longer than the window.
  useEffect(() => {
    if (asked > 0) form.current?.querySelector('.field-error')?.scrollIntoView({ block: 'center' });
  }, [asked]);
  const save = (): void => {
    setAsked((count) => count + 1);
    onSave();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      size="l"
      title={title}
      footer={
        <>
          {isIncomplete ? <span className="field-error">{t('nodeForm.incomplete')}</span> : null}
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button variant="primary" loading={isSaving} onClick={save}>
            {t('nodeForm.save')}
          </Button>
        </>
      }
    >
      <form
        ref={form}
        className="exchange-form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {children}
        <div ref={trouble}>{failure ? <FailureNotice failure={failure} /> : null}</div>
        {/* Enter in a field saves, as the button does. */}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
