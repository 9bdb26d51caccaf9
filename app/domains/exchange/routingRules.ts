import type { ArrivalSource, RoutingRule, StudyMatch } from './routingSchema.ts';

/** One way in which instances of a study came here. */
export interface StudyOrigin {
  readonly channel: ArrivalSource;
  /** '' where the sender has none. */
  readonly callingAe: string;
  /** The node they came from; '' where it is none of ours. */
  readonly nodeId: string;
}

/** What a rule looks at in a study. */
export interface MatchedStudy {
  readonly modalities: readonly string[];
  readonly bodyParts: readonly string[];
}

/** Where a rule sends to, as far as a sender can be recognised in it. */
export interface Destination {
  readonly nodeId: string;
  /** What it calls itself; '' where it is reached over HTTP. */
  readonly aeTitle: string;
}

/** Whether a rule means such a study at all. */
export function matchesStudy(match: StudyMatch, study: MatchedStudy): boolean {
  return isAnyOf(match.modalities, study.modalities) && isAnyOf(match.bodyParts, study.bodyParts);
}

/** Whether a rule means what came this way. */
export function matchesOrigin(match: StudyMatch, { channel, callingAe }: StudyOrigin): boolean {
  if (match.sources.length > 0 && !match.sources.includes(channel)) return false;
  if (match.callingAes.length === 0) return true;
  return callingAe !== '' && match.callingAes.some((pattern) => isLikeAe(pattern, callingAe));
}

/**
 * Whether what came this way would go back to where it came from: a result to the program that made it, a study to the
 * archive it was fetched from. A rule that names the sender letter by letter wants it so.
 */
export function goesBack(match: StudyMatch, origin: StudyOrigin, destination: Destination): boolean {
  const isSender =
    origin.nodeId === destination.nodeId || (origin.callingAe !== '' && origin.callingAe === destination.aeTitle);
  return isSender && !match.callingAes.some((pattern) => pattern.trim() === origin.callingAe);
}

/** Whether two versions of a rule mean the same; one that means something else begins anew. */
export function meansTheSame(
  one: Pick<RoutingRule, 'trigger' | 'match' | 'nodeId' | 'content' | 'deidentify'>,
  other: Pick<RoutingRule, 'trigger' | 'match' | 'nodeId' | 'content' | 'deidentify'>,
): boolean {
  const told = ({ trigger, match, nodeId, content, deidentify }: typeof one) =>
    JSON.stringify([
      ...[trigger, nodeId, content, deidentify],
      ...[match.modalities, match.bodyParts, match.sources, match.callingAes].map((list) => [...list].sort()),
    ]);
  return told(one) === told(other);
}

/** An empty list is no condition. */
function isAnyOf(wanted: readonly string[], given: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((code) => given.includes(code));
}

/** Titles are compared letter by letter (PS3.5 6.2: case is significant), without spaces at their ends. */
function isLikeAe(pattern: string, title: string): boolean {
  const wanted = pattern.trim();
  const given = title.trim();
  // Which of the pattern's places can be reached after so many letters: no regular expression that a pattern could blow up.
  let places = new Set([0]);
  const pass = (from: ReadonlySet<number>): Set<number> => {
    const reached = new Set(from);
    for (const place of reached) if (wanted[place] === '*') reached.add(place + 1);
    return reached;
  };
  places = pass(places);
  for (const letter of given) {
    const next = new Set<number>();
    for (const place of places) {
      const symbol = wanted[place];
      if (symbol === '*') next.add(place);
      else if (symbol === '?' || symbol === letter) next.add(place + 1);
    }
    places = pass(next);
  }
  return places.has(wanted.length);
}
