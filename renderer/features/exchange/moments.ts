import { useEffect, useState } from 'react';
import { useFormats } from '../../i18n/formats.ts';

/** A moment as briefly as it stays clear: '14:03' of today, else with its date. Epoch ms. */
export function useMoment(): (ms: number) => string {
  const formats = useFormats();
  return (ms) =>
    new Date(ms).toDateString() === new Date().toDateString() ? formats.clock(ms).slice(0, 5) : formats.dateTime(ms);
}

/** A moment where there is little room: '14:03' of today, else its date alone. Epoch ms. */
export function useDay(): (ms: number) => string {
  const formats = useFormats();
  return (ms) => {
    const date = new Date(ms);
    if (date.toDateString() === new Date().toDateString()) return formats.clock(ms).slice(0, 5);
    const two = (value: number): string => String(value).padStart(2, '0');
    return formats.date(`${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`);
  };
}

/** Now, epoch ms, again every second while `isOn`: for a time that is counted down. */
export function useNow(isOn: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isOn) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
}
