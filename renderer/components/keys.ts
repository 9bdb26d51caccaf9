import { useEffect, useRef } from 'react';

export interface KeyBinding {
  /** Unique among the mounted screens. */
  readonly id: string;
  /** KeyboardEvent.key in lower case with modifiers before it: 'l', 'mod+z', 'shift+r', 'space', 'arrowup', '?'. */
  readonly keys: readonly string[];
  /** What it does, for the help. */
  readonly label: string;
  /** Heading in the help. */
  readonly group: string;
  /** Absent for a key that the help should show but another part handles. */
  readonly run?: (event: KeyboardEvent) => void;
  readonly when?: () => boolean;
  /** Written in the help instead of the keys, where there are many: '1–9'. */
  readonly drawn?: string;
  /** Left out of the help: not this person's to do, or not on this screen. */
  readonly isHidden?: boolean;
  /** Works also while a text field has the focus (for Ctrl+K and the like). */
  readonly inFields?: boolean;
}

type Registered = { readonly current: readonly KeyBinding[] };
const registered: Registered[] = [];
const listeners = new Set<() => void>();
/** The newest list, so that useSyncExternalStore sees the same object between changes. */
let snapshot: readonly Registered[] = [];

function announce(): void {
  snapshot = [...registered];
  for (const listener of listeners) listener();
}

/** The keys of what is mounted now, as the help lists them, innermost screen last. */
export function listKeyBindings(): readonly KeyBinding[] {
  return registered.flatMap((entry) => entry.current.filter((binding) => !binding.isHidden));
}

export function onKeyBindings(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function keyBindingsSnapshot(): readonly unknown[] {
  return snapshot;
}

/** The combination a keyboard event stands for, in the notation of KeyBinding.keys. */
export function combinationOf(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>,
): string {
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase();
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('mod');
  if (event.altKey) parts.push('alt');
  // A shifted sign ('?', digits on a French keyboard) already differs from the plain one; letters and named keys do not.
  if (event.shiftKey && (key.length > 1 || /^\p{L}$/u.test(key))) parts.push('shift');
  parts.push(key);
  return parts.join('+');
}

/** True while the person is typing into something. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'submit', 'range', 'file'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function isOverlayOpen(): boolean {
  return document.querySelector('[aria-haspopup][aria-expanded="true"], [role="dialog"][aria-modal="true"]') !== null;
}

/** What the person went to with Tab, and whether the next focus comes from it. A press of the mouse forgets both. */
let tabbedTo: EventTarget | null = null;
let tabPressed = false;
/** Whether a menu or dialog was open when the key went down: the Escape that closes one must not also clear the screen below. */
let overlayAtKeydown = false;

function followFocus(event: Event): void {
  if (event instanceof KeyboardEvent) {
    tabPressed = event.key === 'Tab';
    overlayAtKeydown = isOverlayOpen();
  } else if (event.type === 'focusin') {
    if (tabPressed) tabbedTo = event.target;
    tabPressed = false;
  } else {
    tabbedTo = null;
    tabPressed = false;
  }
}
const followed = ['keydown', 'focusin', 'pointerdown'] as const;

/**
 * Whether Enter belongs to something nearer than the screen: an open menu or dialog, or a button that the person went to
 * with Tab. A button that only has the focus because it was clicked, or because its menu closed, does not keep Enter.
 */
export function isEnterTaken(): boolean {
  if (overlayAtKeydown) return true;
  return document.activeElement instanceof HTMLButtonElement && document.activeElement === tabbedTo;
}

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const combination = combinationOf(event);
  const typing = isTyping(event.target);
  // The innermost screen, mounted last, answers first.
  for (let index = registered.length - 1; index >= 0; index -= 1) {
    for (const binding of registered[index]?.current ?? []) {
      if (!binding.run || !binding.keys.includes(combination)) continue;
      if ((typing || overlayAtKeydown) && !binding.inFields) continue;
      if (binding.when && !binding.when()) continue;
      event.preventDefault();
      binding.run(event);
      return;
    }
  }
}

/**
 * Makes keys work while the component is mounted and lists them in the help. The array may change on every render;
 * the newest one is used.
 */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const latest = useRef(bindings);
  latest.current = bindings;
  useEffect(() => {
    if (registered.length === 0) {
      window.addEventListener('keydown', handle);
      for (const type of followed) window.addEventListener(type, followFocus, true);
    }
    registered.push(latest);
    announce();
    return () => {
      registered.splice(registered.indexOf(latest), 1);
      if (registered.length === 0) {
        window.removeEventListener('keydown', handle);
        for (const type of followed) window.removeEventListener(type, followFocus, true);
      }
      announce();
    };
  }, []);
}
