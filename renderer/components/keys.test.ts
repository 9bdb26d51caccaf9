import { describe, expect, it } from 'vitest';
import { keyText } from './Kbd.tsx';
import { combinationOf } from './keys.ts';

const event = (key: string, more: Partial<KeyboardEvent> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...more,
});

describe('a key combination', () => {
  it.each([
    [event('k', { ctrlKey: true }), 'mod+k'],
    [event('k', { metaKey: true }), 'mod+k'],
    [event('R', { shiftKey: true }), 'shift+r'],
    [event('?', { shiftKey: true }), '?'],
    // AZERTY: digits are shifted signs.
    [event('1', { shiftKey: true }), '1'],
    [event('/', { shiftKey: true }), '/'],
    [event(' '), 'space'],
    [event('ArrowUp'), 'arrowup'],
    [event('Tab', { shiftKey: true }), 'shift+tab'],
    [event('l', { ctrlKey: true, altKey: true }), 'mod+alt+l'],
  ])('of %o is %s', (pressed, expected) => {
    expect(combinationOf(pressed)).toBe(expected);
  });

  it('is written as on the keyboard', () => {
    const french = (key: string) => (key === 'home' ? 'Origine' : key);
    expect(keyText('mod+alt+l', french)).toBe('Ctrl Alt L');
    expect(keyText('enter', french)).toBe('↵');
    expect(keyText('?', french)).toBe('?');
    expect(keyText('shift+home', french)).toBe('⇧ Origine');
  });
});
