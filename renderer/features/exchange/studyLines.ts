import { useQuery } from '@tanstack/react-query';
import type { Failure } from '../../../app/shared/failure.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import { callByName, type OutputOf } from '../../api/contractClient.ts';
import { queryKeyOf } from '../../api/queries.ts';

type Line = OutputOf<'imaging.listStudyLines'>[number];
type Ask = (studyUids: readonly string[]) => Promise<readonly Line[]>;

/** As many as the host takes in one question. */
const most = 500;

/**
 * Asks for many lines as one question: the rows of a list that come into view together are asked for together.
 *
 * @returns a way to ask for one; null where the study is not here
 */
export function togetherBy(ask: Ask): (studyUid: string) => Promise<Line | null> {
  let next: { readonly studyUids: Set<string>; readonly lines: Promise<Map<string, Line>> } | null = null;
  return async (studyUid) => {
    if (!next || next.studyUids.size >= most) {
      const studyUids = new Set<string>();
      const lines = new Promise<void>((resolve) => setTimeout(resolve, 0)).then(async () => {
        if (next?.studyUids === studyUids) next = null;
        const answer = await ask([...studyUids]);
        return new Map(answer.map((line) => [line.studyUid, line]));
      });
      next = { studyUids, lines };
    }
    next.studyUids.add(studyUid);
    return (await next.lines).get(studyUid) ?? null;
  };
}

const askers = new WeakMap<object, (studyUid: string) => Promise<Line | null>>();

interface KnownLine {
  /** Null where it is not here; undefined until that is known. */
  readonly line: Line | null | undefined;
  /** Why it can't be known; null while it may be. */
  readonly failure: Failure | null;
  retry(): void;
}

/** Whose study it is, and what. */
export function useStudyLine(studyUid: string): KnownLine {
  const { client } = useApi();
  const asked = useQuery<Line | null, Failure>({
    queryKey: queryKeyOf('imaging.listStudyLines', { studyUids: [studyUid] }),
    queryFn: async () => {
      const known = askers.get(client);
      const one =
        known ?? togetherBy((studyUids) => callByName(client, 'imaging.listStudyLines', { studyUids: [...studyUids] }));
      if (!known) askers.set(client, one);
      try {
        return await one(studyUid);
      } catch (error) {
        throw asFailure(error);
      }
    },
    gcTime: 300_000,
    // What is not here may come.
    staleTime: ({ state }) => (state.data === null ? 0 : Number.POSITIVE_INFINITY),
    // A name in a list of deliveries: commits of an import need not ask for every row again.
    meta: { topics: false },
  });
  return { line: asked.data, failure: asked.error, retry: () => void asked.refetch() };
}
