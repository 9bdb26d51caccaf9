import type { AnyContractProcedure, ContractProcedure, InferSchemaInput, InferSchemaOutput } from '@orpc/contract';
import type { Permission, Role } from '../app/domains/security/securityRules.ts';
import type { Archive } from './archive/archive.ts';
import type { JobRunner } from './background/jobs.ts';
import type { ListAnswer, ListQuestion } from './database/rowLists.ts';
import type { Author, Reader, WriteGate } from './database/writeGate.ts';
import type { Services } from './domainServices.ts';
import type { Platform } from './platform/platform.ts';

/** An operator signed in on one connection. Held in memory only. */
export interface Session extends Author {
  readonly operatorId: string;
  readonly operatorName: string;
  readonly roles: readonly Role[];
  readonly signedInAt: number;
  /** Of a token: all that it may do, whatever the roles say. Missing for a person, whose roles decide. */
  readonly grants?: readonly Permission[];
}

/** What exists while the data key is in memory. Domains get it; nobody else makes one. */
export interface OpenStore {
  readonly platform: Platform;
  readonly gate: WriteGate;
  /** Read-only handle on the window's thread: indexed reads under 5 ms. */
  readonly reader: Reader;
  /** Runs one SELECT in a reading worker thread, for anything longer. */
  readLater<Row>(sql: string, ...parameters: (string | number | null)[]): Promise<Row[]>;
  /** A part of a long list, found in a reading worker thread. */
  readList<Row>(question: ListQuestion): Promise<ListAnswer<Row>>;
  readonly archive: Archive;
  readonly jobs: JobRunner;
  readonly siteId: string;
  newId(): string;
}

/** What a handler is given besides its parsed input. Identity comes from the connection, never from input. */
export interface CallContext {
  readonly connectionId: string;
  /** Null only in procedures declared `public`. */
  readonly session: Session | null;
  readonly signal: AbortSignal;
  /** The signed-in author, for the write gate. @throws Failure('security.notSignedIn') */
  author(): Session;
  can(permission: Permission): boolean;
  /** @throws Failure('security.sealed' | 'security.notSetUp') when no store is open. */
  store(): OpenStore;
  services(): Services;
}

type Handler<P> =
  P extends ContractProcedure<infer Input, infer Output, infer _Errors, infer _Meta>
    ? (
        input: InferSchemaOutput<Input>,
        context: CallContext,
      ) => InferSchemaInput<Output> | Promise<InferSchemaInput<Output>>
    : never;

/** The implementation of one domain's contract: a plain object of functions. The kernel adds permission, audit, parsing and failures. */
export type HandlersOf<C extends Record<string, AnyContractProcedure>> = {
  readonly [Name in keyof C]: Handler<C[Name]>;
};

/** A host's way to serve assets: DICOMweb under /dicomweb, documents under /documents, uploads under /imports. */
export type AssetHandler = (request: Request, context: CallContext) => Promise<Response>;
