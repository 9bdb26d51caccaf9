import type {
  Delivery,
  DeliveryDetail,
  DeliveryState,
  ExchangeNode,
  FindEvent,
  FindQuery,
  NodeSecrets,
  NodeSettings,
  NodeUse,
  ReceivedAssociation,
  ReceiverSettings,
  ReceiverState,
  TestStep,
} from '../../../app/domains/exchange/exchangeSchema.ts';
import type { ScheduleEvent, ScheduleQuery } from '../../../app/domains/exchange/scheduleSchema.ts';
import type { Author, Transaction } from '../../database/writeGate.ts';

/** A node with what only the host may know, for those who talk to it. Never log it. */
export interface KnownNode {
  readonly node: ExchangeNode;
  readonly secrets: NodeSecrets;
}

export interface NewNode {
  readonly nodeId: string | null;
  readonly baseVersion: number | null;
  readonly name: string;
  readonly settings: NodeSettings;
  readonly use: NodeUse;
  readonly secrets: NodeSecrets;
}

/** Who the other systems are. */
export interface NodeRegistry {
  list(): ExchangeNode[];
  /** @throws Failure('exchange.nodeUnknown') also for an archived one */
  get(nodeId: string): KnownNode;
  /** Also an archived one: for the name in a list. */
  find(nodeId: string): KnownNode | undefined;
  /** @throws Failure('exchange.nodeChanged' | 'exchange.badCertificate' | 'exchange.badKey' | 'exchange.nodeUnknown') */
  save(author: Author, node: NewNode): ExchangeNode;
  archive(author: Author, nodeId: string): void;
  /** Tries what the node is used for, and keeps the answer. */
  test(author: Author, nodeId: string, signal: AbortSignal): Promise<TestStep[]>;
  /** Keeps what a conversation showed: 'commitment', 'get', 'stow' … Cheap when nothing changed. */
  learn(nodeId: string, name: string, state: 'yes' | 'no'): void;
  knows(nodeId: string, name: string): 'yes' | 'no' | undefined;
  /** Told after a node was saved or archived. */
  onChange(listener: (nodeId: string) => void): void;
}

/** A request that stores objects here over the local DICOMweb, as the log of associations has it. */
export interface LoggedRequest {
  readonly associationId: string;
  /** Aborted when the core stops: what came whole stays, and `end` is owed soon. */
  readonly signal: AbortSignal;
  /** Inside the transaction of each group of its objects. */
  note(
    tx: Transaction,
    added: {
      readonly imported: number;
      readonly duplicates: number;
      readonly conflicts: number;
      readonly bytes: number;
    },
  ): void;
  end(end: {
    readonly ending: string;
    readonly refused: number;
    readonly reasons: Readonly<Record<string, number>>;
    readonly isWhole: boolean;
  }): void;
}

/** What other systems send here. */
export interface Receiver {
  /** For STOW-RS: writes the request into the log and, at its end, into the audit. */
  openRequest(author: Author): LoggedRequest;
  state(): ReceiverState;
  save(author: Author, settings: ReceiverSettings, privateKey?: string): Promise<ReceiverState>;
  associations(page: { offset: number; limit: number }): { total: number; rows: ReceivedAssociation[] };
  /** Starts listening where that is switched on; called once the services stand. Never throws: the state says why not. */
  start(): Promise<void>;
  /**
   * The N-EVENT-REPORTs of storage commitment that reach the listener go to whoever asked for them; returns the way to
   * stop hearing. The listener answers success once the promise is fulfilled.
   */
  onEvent(
    listener: (event: {
      readonly callingAe: string;
      readonly sopClassUid: string;
      readonly eventType: number;
      readonly transferSyntaxUid: string;
      readonly information: Uint8Array;
    }) => Promise<void>,
  ): () => void;
  close(): Promise<void>;
}

/** A request to send that a routing rule makes, not a person. */
export interface RuleRequest {
  readonly ruleId: string;
  /** Shown as who asked. */
  readonly ruleName: string;
  /** Instances of the study (null: all up to `lastInstanceRow`), counted by who asks; null: what the input says. */
  readonly what: {
    readonly sopUids: readonly string[] | null;
    readonly lastInstanceRow: number;
    readonly instances: number;
    readonly bytes: number;
  } | null;
  /** Inside the transaction of the request: how far the rule has come. */
  within(tx: Transaction): void;
}

/** What is on its way to others, and with what proof it arrived. */
export interface Deliveries {
  /** @throws Failure('exchange.nothingToSend' | 'exchange.nodeNotFor' | 'imaging.identityConflict' | …) */
  send(
    author: Author,
    input: {
      nodeId: string;
      studyUid: string;
      seriesUids: readonly string[];
      reportId: string | null;
      /** Only these instances of the study. */
      sopUids?: readonly string[];
      /** Goes without the person, under other UIDs. */
      deidentify: boolean;
    },
    byRule?: RuleRequest,
  ): Delivery;
  list(question: {
    offset: number;
    limit: number;
    nodeId: string | null;
    studyUid: string | null;
    reportId?: string | null;
    states: readonly DeliveryState[];
    /** Only what is refused, given up or held until a person sees to it. */
    needsPerson?: boolean;
  }): { total: number; rows: Delivery[] };
  get(question: { deliveryId: string; offset: number; limit: number }): DeliveryDetail;
  retry(author: Author, deliveryId: string): Delivery;
  cancel(author: Author, deliveryId: string): Delivery;
  /** Takes up the queues; called once the services stand, on a core with background work. */
  start(): void;
  close(): Promise<void>;
}

/** What others have, and bringing it here. */
export interface Finding {
  find(
    question: { nodeIds: readonly string[]; query: FindQuery; limit: number },
    signal: AbortSignal,
  ): AsyncIterable<FindEvent>;
  findSchedule(
    question: { nodeIds: readonly string[]; query: ScheduleQuery; limit: number },
    signal: AbortSignal,
  ): AsyncIterable<ScheduleEvent>;
  startFetch(author: Author, input: { nodeId: string; studyUid: string; seriesUids: readonly string[] }): string;
  close(): Promise<void>;
}
