import type {
  ExchangeNode,
  NodeSecrets,
  NodeSettings,
  NodeUse,
  WebSettings,
} from '../../../app/domains/exchange/exchangeSchema.ts';
import type { NodePreset } from '../../../app/domains/exchange/nodePresets.ts';

export type NodeKind = NodeSettings['kind'];
export type AuthMethod = WebSettings['auth']['method'];

/** A node as its form holds it: one flat text a field, so that switching the kind loses nothing of what was typed. */
export interface NodeForm {
  readonly name: string;
  readonly kind: NodeKind;
  readonly host: string;
  readonly port: string;
  readonly aeTitle: string;
  readonly callingAeTitle: string;
  readonly baseUrl: string;
  readonly project: string;
  readonly archives: boolean;
  readonly auth: AuthMethod;
  readonly userName: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
  readonly tls: boolean;
  readonly ca: string;
  readonly certificate: string;
  readonly serverName: string;
  readonly send: boolean;
  readonly search: boolean;
  readonly receive: boolean;
  readonly receiveFrom: string;
  readonly receiveCertificate: string;
  readonly proof: NodeUse['proof'];
  readonly transcode: boolean;
  readonly kilobytesPerSecond: string;
  readonly hoursFrom: string;
  readonly hoursTo: string;
  /** Null: what is stored stays. '' removes it. Never filled from the host. */
  readonly credential: string | null;
  readonly privateKey: string | null;
}

const empty: NodeForm = {
  name: '',
  kind: 'dimse',
  host: '',
  port: '104',
  aeTitle: '',
  callingAeTitle: '',
  baseUrl: '',
  project: '',
  archives: false,
  auth: 'none',
  userName: '',
  issuer: '',
  clientId: '',
  scope: '',
  tls: false,
  ca: '',
  certificate: '',
  serverName: '',
  send: true,
  search: true,
  receive: false,
  receiveFrom: '',
  receiveCertificate: '',
  proof: 'auto',
  transcode: true,
  kilobytesPerSecond: '',
  hoursFrom: '',
  hoursTo: '',
  credential: null,
  privateKey: null,
};

function withSettings(form: NodeForm, settings: NodeSettings): NodeForm {
  const { ca, certificate, serverName } = settings.tls;
  const tls = { ca, certificate, serverName };
  if (settings.kind === 'dimse')
    return {
      ...form,
      ...tls,
      kind: 'dimse',
      host: settings.host,
      port: String(settings.port),
      aeTitle: settings.aeTitle,
      callingAeTitle: settings.callingAeTitle,
      tls: settings.tls.enabled,
    };
  const { auth } = settings;
  return {
    ...form,
    ...tls,
    kind: settings.kind,
    baseUrl: settings.baseUrl,
    project: settings.kind === 'xnat' ? settings.project : '',
    archives: settings.kind === 'xnat' && settings.archives,
    auth: auth.method,
    userName: auth.method === 'basic' ? auth.userName : '',
    ...(auth.method === 'oidc' ? { issuer: auth.issuer, clientId: auth.clientId, scope: auth.scope } : {}),
  };
}

function withUse(form: NodeForm, use: NodeUse): NodeForm {
  return {
    ...form,
    send: use.send,
    search: use.search,
    receive: use.receive,
    receiveFrom: use.receiveFrom,
    receiveCertificate: use.receiveCertificate ?? '',
    proof: use.proof,
    transcode: use.transcode,
    kilobytesPerSecond: use.kilobytesPerSecond === null ? '' : String(use.kilobytesPerSecond),
    hoursFrom: use.hours?.from ?? '',
    hoursTo: use.hours?.to ?? '',
  };
}

export function formOfNode(node: ExchangeNode): NodeForm {
  return withUse(withSettings({ ...empty, name: node.name }, node.settings), node.use);
}

/** What is usual for a product; the places where the person's own names go are left empty, never a made-up one. */
export function formOfPreset(preset: NodePreset | null): NodeForm {
  if (!preset) return empty;
  const form = withUse(withSettings(empty, preset.settings), preset.use);
  return {
    ...form,
    host: form.host === 'HOST' ? '' : form.host,
    project: form.project === 'PROJECT' ? '' : form.project,
    userName: form.userName === 'USER' ? '' : form.userName,
  };
}

