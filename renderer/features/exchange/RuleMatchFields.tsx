import { useTranslation } from 'react-i18next';
import type { StudyMatch } from '../../../app/domains/exchange/routingSchema.ts';
import { RuleCodesField } from './RuleCodesField.tsx';
import { parseCaller, parseCode, sources, usualBodyParts, usualModalities } from './ruleForm.ts';
import { bodyPartName } from './ruleSentence.ts';

/** Modalities and body parts: what both kinds of rule ask of a study. */
export function RuleKindFields({
  match,
  onChange,
}: {
  readonly match: Pick<StudyMatch, 'modalities' | 'bodyParts'>;
  readonly onChange: (match: Partial<Pick<StudyMatch, 'modalities' | 'bodyParts'>>) => void;
}) {
  const { t } = useTranslation('rules');
  const say = t as unknown as Parameters<typeof bodyPartName>[0]['say'];
  return (
    <>
      <RuleCodesField
        label={t('form.modalities')}
        values={match.modalities}
        onChange={(modalities) => onChange({ modalities })}
        offered={usualModalities.map((value) => ({ value, label: value }))}
        parse={parseCode}
        bad={t('form.bad.code')}
      />
      <RuleCodesField
        label={t('form.bodyParts')}
        values={match.bodyParts}
        onChange={(bodyParts) => onChange({ bodyParts })}
        offered={usualBodyParts.map((value) => ({ value, label: bodyPartName({ say }, value) }))}
        parse={parseCode}
        bad={t('form.bad.code')}
      />
    </>
  );
}

interface RuleMatchFieldsProps {
  readonly match: StudyMatch;
  /** AE titles of the nodes that may send here. */
  readonly callers: readonly string[];
  readonly onChange: (match: Partial<StudyMatch>) => void;
}

/** Every condition of a sending rule. */
export function RuleMatchFields({ match, callers, onChange }: RuleMatchFieldsProps) {
  const { t } = useTranslation('rules');
  return (
    <>
      <RuleKindFields match={match} onChange={onChange} />
      <RuleCodesField
        label={t('form.sources')}
        values={match.sources}
        onChange={(values) => onChange({ sources: sources.filter((source) => values.includes(source)) })}
        offered={sources.map((value) => ({ value, label: t(`sentence.sources.${value}`) }))}
      />
      <RuleCodesField
        label={t('form.callers')}
        hint={t('form.callersHint')}
        values={match.callingAes}
        onChange={(callingAes) => onChange({ callingAes })}
        offered={[...new Set(callers)].map((value) => ({ value, label: value }))}
        parse={parseCaller}
        bad={t('form.bad.caller')}
      />
    </>
  );
}
