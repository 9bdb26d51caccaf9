import {
  keepPreviousData,
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
} from '@tanstack/react-query';
import type { Failure } from '../../app/shared/failure.ts';
import { useApi } from './ApiProvider.tsx';
import { asFailure } from './asFailure.ts';
import { callByName, type InputOf, type OutputOf, type ProcedureName } from './contractClient.ts';
import type { QueryName } from './queryTopics.ts';

export interface QueryOptions {
  readonly enabled?: boolean;
  /** Shows the last answer while the next is on its way (lists). */
  readonly keepPrevious?: boolean;
  readonly staleTimeMs?: number;
  /** How long an answer outlives the screen that asked; 0: the next opening asks anew. */
  readonly keepMs?: number;
  /** False: commits do not run it again (a query that opens something is one audit entry a call). */
  readonly topics?: boolean;
}

/** The cache key of a query: its name and its input. */
export function queryKeyOf<Name extends QueryName & ProcedureName>(
  name: Name,
  input: InputOf<Name>,
): readonly unknown[] {
  return [name, input ?? null];
}

/** A copy of facts, kept fresh by the host's commits. The error is always a Failure. */
export function useQueryOf<Name extends QueryName & ProcedureName>(
  name: Name,
  input: InputOf<Name>,
  options: QueryOptions = {},
): UseQueryResult<OutputOf<Name>, Failure> {
  const { client } = useApi();
  return useQuery<OutputOf<Name>, Failure>({
    queryKey: queryKeyOf(name, input),
    queryFn: async ({ signal }) => {
      try {
        return await callByName(client, name, input, signal);
      } catch (error) {
        // TanStack knows a cancelled query by its aborted signal; everything else is a Failure.
        throw signal.aborted ? error : asFailure(error);
      }
    },
    ...(options.enabled === undefined ? {} : { enabled: options.enabled }),
    ...(options.keepPrevious ? { placeholderData: keepPreviousData } : {}),
    ...(options.staleTimeMs === undefined ? {} : { staleTime: options.staleTimeMs }),
    ...(options.keepMs === undefined ? {} : { gcTime: options.keepMs }),
    meta: { topics: options.topics ?? true },
  });
}

/** A command or a job to start. The error is always a Failure; what it changed comes back by the change stream. */
export function useCommandOf<Name extends ProcedureName>(
  name: Name,
): UseMutationResult<OutputOf<Name>, Failure, InputOf<Name>> {
  const { client } = useApi();
  return useMutation<OutputOf<Name>, Failure, InputOf<Name>>({
    mutationFn: async (input) => {
      try {
        return await callByName(client, name, input);
      } catch (error) {
        throw asFailure(error);
      }
    },
  });
}
