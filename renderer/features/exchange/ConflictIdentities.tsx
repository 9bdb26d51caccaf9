import { useTranslation } from 'react-i18next';
import type { Conflict, ConflictIdentity } from '../../../app/domains/imaging/conflictSchema.ts';
import { displayPersonName } from '../../../app/domains/patients/personName.ts';
import { useFormats } from '../../i18n/formats.ts';
import { sourceText } from './ConflictPictures.tsx';

type Part = ConflictIdentity['differs'][number];

/** The people a study names, side by side: what they have in common, what contradicts, and who brought which. */
export function ConflictIdentities({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation('conflicts');
  const formats = useFormats();
  const parts: readonly (readonly [Part, (each: ConflictIdentity) => string])[] = [
    ['name', (each) => displayPersonName(each.name)],
    ['identifier', (each) => each.identifier],
    ['issuer', (each) => each.issuer],
    ['birthDate', (each) => (each.birthDate ? formats.date(each.birthDate) : '')],
  ];
  const rows: readonly (readonly [string, (each: ConflictIdentity) => string])[] = [
    ['stands', (each) => t(`stands.${each.stands}`)],
    ['instances', (each) => formats.number(each.instances)],
    ['aside', (each) => (each.aside > 0 ? formats.number(each.aside) : '')],
    ['series', (each) => formats.number(each.series)],
    ['from', (each) => sourceText(each.source, t) || t('facts.notNoted')],
    ['first', (each) => (each.firstAt > 0 ? formats.dateTime(each.firstAt) : t('facts.notNoted'))],
    ['record', (each) => (each.patientId === null ? t('identity.noRecord') : t('identity.hasRecord'))],
  ];
  const keyOf = (each: ConflictIdentity) => [each.identifier, each.issuer, each.name, each.birthDate].join('\n');
  return (
    <section className="exchange-section" aria-label={t('identity.title')}>
      <h2 className="label">{t('identity.title')}</h2>
      <div className="conflict-scroll">
        <table className="conflict-table people">
          <tbody>
            {parts.map(([part, value]) => (
              <tr key={part}>
                <th scope="row">{t(`identity.${part}`)}</th>
                {conflict.identities.map((each) => (
                  <td key={keyOf(each)} className={each.differs.includes(part) ? 'differs' : ''}>
                    {value(each) || <span className="quiet">{t('differences.empty')}</span>}
                    {each.differs.includes(part) ? (
                      <span className="conflict-mark">{t('identity.differs')}</span>
                    ) : null}
                  </td>
                ))}
              </tr>
            ))}
            {rows.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{t(`identity.${name}`)}</th>
                {conflict.identities.map((each) => (
                  <td key={keyOf(each)}>{value(each) || '—'}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
