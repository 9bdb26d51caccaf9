import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormats } from '../../i18n/formats.ts';
import type { PictureWindow } from '../../viewport/viewport.ts';

/** Gives 'C −600 L 1500': centre and width of a window, with as many digits as the width can bear. */
export function useWindowText(): (picture: { window: PictureWindow; windowSource?: string }) => string {
  const { t } = useTranslation('imaging');
  const formats = useFormats();
  return useCallback(
    ({ window, windowSource }) => {
      if (windowSource === 'table') return t('overlay.voiTable');
      const digits = window.width >= 20 ? 0 : window.width >= 1 ? 1 : 3;
      const number = (value: number) => formats.number(value, digits).replace('-', '\u2212');
      return t('overlay.window', { centre: number(window.centre), width: number(window.width) });
    },
    [t, formats],
  );
}
