import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from '../components/Dialog.tsx';
import { Kbd } from '../components/Kbd.tsx';
import { type KeyBinding, keyBindingsSnapshot, listKeyBindings, onKeyBindings } from '../components/keys.ts';
import { useShellStore } from './shellStore.ts';

/** The keys of the screen that is open now, by what they are for; the screen's own before those of everywhere. */
export function KeysDialog() {
  const { t } = useTranslation('shell');
  const open = useShellStore((state) => state.keysOpen);
  const setOpen = useShellStore((state) => state.setKeysOpen);
  useSyncExternalStore(onKeyBindings, keyBindingsSnapshot);
  const groups = new Map<string, KeyBinding[]>();
  if (open) {
    for (const binding of listKeyBindings()) {
      const list = groups.get(binding.group) ?? [];
      list.push(binding);
      groups.set(binding.group, list);
    }
    const everywhere = groups.get(t('keys.everywhere'));
    if (everywhere) {
      groups.delete(t('keys.everywhere'));
      groups.set(t('keys.everywhere'), everywhere);
    }
  }
  return (
    <Dialog open={open} onClose={() => setOpen(false)} title={t('keys.title')} size="l">
      <div className="keys-groups">
        {[...groups].map(([group, bindings]) => (
          <section key={group}>
            <h2>{group}</h2>
            <dl>
              {bindings.map((binding) => (
                <div key={binding.id}>
                  <dt>{binding.label}</dt>
                  <dd>
                    {(binding.drawn ? [binding.drawn] : binding.keys.slice(0, 2)).map((keys) => (
                      <Kbd key={keys} keys={keys} />
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
