import { type ClientLink, createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import type { Contract } from '../../app/contract.ts';
import { type Channel, ChannelSocket, withCallerErrors } from '../../app/shared/channel.ts';

export type CoreClient = ContractRouterClient<Contract>;

/** A client of the contract over any channel: for the command line and for tests. The window has its own, without Node. */
export function openChannelClient<Client = CoreClient>(channel: Channel): Client {
  const socket = new ChannelSocket(channel);
  const link = new RPCLink({ websocket: socket as unknown as WebSocket });
  const honest: ClientLink<Record<never, never>> = {
    call: (path, input, options) => withCallerErrors(() => link.call(path, input, options), options.signal),
  };
  return createORPCClient(honest as never) as Client;
}
