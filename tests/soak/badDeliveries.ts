import { expect } from 'vitest';
import type { ObjectDigest } from '../../main/dicom/web/dicomweb.ts';
import { digestObject } from '../../main/dicom/web/objectDigest.ts';
import type { DeliveryOptions } from '../../main/domains/exchange/sending/deliveries.ts';
import type { SeededRandom } from '../../main/domains/imaging/samples/seededRandom.ts';
import { aSlice } from '../../main/domains/imaging/testObjects.ts';
import { type BadDimseBehaviour, startBadDimsePeer } from '../integration/peers/badDimsePeer.ts';
import { type BadWebBehaviour, startBadWebPeer } from '../integration/peers/badWebPeer.ts';
import type { ShelfObject } from '../integration/peers/objectShelf.ts';
import { until } from '../integration/peers/receivingStation.ts';
import { openSendingStation, type SendingStation } from '../integration/peers/sendingStation.ts';

/** Every way a DIMSE peer of the tests can be wrong. */
export const dimseBehaviours: readonly BadDimseBehaviour[] = [
  'good',
  { rejects: { result: 1, source: 1, reason: 7 } },
  { rejects: { result: 2, source: 3, reason: 1 } },
  ...[0xa700, 0xa900, 0xc000, 0x0110, 0x0122, 0x0124, 0xb000, 0xb006, 0xb007].map((answers) => ({ answers })),
  ...(['neverAssociates', 'neverAnswers', 'stopsReading', 'abortsMidObject', 'closesMidObject'] as const),
  ...(['abortsAfterObject', 'drops', 'dropsEverySecond', 'halfPdu', 'halfPduThenCloses'] as const),
  ...(['wrongTransferSyntax', 'floodsPending', 'giantPdu', 'slowLoris', 'closesAfterEachObject'] as const),
  ...(['wrongMessageId', 'garbage', 'commitmentFailsSome', 'commitmentNeverReports'] as const),
  ...(['commitmentOtherTransaction', 'commitmentSaysBoth', 'commitmentNamesNone', 'commitmentRefused'] as const),
];

/** Every way a DICOMweb peer of the tests can be wrong. */
export const webBehaviours: readonly BadWebBehaviour[] = [
  ...(['good', 'serverError', 'busy', 'unauthorized', 'forbidden', 'redirectLoop', 'redirectElsewhere'] as const),
  ...(['redirectDowngrade', 'neverAnswers', 'halfAnswer', 'slowLoris', 'wrongContentType', 'clockSkew'] as const),
  ...(['invalidJson', 'duplicateKeys', 'hugeJson', 'expiredCertificate', 'wrongHostCertificate'] as const),
  ...(['clientCertificateRequired', 'partialConflict', 'partialFailure', 'dropsSilently', 'dropsEverySecond'] as const),
  ...([
    'corrupts',
    'corruptsSeriesTwo',
    'alreadyHas',
    'findsWhatItDropped',
    'emptyAnswer',
    'namesAnother',
    'saysBoth',
    'closesMidUpload',
  ] as const),
  ...(['refusesEarly', 'ignoresLimit', 'ignoresOffset', 'ignoresPaging'] as const),
];

/** Cannot become good: what is wrong is the certificate that the server was started with. */
const stayBad: ReadonlySet<string> = new Set([
  'expiredCertificate',
  'wrongHostCertificate',
  'clientCertificateRequired',
]);

/** Patience of an hour in a second: what waits for a peer that says nothing must not make a test of minutes. */
const hasty: DeliveryOptions = {
  times: {
    dimse: { connectMs: 5000, associateMs: 700, answerMs: 700, writeMs: 700 },
    web: { connectMs: 5000, answerMs: 700, idleMs: 500, wholeMs: 3000 },
    eventMs: 150,
  },
  nodesAtOnce: 6,
};

export type Behaviour =
  | { readonly kind: 'dimse'; readonly behaviour: BadDimseBehaviour }
  | { readonly kind: 'web'; readonly behaviour: BadWebBehaviour };

