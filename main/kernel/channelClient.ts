import { type ClientLink, createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import type { Contract } from '../../app/contract.ts';
import { asCallerError, type Channel, ChannelSocket } from '../../app/shared/channel.ts';

export type CoreClient = ContractRouterClient<Contract>;

/** A client of the contract over any channel: for the command line and for tests. The window has its own, without Node. */
export function openChannelClient<Client = CoreClient>(channel: Channel): Client {
  const socket = new ChannelSocket(channel);
  const link = new RPCLink({ websocket: socket as unknown as WebSocket });
  const honest: ClientLink<Record<never, never>> = {
    async call(path, input, options) {
      try {
        const output = await link.call(path, input, options);
        return isIterator(output) ? withCallerErrors(output, options.signal) : output;
      } catch (error) {
        throw asCallerError(error, options.signal?.aborted === true);
      }
    },
  };
  return createORPCClient(honest as never) as Client;
}

function isIterator(output: unknown): output is AsyncIterator<unknown> & object {
  return typeof output === 'object' && output !== null && Symbol.asyncIterator in output;
}

async function* withCallerErrors(items: AsyncIterator<unknown>, signal: AbortSignal | undefined) {
  try {
    for (;;) {
      const result = await items.next();
      if (result.done) return;
      yield result.value;
    }
  } catch (error) {
    throw asCallerError(error, signal?.aborted === true);
  } finally {
    await items.return?.();
  }
}
