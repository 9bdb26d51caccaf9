import { isLoopbackHost } from '../../../app/domains/api/apiRules.ts';
import type { ApiSettings } from '../../../app/domains/api/apiSchema.ts';

export type Place = 'here' | 'everywhere' | 'address';

/** The settings as their form holds them. */
export interface AccessForm {
  readonly enabled: boolean;
  readonly place: Place;
  readonly host: string;
  readonly port: string;
  readonly names: string;
  readonly tls: boolean;
  readonly certificate: string;
  /** Empty: what is stored stays. */
  readonly privateKey: string;
}

const here = '127.0.0.1';
const everywhere = '0.0.0.0';
const hostPattern = /^[A-Za-z0-9.:_-]{1,253}$/;

/** Where it listens, in the three words a person chooses from. */
export function placeOf(host: string): Place {
  if (isLoopbackHost(host)) return 'here';
  return host === everywhere || host === '::' ? 'everywhere' : 'address';
}

export function formOfAccess(settings: ApiSettings): AccessForm {
  const place = placeOf(settings.host);
  return {
    enabled: settings.enabled,
    place,
    host: place === 'address' ? settings.host : '',
    port: String(settings.port),
    names: settings.names.join(', '),
    tls: settings.tls.enabled,
    certificate: settings.tls.certificate,
    privateKey: '',
  };
}

function namesOf(text: string): string[] {
  return text
    .split(/[\s,;]+/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** What the host would refuse, each with the key of its text under `form.bad`. */
export function errorsOfAccess(form: AccessForm, hasKey: boolean): Partial<Record<keyof AccessForm, string>> {
  const errors: Partial<Record<keyof AccessForm, string>> = {};
  const port = Number(form.port);
  if (form.place === 'address' && !hostPattern.test(form.host.trim())) errors.host = 'host';
  if (form.port.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) errors.port = 'port';
  const names = namesOf(form.names);
  if (names.length > 8 || names.some((name) => !hostPattern.test(name))) errors.names = 'names';
  if (form.enabled && form.place !== 'here' && !form.tls) errors.tls = 'tls';
  if (form.tls) {
    if (!form.certificate.includes('CERTIFICATE-----')) errors.certificate = 'certificate';
    if (form.privateKey.trim() === '' ? !hasKey : !form.privateKey.includes('PRIVATE KEY-----'))
      errors.privateKey = 'privateKey';
  }
  return errors;
}

/** The form as the host takes it. Only for a form without errors. */
export function savedOfAccess(form: AccessForm): { settings: ApiSettings; privateKey?: string } {
  return {
    settings: {
      enabled: form.enabled,
      host: form.place === 'here' ? here : form.place === 'everywhere' ? everywhere : form.host.trim(),
      port: Number(form.port),
      names: namesOf(form.names),
      tls: { enabled: form.tls, certificate: form.certificate.trim() },
    },
    ...(form.privateKey.trim() === '' ? {} : { privateKey: form.privateKey.trim() }),
  };
}