interface Round {
  readonly name: string;
  readonly studyUid: string;
  readonly deliveryId: string;
  readonly peer: Peer;
  readonly canMend: boolean;
}

interface Peer {
  readonly kept: ReadonlyMap<string, ShelfObject>;
  become(good: 'good'): void;
  stop(): Promise<void>;
}

export interface DeliveryFigures {
  deliveries: number;
  instances: number;
  /** Deliveries that were proven though the peer was wrong, as those whose fault harms nothing are. */
  provenAtOnce: number;
  /** Proven only once the peer was right. */
  provenLater: number;
  /** Not to be mended: certificates. */
  neverReached: number;
  /** Receipts of single instances that were held against what the peer truly has; one that is false ends the run. */
  receiptsChecked: number;
}

export function noFigures(): DeliveryFigures {
  return { deliveries: 0, instances: 0, provenAtOnce: 0, provenLater: 0, neverReached: 0, receiptsChecked: 0 };
}

/** Sends one study to each of these peers at once, and holds every receipt against what the peer truly kept. */
export async function deliverToBadPeers(
  behaviours: readonly Behaviour[],
  random: SeededRandom,
): Promise<DeliveryFigures> {
  const station = await openSendingStation({ ...hasty, random: () => random.next() });
  const rounds: Round[] = [];
  const figures = noFigures();
  try {
    for (const behaviour of behaviours) rounds.push(await openRound(station, behaviour, random));
    const slow = rounds.filter(({ name }) => name.endsWith('slowLoris'));
    // Until each was tried twice, or has come to its end; those that take for ever are cancelled by a person.
    await drive(
      station,
      slow,
      ({ attempts }) => attempts > 0,
      () => true,
    );
    for (const { deliveryId } of slow) station.deliveries.cancel(station.station.t.test.author, deliveryId);
    await drive(station, rounds, ({ attempts, nextAttemptAt }) => attempts >= 2 || nextAttemptAt === null);
    const early = new Set<Round>();
    for (const round of rounds) if ((await check(station, round)) === 'proven') early.add(round);
    for (const { peer } of rounds) peer.become('good');
    for (const { deliveryId } of rounds.filter((round) => !early.has(round))) {
      station.deliveries.retry(station.station.t.test.author, deliveryId);
    }
    await drive(
      station,
      rounds.filter(({ canMend }) => canMend),
      ({ nextAttemptAt }) => nextAttemptAt === null,
    );
    for (const round of rounds) {
      const state = await check(station, round);
      if (round.canMend) expect(state, round.name).toBe('proven');
      else expect(state, round.name).not.toBe('proven');
      figures.deliveries += 1;
      const { instances, proven } = station.get(round.deliveryId);
      figures.instances += instances;
      figures.receiptsChecked += proven;
      if (early.has(round)) figures.provenAtOnce += 1;
      else if (round.canMend) figures.provenLater += 1;
      else figures.neverReached += 1;
    }
    return figures;
  } finally {
    await station.close();
    await Promise.all(rounds.map(({ peer }) => peer.stop()));
  }
}

async function openRound(station: SendingStation, at: Behaviour, random: SeededRandom): Promise<Round> {
  const { behaviour } = at;
  const name = `${at.kind} ${typeof behaviour === 'string' ? behaviour : JSON.stringify(behaviour)}`;
  const studyUid = `1.2.826.0.1.3680043.9.${station.deliveries.list({ ...all }).total + 1}.${Math.floor(random.between(1, 1e9))}`;
  const count = 2 + Math.floor(random.between(0, 4));
  const files = Array.from({ length: count }, (_, index) =>
    aSlice({
      study: studyUid,
      // Two series, where there are enough.
      series: `${studyUid}.${index < 3 ? 1 : 2}`,
      sop: `${studyUid}.9.${index + 1}`,
      identifier: studyUid.slice(-20),
      number: index + 1,
      value: Math.floor(random.between(0, 4095)),
      // One is long enough to be in the middle of for a while.
      more: index === 0 ? { '00091010': ['OB', Buffer.alloc(200_000, index + 1)] } : {},
    }),
  );
  await station.importFiles(...files);
  const { peer, nodeId } =
    at.kind === 'dimse' ? await openDimse(station, at.behaviour) : await openWeb(station, at.behaviour);
  const { deliveryId } = station.send(nodeId, studyUid);
  return { name, studyUid, deliveryId, peer, canMend: !stayBad.has(String(behaviour)) };
}

