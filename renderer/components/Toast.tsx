import { IconX } from '@tabler/icons-react';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { onLock } from '../api/lockRegistry.ts';
import { Button, IconButton } from './Button.tsx';

export interface ToastText {
  readonly tone: 'inform' | 'done' | 'warning' | 'danger';
  readonly text: string;
  /** One thing to do about it; such a toast stays until it is done or sent away. */
  readonly action?: { readonly label: string; readonly run: () => void };
}
interface Shown extends ToastText {
  readonly id: number;
}

const ToastContext = createContext<(toast: ToastText) => void>(() => undefined);

/** Gives the function that says something in passing. What must not be missed is a Notice or a Dialog instead. */
export function useToast(): (toast: ToastText) => void {
  return useContext(ToastContext);
}

let nextId = 1;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<readonly Shown[]>([]);
  const { t } = useTranslation('components');
  const dismiss = useCallback((id: number) => setShown((list) => list.filter((toast) => toast.id !== id)), []);
  // What was said to one operator is not for the next.
  useEffect(() => onLock(() => setShown([])), []);
  const show = useCallback(
    (toast: ToastText) => {
      const id = nextId++;
      setShown((list) => [...list.slice(-3), { ...toast, id }]);
      // Errors stay until they are read; the rest leaves by itself.
      if (toast.tone !== 'danger' && !toast.action) setTimeout(() => dismiss(id), 6000);
    },
    [dismiss],
  );
  const list = useMemo(
    () =>
      shown.map((toast) => (
        <div key={toast.id} className={`toast ${toast.tone}`} role={toast.tone === 'danger' ? 'alert' : 'status'}>
          <p>{toast.text}</p>
          {toast.action ? (
            <Button
              size="s"
              onClick={() => {
                dismiss(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </Button>
          ) : null}
          <IconButton
            size="s"
            label={t('close')}
            icon={<IconX size={14} stroke={1.6} />}
            onClick={() => dismiss(toast.id)}
          />
        </div>
      )),
    [shown, dismiss, t],
  );
  return (
    <ToastContext.Provider value={show}>
      {children}
      <div className="toasts" aria-live="polite">
        {list}
      </div>
    </ToastContext.Provider>
  );
}