/** What a group of the form's fields is given. */
export interface FieldsProps {
  readonly form: NodeForm;
  readonly set: (part: Partial<NodeForm>) => void;
  /** The text of what is wrong with a field, once the person asked to save. */
  readonly wrong: (field: keyof NodeForm) => string | undefined;
}

/** Fields that hold something the host would refuse, each with the key of its text under `nodeForm.bad`. */
export type NodeFormErrors = Partial<Record<keyof NodeForm, string>>;

/** As the host checks them (PS3.5 section 6.2, value representation AE). */
export const aeTitlePattern = /^(?=.*[^ ])[\x20-\x5b\x5d-\x7e]{1,16}$/;
export const hostPattern = /^[A-Za-z0-9.:_-]{1,253}$/;
/** 24 hours, for a clock of 12 would make 'from 8 to 6' a riddle. */
const clock = /^([01]\d|2[0-3]):[0-5]\d$/;

function isUrl(text: string): boolean {
  return /^https?:\/\/[^\s/]/u.test(text) && URL.canParse(text);
}

function isPem(text: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): boolean {
  return text.includes('-----BEGIN ') && text.includes(`${kind}-----`);
}

/** A certificate, or its SHA-256 fingerprint in any way of writing it; the host reads either. */
function isFingerprint(text: string): boolean {
  if (text.trim() === '' || isPem(text, 'CERTIFICATE')) return true;
  const digits = text.replace(/^[^=]*=/u, '').replace(/[\s:]/gu, '');
  return /^[0-9a-f]{64}$/iu.test(digits);
}

/** What is wrong with the form; empty when it can be saved. */
export function errorsOf(form: NodeForm): NodeFormErrors {
  const errors: Record<string, string> = {};
  if (form.name.trim() === '') errors['name'] = 'needed';
  if (form.kind === 'dimse') {
    const port = Number(form.port);
    if (!hostPattern.test(form.host.trim())) errors['host'] = form.host.trim() === '' ? 'needed' : 'host';
    if (!Number.isInteger(port) || port < 1 || port > 65_535) errors['port'] = 'port';
    if (!aeTitlePattern.test(form.aeTitle.trim()))
      errors['aeTitle'] = form.aeTitle.trim() === '' ? 'needed' : 'aeTitle';
    if (form.callingAeTitle.trim() !== '' && !aeTitlePattern.test(form.callingAeTitle.trim()))
      errors['callingAeTitle'] = 'aeTitle';
  } else {
    if (!isUrl(form.baseUrl.trim()) || form.baseUrl.includes('//HOST')) errors['baseUrl'] = 'url';
    if (form.kind === 'xnat' && form.project.trim() === '') errors['project'] = 'needed';
    if (form.auth === 'basic' && form.userName.trim() === '') errors['userName'] = 'needed';
    if (form.auth === 'oidc' && form.kind === 'dicomweb') {
      if (!isUrl(form.issuer.trim())) errors['issuer'] = 'url';
      if (form.clientId.trim() === '') errors['clientId'] = 'needed';
    }
  }
  if (form.kind === 'dimse' && form.receive && !isFingerprint(form.receiveCertificate))
    errors['receiveCertificate'] = 'fingerprint';
  if (form.ca.trim() !== '' && !isPem(form.ca, 'CERTIFICATE')) errors['ca'] = 'certificate';
  if (form.certificate.trim() !== '' && !isPem(form.certificate, 'CERTIFICATE')) errors['certificate'] = 'certificate';
  if (form.privateKey && !isPem(form.privateKey, 'PRIVATE KEY')) errors['privateKey'] = 'privateKey';
  const limit = Number(form.kilobytesPerSecond);
  if (form.kilobytesPerSecond.trim() !== '' && (!Number.isInteger(limit) || limit < 8 || limit > 10_000_000))
    errors['kilobytesPerSecond'] = 'limit';
  const [from, to] = [form.hoursFrom.trim(), form.hoursTo.trim()];
  if (from !== '' && !clock.test(from)) errors['hoursFrom'] = 'clock';
  if (to !== '' && !clock.test(to)) errors['hoursTo'] = 'clock';
  if ((from === '') !== (to === '')) errors[from === '' ? 'hoursFrom' : 'hoursTo'] = 'hours';
  return errors as NodeFormErrors;
}

