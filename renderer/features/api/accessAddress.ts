import type { ApiState } from '../../../app/domains/api/apiSchema.ts';
import { placeOf } from './accessForm.ts';

/** Where a program on this computer, or one that knows its name, asks. */
export function addressOf({ settings, port }: Pick<ApiState, 'settings' | 'port'>): string {
  const { host, names, tls } = settings;
  const name = names[0] ?? (placeOf(host) === 'everywhere' ? 'localhost' : host);
  const shown = name.includes(':') ? `[${name}]` : name;
  return `${tls.enabled ? 'https' : 'http'}://${shown}:${port ?? settings.port}`;
}
