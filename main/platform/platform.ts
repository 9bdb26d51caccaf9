/** What a host gives the core. Interfaces only: electron, the local host, the CLI and the tests each bring their own. */

import type { UnattendedKind, UnattendedProblem } from '../../app/domains/security/securitySchema.ts';

export interface Clock {
  /** Epoch milliseconds, UTC. */
  nowMs(): number;
}

export interface Log {
  info(message: string, fields?: Record<string, string | number | boolean>): void;
  warn(message: string, fields?: Record<string, string | number | boolean>): void;
  /** `error` keeps its stack; never pass patient data in `message` or `fields`. */
  error(message: string, error: unknown, fields?: Record<string, string | number | boolean>): void;
}

/**
 * A place outside the store that keeps one secret for it under the protection of the running account. The secret never
 * passes through a command line or the environment.
 */
export interface SecretStore {
  readonly kind: UnattendedKind;
  /** Null when it can be used here. */
  problem(signal: AbortSignal): Promise<UnattendedProblem | null>;
  /**
   * Null when nothing is kept under this name.
   *
   * @throws Failure('security.unattendedPlaceUnavailable' | 'security.unattendedSecretOpen' | 'security.unattendedBesideStore')
   */
  read(name: string, signal: AbortSignal): Promise<string | null>;
  /** Null where the system, not this program, puts the secret there. */
  readonly keep: {
    /** Replaces what was kept. @throws Failure('security.unattendedPlaceUnavailable') */
    write(name: string, secret: string, signal: AbortSignal): Promise<void>;
    /** @throws Failure('security.unattendedPlaceUnavailable') */
    remove(name: string, signal: AbortSignal): Promise<void>;
  } | null;
}

export interface Platform {
  readonly host: 'electron' | 'local' | 'cli' | 'memory';
  /** Folder of the store: keyring, database, archive, lock. Created with mode 0700 when missing. */
  readonly home: string;
  /** True for a throw-away store that is removed at stop. */
  readonly sample: boolean;
  /** False for a core started by the command line beside no host: it runs what it was asked and nothing else. */
  readonly backgroundWork: boolean;
  readonly clock: Clock;
  readonly log: Log;
  randomBytes(count: number): Uint8Array;
  /** Where the key of unattended operation may lie; none where the store is never opened unattended. */
  readonly secretStores: readonly SecretStore[];
  /** Folder of locales, templates and other data shipped with the program. */
  readonly resourcesDirectory: string;
  /** Folder of the generated sample studies, or null when this build carries none. */
  readonly samplesDirectory: string | null;
}
