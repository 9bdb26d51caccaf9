import type { DimseSettings } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { ContextWish, RequestedAssociation } from '../../../dicom/dimse/dimse.ts';
import { openAssociation } from '../../../dicom/dimse/openAssociation.ts';
import type { KnownNode } from '../exchangeParts.ts';
import { daysLeft } from './certificates.ts';
import { associationWishOf } from './nodeConnections.ts';
import { longestStepMs, resolveHost, type StepDetails, type TriedStep, tryConnect, tryStep } from './testSteps.ts';
import { failureOfStatus } from './troubleFailures.ts';

const plainSyntaxes = ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'];
const services = {
  echo: '1.2.840.10008.1.1',
  find: '1.2.840.10008.5.1.4.1.2.2.1',
  move: '1.2.840.10008.5.1.4.1.2.2.2',
  get: '1.2.840.10008.5.1.4.1.2.2.3',
  commitment: '1.2.840.10008.1.20.1',
} as const;
const contexts: readonly ContextWish[] = Object.values(services).map((abstractSyntax) => ({
  abstractSyntax,
  transferSyntaxes: plainSyntaxes,
}));
const times = { connectMs: longestStepMs, associateMs: longestStepMs, answerMs: longestStepMs, writeMs: longestStepMs };

/** Tries a DIMSE node: resolve, connect, associate (with TLS), echo, and find where it takes part in searches. */
export async function* tryDimse(
  known: KnownNode,
  settings: DimseSettings,
  ownAe: string,
  nowMs: number,
  signal: AbortSignal,
): AsyncGenerator<TriedStep> {
  const { host, port } = settings;
  const resolved = await tryStep('resolve', async () => {
    const addresses = await resolveHost(host);
    return { details: { addresses: addresses.join(' ') } };
  });
  yield resolved;
  if (!resolved.step.ok) return;
  const connected = await tryStep('connect', async () => {
    await tryConnect(host, port, signal);
    return { details: { port } };
  });
  yield connected;
  if (!connected.step.ok) return;

  let association: RequestedAssociation | undefined;
  try {
    const associated = await tryStep('associate', async () => {
      association = await openAssociation(associationWishOf(known, { ownAe, contexts, times, signal }));
      const { peer, certificate } = association;
      const details: StepDetails = {
        called: settings.aeTitle,
        calling: settings.callingAeTitle || ownAe,
        implementation: peer.implementationVersion,
        maxPduBytes: peer.maxPduBytes,
      };
      if (certificate) details['certificateDays'] = daysLeft(certificate.validToMs, nowMs);
      return { details, learned: learnedOf(association) };
    });
    const isTls = associated.step.code === 'exchange.tls' || associated.step.code === 'exchange.certificateExpired';
    // TLS comes before the association and has a step of its own.
    if (isTls) yield { ...associated, step: { ...associated.step, name: 'tls' } };
    else {
      if (settings.tls.enabled && association) yield tlsStep(associated);
      yield associated;
    }
    const open = association;
    if (!open) return;
    const echoed = await tryStep('echo', async () => {
      const { status } = await open.echo();
      const failure = failureOfStatus(status, 'echo');
      return { details: {}, learned: { echo: failure ? 'no' : 'yes' }, failure };
    });
    yield echoed;
    // A peer may have ended the association over an echo that it does not take; a find would say nothing new then.
    if (!known.node.use.search || echoed.step.code === 'exchange.aborted' || echoed.step.code === 'exchange.closed')
      return;
    yield await tryStep('find', async () => {
      const status = await findNothing(open);
      const failure = failureOfStatus(status, 'find');
      return { details: {}, learned: { find: failure ? 'no' : 'yes' }, failure };
    });
  } finally {
    await association?.release();
  }
}

function tlsStep(associated: TriedStep): TriedStep {
  const days = associated.step.details['certificateDays'];
  return {
    step: {
      name: 'tls',
      ok: true,
      code: null,
      details: days === undefined ? {} : { certificateDays: days },
      tookMs: 0,
    },
    learned: {},
  };
}

/** What the peer takes and refuses. That it takes a context for commitment is no word that it ever commits. */
function learnedOf({ contexts: agreed }: RequestedAssociation): Record<string, 'yes' | 'no'> {
  const learned: Record<string, 'yes' | 'no'> = {};
  for (const [name, uid] of Object.entries(services)) {
    const isAgreed = agreed.some(({ abstractSyntax }) => abstractSyntax === uid);
    if (!isAgreed) learned[name] = 'no';
    else if (name === 'move' || name === 'get') learned[name] = 'yes';
  }
  return learned;
}

/** Asks for a study that nobody has: whether the peer answers is all that is wanted. Returns its last status. */
async function findNothing(association: RequestedAssociation): Promise<number> {
  const matches = association.find(services.find, encodeUnknownStudy);
  for (;;) {
    const { done, value } = await matches.next();
    if (done) return value.status;
  }
}

/** Query level STUDY and a Study Instance UID of nobody, in implicit or explicit little endian. */
function encodeUnknownStudy(transferSyntaxUid: string): Uint8Array {
  const element = (group: number, number: number, vr: string, value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    const head = Buffer.alloc(8);
    head.writeUInt16LE(group, 0);
    head.writeUInt16LE(number, 2);
    if (transferSyntaxUid === '1.2.840.10008.1.2') head.writeUInt32LE(bytes.length, 4);
    else {
      head.write(vr, 4, 'latin1');
      head.writeUInt16LE(bytes.length, 6);
    }
    return Buffer.concat([head, bytes]);
  };
  return Buffer.concat([
    element(0x0008, 0x0052, 'CS', 'STUDY '),
    element(0x0020, 0x000d, 'UI', '2.25.281474976710655'),
  ]);
}
