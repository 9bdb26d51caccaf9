import { roleSchema } from '../../../app/domains/security/securitySchema.ts';
import type { Replayer } from '../../database/replay.ts';
import { nameKeyOf } from '../../keyring/keyring.ts';
import type { OperatorFact } from './operatorRows.ts';

/** Writes operators and settings again from the archive's statements, the newest version last. */
export const securityReplayer: Replayer = {
  kinds: ['statement'],
  types: ['operator', 'setting'],
  replay(tx, _object, _bytes, statement) {
    if (statement === null) return;
    const { id, version, hlc, author, siteId } = statement;
    if (statement.type === 'setting') {
      const { value } = statement.payload as { value: string };
      tx.run(
        `INSERT INTO setting (name, value, version, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version, hlc = excluded.hlc, author = excluded.author
         WHERE excluded.version > version`,
        id,
        value,
        version,
        hlc,
        author.operatorId,
        siteId,
      );
      return;
    }
    const fact = statement.payload as OperatorFact;
    tx.run(
      `INSERT INTO operator (operator_id, operator_name, name_key, full_name, roles, disabled, language, created_at, version, hlc, author, site_id)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (operator_id) DO UPDATE SET full_name = excluded.full_name, roles = excluded.roles, disabled = excluded.disabled,
         version = excluded.version, hlc = excluded.hlc, author = excluded.author
       WHERE excluded.version > version`,
      id,
      fact.operatorName,
      nameKeyOf(fact.operatorName),
      fact.fullName,
      JSON.stringify(fact.roles.map((role) => roleSchema.parse(role))),
      fact.disabled ? 1 : 0,
      fact.language,
      fact.createdAt,
      version,
      hlc,
      author.operatorId,
      siteId,
    );
  },
};
