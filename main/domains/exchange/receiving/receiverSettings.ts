import { type ReceiverSettings, receiverSettingsSchema } from '../../../../app/domains/exchange/exchangeSchema.ts';
import type { Reader, Statement, Transaction } from '../../../database/writeGate.ts';

export interface KnownReceiver {
  readonly version: number;
  readonly settings: ReceiverSettings;
  /** Of the receiver's own certificate, PEM; '' for none. A secret. */
  readonly privateKey: string;
}

interface StoredReceiver extends KnownReceiver {
  /** What is stored can't be read: until it is saved again nothing listens. */
  readonly isDamaged: boolean;
}

/** Off, and where it can do no harm, until somebody chooses otherwise. */
const initial: ReceiverSettings = {
  enabled: false,
  aeTitle: 'SALUS',
  host: '127.0.0.1',
  port: 11_112,
  tls: { enabled: false, certificate: '', clientCa: '' },
  watchedFolders: [],
  stow: false,
  leastFreeMib: 1024,
};

export function readReceiver(reader: Reader): StoredReceiver {
  const row = reader.get<{ version: number; settings: string; private_key: string }>(
    "SELECT version, settings, private_key FROM receiver_setting WHERE name = 'receiver'",
  );
  if (!row) return { version: 0, settings: initial, privateKey: '', isDamaged: false };
  const settings = parseSettings(row.settings);
  return {
    version: row.version,
    settings: settings ?? initial,
    privateKey: row.private_key,
    isDamaged: settings === null,
  };
}

function parseSettings(text: string): ReceiverSettings | null {
  try {
    return { ...initial, ...receiverSettingsSchema.parse(JSON.parse(text)) };
  } catch {
    // Written by another version, or damaged: whoever asks is told by `isDamaged`.
    return null;
  }
}

/** What we call ourselves where a node does not say otherwise. */
export function ownAeTitle(reader: Reader): string {
  return readReceiver(reader).settings.aeTitle;
}

/** The row; the statement that it comes from is archived by whoever saves. */
export function putReceiver(
  tx: Transaction,
  receiver: KnownReceiver,
  origin: Pick<Statement, 'hlc' | 'siteId'> & { readonly author: string | null },
): void {
  tx.run(
    `INSERT INTO receiver_setting (name, version, settings, private_key, hlc, author, site_id) VALUES ('receiver', ?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, settings = excluded.settings,
       private_key = excluded.private_key, hlc = excluded.hlc, author = excluded.author, site_id = excluded.site_id
     WHERE excluded.version >= receiver_setting.version`,
    receiver.version,
    JSON.stringify(receiver.settings),
    receiver.privateKey,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}
