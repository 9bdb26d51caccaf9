import type { Language, UnattendedState } from '../../../app/domains/security/securitySchema.ts';
import type { systemContract } from '../../../app/domains/system/systemContract.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { HandlersOf } from '../../core.ts';
import type { StoreHolder } from '../../database/storeHolder.ts';
import type { ChangeFeed } from './changeFeed.ts';

/** The parts of the core that the system's own procedures show or move. */
export interface SystemParts {
  /** Of the store that is served now, which may be a throw-away one. */
  readonly holder: Pick<StoreHolder, 'phase' | 'platform' | 'siteName' | 'current'>;
  readonly version: string;
  readonly feed: ChangeFeed;
  /** Whether the program opens the store by itself, and what came of it at this start. */
  readonly unattended: { state(): UnattendedState };
  isSignedIn(connectionId: string): boolean;
  /** Opens (or finds open) the store of sample studies and signs the demonstration operator in on the connection. */
  openSample(connectionId: string, language: Language): Promise<{ jobId: string | null }>;
}

export function makeSystemHandlers(parts: SystemParts): HandlersOf<typeof systemContract> {
  return {
    status: () => ({
      phase: parts.holder.phase,
      version: parts.version,
      host: parts.holder.platform.host,
      sample: parts.holder.platform.sample,
      siteName: readSiteName(parts.holder),
      clockSetBackByMs: parts.holder.current()?.gate.clockSetBackByMs ?? 0,
      unattended: parts.unattended.state(),
    }),
    openSample: (input, context) => parts.openSample(context.connectionId, input?.language ?? 'en'),
    watchChanges: (_input, context) =>
      parts.feed.watch(context.signal, (topic) => topic === 'session' || parts.isSignedIn(context.connectionId)),
  };
}

/** The page must come up also where the keyring can't be read: signing in is where that is told and acted upon. */
function readSiteName(holder: SystemParts['holder']): string {
  try {
    return holder.siteName();
  } catch (error) {
    if (error instanceof Failure) return '';
    throw error;
  }
}
