/** What a host gives the core. Interfaces only: electron, the local host, the CLI and the tests each bring their own. */

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
  /** Folder of locales, templates and other data shipped with the program. */
  readonly resourcesDirectory: string;
  /** Folder of the generated sample studies, or null when this build carries none. */
  readonly samplesDirectory: string | null;
}
