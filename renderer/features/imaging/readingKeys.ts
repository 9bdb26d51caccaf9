import { useTranslation } from 'react-i18next';
import { type KeyBinding, useKeys } from '../../components/keys.ts';
import type { PointerTool } from '../../viewport/viewport.ts';
import type { ReadingActions } from './readingActions.ts';

const digits = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
/** What the digit keys of a French keyboard give without Shift; which digit it was is read from the key's place. */
const digitsOfAzerty = ['&', 'é', '"', "'", '(', '-', 'è', '_', 'ç'];

/** The keys of the reading room, as the help lists them. */
export function useReadingKeys(actions: ReadingActions, canAnnotate: boolean): void {
  const { t } = useTranslation('imaging');
  const look = t('keys.look');
  const measure = t('keys.measure');
  const compare = t('keys.compare');
  const tool = (name: PointerTool, key: string, label: string): KeyBinding => ({
    id: `reading.${name}`,
    keys: [key],
    label,
    group: measure,
    run: () => actions.setTool(name),
    isHidden: !canAnnotate,
    when: () => canAnnotate,
  });
  useKeys([
    {
      id: 'reading.next',
      keys: ['arrowdown', 'arrowright'],
      label: t('keys.nextSlice'),
      group: look,
      run: () => actions.scroll(1),
    },
    {
      id: 'reading.previous',
      keys: ['arrowup', 'arrowleft'],
      label: t('keys.previousSlice'),
      group: look,
      run: () => actions.scroll(-1),
    },
    { id: 'reading.pageDown', keys: ['pagedown'], label: t('keys.tenOn'), group: look, run: () => actions.scroll(10) },
    { id: 'reading.pageUp', keys: ['pageup'], label: t('keys.tenBack'), group: look, run: () => actions.scroll(-10) },
    {
      id: 'reading.home',
      keys: ['home'],
      label: t('keys.first'),
      group: look,
      run: () => actions.scrollToEnd('first'),
    },
    { id: 'reading.end', keys: ['end'], label: t('keys.last'), group: look, run: () => actions.scrollToEnd('last') },
    {
      id: 'reading.presets',
      keys: [...digits, ...digitsOfAzerty],
      drawn: '1–9',
      label: t('keys.presets'),
      group: look,
      run: (event) => {
        const digit = digits.includes(event.key) ? event.key : /^Digit([1-9])$/.exec(event.code)?.[1];
        if (digit) actions.applyPreset(Number(digit));
      },
    },
    { id: 'reading.window', keys: ['w'], label: t('tools.window'), group: look, run: () => actions.setTool('window') },
    { id: 'reading.zoom', keys: ['z'], label: t('tools.zoom'), group: look, run: () => actions.setTool('zoom') },
    { id: 'reading.pan', keys: ['g'], label: t('tools.pan'), group: look, run: () => actions.setTool('pan') },
    { id: 'reading.invert', keys: ['i'], label: t('tools.invert'), group: look, run: actions.invert },
    { id: 'reading.rotate', keys: ['shift+r'], label: t('tools.rotate'), group: look, run: actions.rotate },
    { id: 'reading.flipH', keys: ['h'], label: t('tools.flipHorizontal'), group: look, run: actions.flipHorizontal },
    { id: 'reading.flipV', keys: ['v'], label: t('tools.flipVertical'), group: look, run: actions.flipVertical },
    {
      id: 'reading.reset',
      keys: ['0', 'à'],
      drawn: '0',
      label: t('tools.reset'),
      group: look,
      run: actions.reset,
    },
    { id: 'reading.cine', keys: ['c'], label: t('tools.cine'), group: look, run: actions.cine },
    { id: 'reading.mpr', keys: ['m'], label: t('tools.mprWhat'), group: compare, run: actions.toggleMpr },
    {
      id: 'reading.crosshair',
      keys: ['x'],
      label: t('keys.crosshair'),
      group: compare,
      run: () => actions.setTool('crosshair'),
    },
    {
      id: 'reading.nextSeries',
      keys: ['space'],
      label: t('keys.nextSeries'),
      group: compare,
      run: () => actions.nextSeries(1),
    },
    {
      id: 'reading.previousSeries',
      keys: ['shift+space'],
      label: t('keys.previousSeries'),
      group: compare,
      run: () => actions.nextSeries(-1),
    },
    tool('length', 'l', t('tools.length')),
    tool('bidirectional', 'b', t('tools.bidirectional')),
    tool('angle', 'a', t('tools.angle')),
    tool('ellipse', 'e', t('tools.ellipse')),
    tool('rectangle', 'r', t('tools.rectangle')),
    tool('freehand', 'f', t('tools.freehand')),
    tool('probe', 'p', t('tools.probe')),
    {
      id: 'reading.keyImage',
      keys: ['k'],
      label: t('tools.keyImage'),
      group: measure,
      run: actions.toggleKeyImage,
      isHidden: !canAnnotate,
      when: () => canAnnotate,
    },
    {
      id: 'reading.delete',
      keys: ['delete'],
      label: t('measurements.archive'),
      group: measure,
      run: actions.archiveSelected,
      isHidden: !canAnnotate,
      when: () => canAnnotate,
    },
    {
      id: 'reading.undo',
      keys: ['mod+z'],
      label: t('measurements.undo'),
      group: measure,
      run: actions.undo,
      isHidden: !canAnnotate,
      when: () => canAnnotate,
    },
    {
      id: 'reading.redo',
      keys: ['mod+shift+z', 'mod+y'],
      label: t('measurements.redo'),
      group: measure,
      run: actions.redo,
      isHidden: !canAnnotate,
      when: () => canAnnotate,
    },
    { id: 'reading.escape', keys: ['escape'], label: t('keys.cancel'), group: measure, run: actions.cancel },
  ]);
}
