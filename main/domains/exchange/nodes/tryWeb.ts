import type { WebSettings, XnatSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import { openDicomwebClient } from '../../../dicom/web/dicomwebClient.ts';
import { openWebConnection } from '../../../dicom/web/webConnection.ts';
import type { PeerCertificate } from '../../../dicom/web/webPeer.ts';
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
      const details: StepDetails = { status: probe.status, server: probe.server };
      if (probe.skewMs !== null) details['skewSeconds'] = Math.round(probe.skewMs / 1000);
      if (Math.abs(probe.skewMs ?? 0) > mostSkewMs) details['isClockWrong'] = true;
      return { details, learned: { qido: 'yes' } };
    });
    yield* apart(searched, settings.baseUrl, settings.auth.method === 'oidc', certificate, nowMs);
  } finally {
    client.close();
  }
}

/** Tries an XNAT: resolve, connect, then a session, and whether the project is there. */
export async function* tryXnat(
  known: KnownNode,
  settings: XnatSettings,
  nowMs: number,
  signal: AbortSignal,
): AsyncGenerator<TriedStep> {
  if (!(yield* reach(settings.baseUrl, signal))) return;
  const connection = openWebConnection(webPeerOf(known), options);
  const ask = async (path: string) => {
    const answer = await connection.request({ method: 'GET', path, repeatable: true, signal });
    await answer.bytes(1024 * 1024);
    return answer;
  };
  try {
    let certificate: PeerCertificate | null = null;
    const session = await tryStep('session', async () => {
      const answer = await ask('data/JSESSION');
      ({ certificate } = answer);
      return { details: { status: answer.status, server: (answer.headers['server'] ?? '').slice(0, 100) } };
    });
    yield* apart(session, settings.baseUrl, false, certificate, nowMs);
    if (!session.step.ok) return;
    yield await tryStep('project', async () => {
      const { status } = await ask(`data/projects/${encodeURIComponent(settings.project)}`);
      return { details: { status } };
    });
  } finally {
    connection.close();
  }
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
