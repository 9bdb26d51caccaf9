import type { DimseSettings, NodeUse, WebSettings, XnatSettings } from './exchangeSchema.ts';

/**
 * What is usual for a product when it is new. Only a beginning: the host, and whatever its keeper changed, has to be
 * put right. `HOST` stands where the host name goes.
 */
export interface NodePreset {
  /** Its text is under the same name in the window. */
  readonly presetId: 'orthancDimse' | 'orthancWeb' | 'dcm4chee2' | 'dcm4chee5Dimse' | 'dcm4chee5Web' | 'xnat';
  readonly settings: DimseSettings | WebSettings | XnatSettings;
  readonly use: NodeUse;
  /** False where it was never run against a real server of this kind. */
  readonly isProven: boolean;
}

const noTls = { ca: '', certificate: '', serverName: '' } as const;
const usual: NodeUse = {
  send: true,
  search: true,
  receive: false,
  proof: 'auto',
  transcode: true,
  kilobytesPerSecond: null,
  hours: null,
  receiveFrom: '',
};
const dimse = (port: number, aeTitle: string): DimseSettings => ({
  kind: 'dimse',
  host: 'HOST',
  port,
  aeTitle,
  callingAeTitle: '',
  tls: { enabled: false, ...noTls },
});
const web = (baseUrl: string, auth: WebSettings['auth']): WebSettings => ({
  kind: 'dicomweb',
  baseUrl,
  auth,
  tls: noTls,
});

export const nodePresets: readonly NodePreset[] = [
  // DIMSE on 4242 under the title ORTHANC; HTTP on 8042, the DICOMweb plug-in under /dicom-web/.
  { presetId: 'orthancDimse', settings: dimse(4242, 'ORTHANC'), use: { ...usual, receive: true }, isProven: true },
  {
    presetId: 'orthancWeb',
    settings: web('http://HOST:8042/dicom-web', { method: 'none' }),
    use: usual,
    isProven: true,
  },
  // dcm4chee 2.x has no DICOMweb search; it commits storage and moves to titles that it knows.
  {
    presetId: 'dcm4chee2',
    settings: dimse(11_112, 'DCM4CHEE'),
    use: { ...usual, receive: true, proof: 'auto' },
    isProven: false,
  },
  {
    presetId: 'dcm4chee5Dimse',
    settings: dimse(11_112, 'DCM4CHEE'),
    use: { ...usual, receive: true },
    isProven: false,
  },
  // dcm4chee-arc 5.x: one DICOMweb service for each archive AE title; with Keycloak in front, a bearer token or OIDC.
  {
    presetId: 'dcm4chee5Web',
    settings: web('http://HOST:8080/dcm4chee-arc/aets/DCM4CHEE/rs', { method: 'none' }),
    use: usual,
    isProven: false,
  },
  {
    presetId: 'xnat',
    settings: {
      kind: 'xnat',
      baseUrl: 'https://HOST',
      project: 'PROJECT',
      archives: false,
      auth: { method: 'basic', userName: 'USER' },
      tls: noTls,
    },
    use: { ...usual, search: true },
    isProven: false,
  },
];