const all = { offset: 0, limit: 1, nodeId: null, studyUid: null, states: [] };

async function openDimse(station: SendingStation, behaviour: BadDimseBehaviour) {
  const peer = await startBadDimsePeer(behaviour);
  return { peer, nodeId: station.addDimse(peer) };
}

async function openWeb(station: SendingStation, behaviour: BadWebBehaviour) {
  const peer = await startBadWebPeer(behaviour);
  return { peer, nodeId: station.addWeb(peer.baseUrl, {}, peer.ca) };
}

type Delivery = ReturnType<SendingStation['get']>;

/** Moves the clock on to what is due next, whenever nothing is under way. */
async function drive(
  station: SendingStation,
  rounds: readonly Round[],
  isDone: (delivery: Delivery) => boolean,
  isStill: (delivery: Delivery) => boolean = ({ state }) => state !== 'sending',
): Promise<void> {
  const { clock } = station.station.t.test;
  await until(
    () => {
      const open = rounds
        .map(({ deliveryId }) => station.get(deliveryId))
        .filter((delivery) => !(isStill(delivery) && isDone(delivery)));
      const times = open.map(({ nextAttemptAt }) => nextAttemptAt ?? Number.POSITIVE_INFINITY);
      const next = Math.min(...times);
      if (open.every(({ state }) => state !== 'sending') && Number.isFinite(next) && next > clock.nowMs())
        clock.set(next);
      return open.map(({ deliveryId, state, attempts, lastTrouble }) => {
        const { name } = rounds.find((round) => round.deliveryId === deliveryId) ?? {};
        return { name, state, attempts, trouble: lastTrouble?.code };
      });
    },
    (open) => open.length === 0,
    150_000,
  );
}

/** No receipt without the object: what is called proven the peer has, as it was sent. */
async function check(station: SendingStation, { deliveryId, name, peer }: Round): Promise<Delivery['state']> {
  const delivery = station.get(deliveryId);
  expect(delivery.rows.length, name).toBe(delivery.instances);
  for (const { sopUid, state } of delivery.rows) {
    if (state === 'proven') await expectKept(station, peer, sopUid, name);
  }
  const proven = delivery.rows.filter(({ state }) => state === 'proven').length;
  expect(delivery.proven, name).toBe(proven);
  expect(delivery.state === 'proven', name).toBe(proven === delivery.instances);
  // Whoever looks must read why it is not there yet.
  if (delivery.state !== 'proven' && delivery.state !== 'cancelled') expect(delivery.lastTrouble, name).not.toBeNull();
  return delivery.state;
}

async function expectKept(station: SendingStation, peer: Peer, sopUid: string, name: string): Promise<void> {
  const kept = peer.kept.get(sopUid);
  expect(kept, `${name}: proven and not kept`).toBeDefined();
  const { store } = station.station.t.test;
  const row = store.reader.get<{ object_name: string }>('SELECT object_name FROM instance WHERE sop_uid = ?', sopUid);
  const here = await digestOf(await store.archive.get(row?.object_name ?? ''));
  expect((await digestOf(kept?.bytes ?? Buffer.alloc(0))).datasetSha256, `${name}: kept otherwise`).toBe(
    here.datasetSha256,
  );
}

function digestOf(bytes: Uint8Array): Promise<ObjectDigest> {
  async function* once() {
    yield bytes;
  }
  return digestObject(once());
}
