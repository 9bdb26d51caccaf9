import { type AnyContractProcedure, isContractProcedure } from '@orpc/contract';
import { type AnyRouter, implement } from '@orpc/server';
import { RPCHandler } from '@orpc/server/websocket';
import { contract } from '../../app/contract.ts';
import { type Channel, isCallFrame } from '../../app/shared/channel.ts';
import { Failure } from '../../app/shared/failure.ts';
import type { OperationMeta } from '../../app/shared/operation.ts';
import type { CallContext, HandlersOf } from '../core.ts';
import { type KernelHost, runOperation } from './runOperation.ts';
import { isWire, sealError, toWire } from './sealErrors.ts';

/** The implementation of the whole contract: one object of functions per domain. */
export type Handlers = { readonly [Domain in keyof typeof contract]: HandlersOf<(typeof contract)[Domain]> };

/** A contract as plain data: domains of procedures. Tests bring small ones. */
export type ContractTable = Record<string, Record<string, AnyContractProcedure>>;
type HandlerTable = Record<string, Record<string, (input: never, context: CallContext) => unknown>>;

export interface Kernel {
  /** Serves calls from one connection until it closes; then every call and stream of it is aborted. */
  serve(channel: Channel, connectionId: string): void;
}

interface RpcContext extends Record<PropertyKey, unknown> {
  readonly connectionId: string;
  readonly progress?: { isDecoded: boolean };
}

/**
 * The only place that knows the RPC library: joins the contract with its handlers, and puts `runOperation` around each.
 *
 * @throws when a handler is missing or belongs to no procedure, or a procedure has no meta: a fault of the program.
 */
export function startKernel(handlers: Handlers, host: KernelHost): Kernel;
export function startKernel(handlers: HandlerTable, host: KernelHost, table: ContractTable): Kernel;
export function startKernel(
  handlers: Handlers | HandlerTable,
  host: KernelHost,
  table: ContractTable = contract,
): Kernel {
  const metas = readMetas(table);
  const rpc = new RPCHandler<RpcContext>(buildRouter(table, handlers as HandlerTable), {
    interceptors: [
      async (options) => {
        const progress = { isDecoded: false };
        try {
          const result = await options.next({ ...options, context: { ...options.context, progress } });
          if (!result.matched) throw new Failure('system.notFound', 'The contract has no such procedure.');
          return result;
        } catch (error) {
          if (isWire(error)) throw error;
          if (progress.isDecoded || error instanceof Failure) throw toWire(sealError(error, 'reply', false, host));
          throw toWire(new Failure('system.invalidInput', 'The body of the call could not be read.'));
        }
      },
    ],
    clientInterceptors: [
      ({ path, input, context, signal = new AbortController().signal, next, ...options }) => {
        if (context.progress) context.progress.isDecoded = true;
        const operation = path.join('.');
        const meta = metas.get(operation);
        if (!meta) throw toWire(new Failure('system.notFound', 'The contract has no such procedure.'));
        return runOperation(
          {
            operation,
            meta,
            connectionId: context.connectionId,
            input,
            signal,
            proceed: (callContext) => next({ ...options, path, input, signal, context: { ...context, callContext } }),
          },
          host,
        );
      },
    ],
  });
  return { serve: (channel, connectionId) => serveChannel(rpc, channel, connectionId, host) };
}

function serveChannel(rpc: RPCHandler<RpcContext>, channel: Channel, connectionId: string, host: KernelHost): void {
  let isClosed = false;
  const socket = {
    send: (frame: string) => (isClosed ? undefined : channel.send(frame)),
    addEventListener: () => undefined,
  } as unknown as Parameters<typeof rpc.message>[0];

  channel.onClose(() => {
    isClosed = true;
    rpc.close(socket);
  });
  channel.onFrame((frame) => {
    if (isClosed) return;
    if (!isCallFrame(frame)) {
      // No client of ours sends one, so whoever does is not answered further.
      host.log.warn('A connection sent what is no call and was closed', { connectionId });
      channel.close();
      return;
    }
    rpc.message(socket, frame, { context: { connectionId } }).catch((error: unknown) => {
      if (!isClosed) host.log.error('A reply could not be sent', error, { connectionId });
    });
  });
}

function buildRouter(table: ContractTable, handlers: HandlerTable): AnyRouter {
  const builder = implement(table) as unknown as Record<
    string,
    Record<string, { handler(run: (options: HandlerOptions) => unknown): unknown }>
  >;
  const router: Record<string, Record<string, unknown>> = {};
  for (const domain of unionOfKeys(table, handlers)) {
    const routes: Record<string, unknown> = {};
    router[domain] = routes;
    for (const name of unionOfKeys(table[domain] ?? {}, handlers[domain] ?? {})) {
      const handle = handlers[domain]?.[name];
      const procedure = table[domain]?.[name] ? builder[domain]?.[name] : undefined;
      if (!handle || !procedure) throw new Error(`${domain}.${name} needs both a contract and a handler.`);
      routes[name] = procedure.handler(async ({ input, context }) => {
        const output = await handle(input as never, context.callContext);
        // The library takes iterators only; a stream handler may return anything that can be iterated.
        return isAsyncIterable(output) ? output[Symbol.asyncIterator]() : output;
      });
    }
  }
  return router as AnyRouter;
}

interface HandlerOptions {
  readonly input: unknown;
  readonly context: { readonly callContext: CallContext };
}

function readMetas(table: ContractTable): Map<string, OperationMeta> {
  const metas = new Map<string, OperationMeta>();
  for (const [domain, procedures] of Object.entries(table)) {
    for (const [name, procedure] of Object.entries(procedures)) {
      const meta = isContractProcedure(procedure) ? (procedure['~orpc'].meta as Partial<OperationMeta>) : {};
      if (meta.shape === undefined || meta.permission === undefined || meta.audit === undefined) {
        throw new Error(`${domain}.${name} declares no meta: declare it through op().`);
      }
      metas.set(`${domain}.${name}`, meta as OperationMeta);
    }
  }
  return metas;
}

function isAsyncIterable(output: unknown): output is AsyncIterable<unknown> {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output;
}

function unionOfKeys(first: object, second: object): Set<string> {
  return new Set([...Object.keys(first), ...Object.keys(second)]);
}
