import type { WebSettings, XnatSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../../app/shared/failure.ts';
import { openDicomwebClient } from '../../../dicom/web/dicomwebClient.ts';
import type { PeerCertificate } from '../../../dicom/web/webPeer.ts';
import { openXnatClient } from '../../../dicom/web/xnatClient.ts';
import type { KnownNode } from '../exchangeParts.ts';
import { daysLeft } from './certificates.ts';
import { webPeerOf } from './nodeConnections.ts';
import { longestStepMs, resolveHost, type StepDetails, type TriedStep, tryConnect, tryStep } from './testSteps.ts';

const options = {
  times: { connectMs: longestStepMs, answerMs: longestStepMs, idleMs: longestStepMs, wholeMs: 2 * longestStepMs },
};

/** Clocks that differ by more make certificates and tokens fail, ms. */
const mostSkewMs = 5 * 60_000;

/** Tries a DICOMweb node: resolve, connect, then TLS, a token and a search, each said apart. */
export async function* tryDicomweb(
  known: KnownNode,
  settings: WebSettings,
  nowMs: number,
  signal: AbortSignal,
): AsyncGenerator<TriedStep> {
  if (!(yield* reach(settings.baseUrl, signal))) return;
  const client = openDicomwebClient(webPeerOf(known), options);
  try {
    let certificate: PeerCertificate | null = null;
    const searched = await tryStep('qido', async () => {
      const probe = await client.probe(signal);
      ({ certificate } = probe);
      const details: StepDetails = { status: probe.status, server: probe.server, ...skewDetails(probe.skewMs) };
      return { details, learned: { qido: 'yes' } };
    });
    yield* apart(searched, settings.baseUrl, settings.auth.method === 'oidc', certificate, nowMs);
  } finally {
    client.close();
  }
}

/** Tries an XNAT: resolve, connect, then a session, whether the project is there, and its list of image sessions. */
export async function* tryXnat(
  known: KnownNode,
  settings: XnatSettings,
  nowMs: number,
  signal: AbortSignal,
): AsyncGenerator<TriedStep> {
  if (!(yield* reach(settings.baseUrl, signal))) return;
  const client = openXnatClient(webPeerOf(known), options);
  try {
    let certificate: PeerCertificate | null = null;
    const session = await tryStep('session', async () => {
      const probe = await client.probe(signal);
      ({ certificate } = probe);
      return { details: skewDetails(probe.skewMs) };
    });
    yield* apart(session, settings.baseUrl, false, certificate, nowMs);
    if (!session.step.ok) return;
    const project = await tryStep('project', async () => {
      const projects = await client.projects(signal);
      const isThere = projects.some(({ projectId }) => projectId === settings.project);
      const failure = isThere
        ? null
        : new Failure('exchange.projectUnknown', 'the project is not there, or not for us');
      return { details: {}, failure };
    });
    yield project;
    if (!project.step.ok || !known.node.use.search) return;
    yield await tryStep('sessions', async () => {
      const sessions = await client.sessions(settings.project, signal);
      return { details: { matches: sessions.length }, learned: { xnat: 'yes' } };
    });
  } finally {
    await client.close();
  }
}

function skewDetails(skewMs: number | null): StepDetails {
  if (skewMs === null) return {};
  const details: StepDetails = { skewSeconds: Math.round(skewMs / 1000) };
  if (Math.abs(skewMs) > mostSkewMs) details['isClockWrong'] = true;
  return details;
}

/** Whether something listens there at all. */
async function* reach(baseUrl: string, signal: AbortSignal): AsyncGenerator<TriedStep, boolean> {
  const { hostname, port, protocol } = new URL(baseUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  const resolved = await tryStep('resolve', async () => ({
    details: { addresses: (await resolveHost(host)).join(' ') },
  }));
  yield resolved;
  if (!resolved.step.ok) return false;
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const connected = await tryStep('connect', async () => {
    await tryConnect(host, number, signal);
    return { details: { port: number } };
  });
  yield connected;
  return connected.step.ok;
}

/** One request is TLS, a token and an answer: tells them apart. */
function* apart(
  tried: TriedStep,
  baseUrl: string,
  hasToken: boolean,
  certificate: PeerCertificate | null,
  nowMs: number,
): Generator<TriedStep> {
  const { step } = tried;
  const named = (name: string): TriedStep => ({ ...tried, step: { ...step, name } });
  const fine = (name: string, details: StepDetails): TriedStep => ({
    step: { name, ok: true, code: null, details, tookMs: 0 },
    learned: {},
  });
  if (step.details['of'] === 'token') {
    yield named('token');
    return;
  }
  if (step.code === 'exchange.tls' || step.code === 'exchange.certificateExpired') {
    yield named('tls');
    return;
  }
  if (baseUrl.startsWith('https:'))
    yield fine('tls', certificate ? { certificateDays: daysLeft(certificate.validToMs, nowMs) } : {});
  if (hasToken && (step.ok || step.code !== 'exchange.unreachable')) yield fine('token', {});
  yield tried;
}
