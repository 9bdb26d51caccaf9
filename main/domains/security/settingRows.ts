import type { Author, Reader, Transaction } from '../../database/writeGate.ts';

/** Settings of the store, and what they are before anyone changes them. */
export const settingDefaults = { idleMinutes: '10', siteName: '', recoveryKeyConfirmed: 'false' } as const;
export type SettingName = keyof typeof settingDefaults;

export function getSetting(reader: Reader, name: SettingName): string {
  const row = reader.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', name);
  return row?.value ?? settingDefaults[name];
}

export function putSetting(tx: Transaction, author: Author, name: SettingName, value: string): void {
  const before = tx.get<{ version: number }>('SELECT version FROM setting WHERE name = ?', name);
  const version = (before?.version ?? 0) + 1;
  tx.statement({ type: 'setting', id: name, version, payload: { value } });
  tx.run(
    `INSERT INTO setting (name, value, version, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version, hlc = excluded.hlc, author = excluded.author`,
    name,
    value,
    version,
    tx.hlc,
    author.operatorId,
    tx.siteId,
  );
  tx.topic('settings');
}