function settingsOf(form: NodeForm): NodeSettings {
  const tls = { ca: form.ca.trim(), certificate: form.certificate.trim(), serverName: form.serverName.trim() };
  if (form.kind === 'dimse')
    return {
      kind: 'dimse',
      host: form.host.trim(),
      port: Number(form.port),
      aeTitle: form.aeTitle.trim(),
      callingAeTitle: form.callingAeTitle.trim(),
      tls: { enabled: form.tls, ...tls },
    };
  const baseUrl = form.baseUrl.trim().replace(/\/+$/u, '');
  const basic = { method: 'basic', userName: form.userName.trim() } as const;
  if (form.kind === 'xnat')
    return {
      kind: 'xnat',
      baseUrl,
      project: form.project.trim(),
      archives: form.archives,
      auth: form.auth === 'basic' ? basic : { method: 'none' },
      tls,
    };
  const auth: WebSettings['auth'] =
    form.auth === 'basic'
      ? basic
      : form.auth === 'oidc'
        ? { method: 'oidc', issuer: form.issuer.trim(), clientId: form.clientId.trim(), scope: form.scope.trim() }
        : { method: form.auth };
  return { kind: 'dicomweb', baseUrl, auth, tls };
}

/** The form as the host takes it. Only for a form without errors. */
export function savedOf(form: NodeForm): {
  name: string;
  settings: NodeSettings;
  use: NodeUse;
  secrets: NodeSecrets;
} {
  return {
    name: form.name.trim(),
    settings: settingsOf(form),
    use: {
      send: form.send,
      search: form.search,
      receive: form.kind === 'dimse' && form.receive,
      proof: form.proof,
      transcode: form.transcode,
      kilobytesPerSecond: form.kilobytesPerSecond.trim() === '' ? null : Number(form.kilobytesPerSecond),
      hours: clock.test(form.hoursFrom) && clock.test(form.hoursTo) ? { from: form.hoursFrom, to: form.hoursTo } : null,
      receiveFrom: form.receiveFrom.trim(),
      ...(form.kind === 'dimse' && form.receiveCertificate.trim() !== '' && isFingerprint(form.receiveCertificate)
        ? { receiveCertificate: form.receiveCertificate.trim() }
        : {}),
    },
    secrets: {
      ...(form.credential === null ? {} : { credential: form.credential }),
      ...(form.privateKey === null ? {} : { privateKey: form.privateKey.trim() }),
    },
  };
}

/** Where a node lives, on one line. */
export function addressOf(settings: NodeSettings): string {
  return settings.kind === 'dimse'
    ? `${settings.aeTitle} · ${settings.host}:${settings.port}`
    : settings.kind === 'xnat'
      ? `${settings.baseUrl} · ${settings.project}`
      : settings.baseUrl;
}

/** How a delivery to it is proven: storage commitment is DIMSE's, so what is spoken to by HTTP is read back. */
export function proofOf(node: Pick<ExchangeNode, 'settings' | 'use'>): NodeUse['proof'] {
  return node.settings.kind === 'dimse' ? node.use.proof : 'readBack';
}

/** True for this computer itself: nothing leaves it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** True when what is sent there can be read on the way. */
export function isOpenLine(settings: NodeSettings): boolean {
  if (settings.kind === 'dimse') return !settings.tls.enabled && !isLoopback(settings.host);
  if (!URL.canParse(settings.baseUrl)) return true;
  const { protocol, hostname } = new URL(settings.baseUrl);
  return protocol !== 'https:' && !isLoopback(hostname.replace(/^\[|\]$/gu, ''));
}
