import type { ReceiverSettings } from '../../../app/domains/exchange/exchangeSchema.ts';
import { aeTitlePattern, hostPattern, isLoopback } from './nodeForm.ts';

/** The receiver's settings as their form holds them. */
export interface ReceiverForm {
  readonly enabled: boolean;
  readonly aeTitle: string;
  readonly place: 'here' | 'everywhere' | 'address';
  readonly host: string;
  readonly port: string;
  readonly tls: boolean;
  readonly certificate: string;
  readonly clientCa: string;
  /** Null: what is stored stays. */
  readonly privateKey: string | null;
  readonly watchedFolders: readonly string[];
  readonly stow: boolean;
  readonly leastFreeMib: string;
}

const here = '127.0.0.1';
const everywhere = '0.0.0.0';

/** True for the addresses that stand for every network of this computer. */
export function isEverywhere(host: string): boolean {
  return host === everywhere || host === '::';
}

export function formOfReceiver(settings: ReceiverSettings): ReceiverForm {
  return {
    enabled: settings.enabled,
    aeTitle: settings.aeTitle,
    place: isLoopback(settings.host) ? 'here' : isEverywhere(settings.host) ? 'everywhere' : 'address',
    host: isLoopback(settings.host) || isEverywhere(settings.host) ? '' : settings.host,
    port: String(settings.port),
    tls: settings.tls.enabled,
    certificate: settings.tls.certificate,
    clientCa: settings.tls.clientCa,
    privateKey: null,
    watchedFolders: settings.watchedFolders,
    stow: settings.stow,
    leastFreeMib: String(settings.leastFreeMib),
  };
}

function isWhole(text: string, least: number, most: number): boolean {
  const value = Number(text);
  return text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most;
}

/** What the host would refuse, each with the key of its text under `nodeForm.bad`. */
export function errorsOfReceiver(form: ReceiverForm, hasKey: boolean): Partial<Record<keyof ReceiverForm, string>> {
  const errors: Partial<Record<keyof ReceiverForm, string>> = {};
  if (!aeTitlePattern.test(form.aeTitle.trim())) errors.aeTitle = form.aeTitle.trim() === '' ? 'needed' : 'aeTitle';
  if (form.place === 'address' && !hostPattern.test(form.host.trim())) errors.host = 'host';
  if (!isWhole(form.port, 0, 65_535)) errors.port = 'port';
  if (!isWhole(form.leastFreeMib, 64, 10_000_000)) errors.leastFreeMib = 'leastFree';
  if (form.tls) {
    if (!form.certificate.includes('CERTIFICATE-----')) errors.certificate = 'certificate';
    if (form.privateKey === '' || (form.privateKey === null && !hasKey)) errors.privateKey = 'privateKey';
    else if (form.privateKey !== null && !form.privateKey.includes('PRIVATE KEY-----'))
      errors.privateKey = 'privateKey';
    if (form.clientCa.trim() !== '' && !form.clientCa.includes('CERTIFICATE-----')) errors.clientCa = 'certificate';
  }
  return errors;
}

/** The form as the host takes it. Only for a form without errors. */
export function savedOfReceiver(form: ReceiverForm): { settings: ReceiverSettings; privateKey?: string } {
  return {
    settings: {
      enabled: form.enabled,
      aeTitle: form.aeTitle.trim(),
      host: form.place === 'here' ? here : form.place === 'everywhere' ? everywhere : form.host.trim(),
      port: Number(form.port),
      tls: { enabled: form.tls, certificate: form.certificate.trim(), clientCa: form.clientCa.trim() },
      watchedFolders: [...form.watchedFolders],
      stow: form.stow,
      leastFreeMib: Number(form.leastFreeMib),
    },
    ...(form.privateKey === null ? {} : { privateKey: form.privateKey.trim() }),
  };
}
