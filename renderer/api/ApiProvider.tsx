import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { watchChanges } from './changeWatch.ts';
import type { Connection } from './connection.ts';
import type { Client } from './contractClient.ts';

export interface Api {
  readonly client: Client;
  /** fetch for `/dicomweb/…`, `/documents/…` and `/imports/…`, with this window's bearer. */
  readonly fetchAsset: (path: string, init?: RequestInit) => Promise<Response>;
}

const ApiContext = createContext<Api | null>(null);

/** The host, for whoever is inside the window. @throws when used outside ApiProvider */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error('useApi outside ApiProvider');
  return api;
}

function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Freshness comes from the host's change stream, not from guessing.
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 60_000,
        retry: false,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: 'always',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}

/** Gives the client, the query cache and its invalidation to the window. One per connection. */
export function ApiProvider({ connection, children }: { connection: Connection; children: ReactNode }) {
  const [queryClient] = useState(makeQueryClient);
  const api = useMemo<Api>(
    () => ({ client: connection.client, fetchAsset: (path, init) => connection.fetchAsset(path, init) }),
    [connection],
  );
  useEffect(() => watchChanges(connection, queryClient), [connection, queryClient]);
  return (
    <ApiContext.Provider value={api}>
      <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
    </ApiContext.Provider>
  );
}
