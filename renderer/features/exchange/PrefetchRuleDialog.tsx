import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { PrefetchRule } from '../../../app/domains/exchange/prefetchSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { CheckField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { FormDialog } from './FormDialog.tsx';
import { RuleChanged } from './RuleChanged.tsx';
import { RuleCodesField } from './RuleCodesField.tsx';
import { RuleKindFields } from './RuleMatchFields.tsx';
import {
  errorsOfPrefetch,
  formOfPrefetch,
  newPrefetchForm,
  type PrefetchForm,
  parseCode,
  savedPrefetch,
  usualModalities,
} from './ruleForm.ts';
import { prefetchSentence, useSentenceWords } from './ruleSentence.ts';

interface PrefetchRuleDialogProps {
  /** As it was when the form was opened; null: a new one. */
  readonly rule: PrefetchRule | null;
  readonly onClose: () => void;
  readonly onNodes: () => void;
  readonly onSaved: (rule: PrefetchRule) => void;
}

/** Writes a rule for priors; its sentence stands above the form. */
export function PrefetchRuleDialog({ rule, onClose, onNodes, onSaved }: PrefetchRuleDialogProps) {
  const { t } = useTranslation('rules');
  const words = useSentenceWords();
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const rules = useQueryOf('exchange.listPrefetchRules', undefined, { keepPrevious: true });
  const save = useCommandOf('exchange.savePrefetchRule');
  const searchers = (nodes.data ?? []).filter((node) => node.use.search);
  const searcherIds = searchers.map((node) => node.nodeId);
  const [form, setForm] = useState<PrefetchForm>(() =>
    rule ? formOfPrefetch(rule) : newPrefetchForm(searcherIds.length === 1 ? searcherIds : []),
  );
  const [wasAsked, setAsked] = useState(false);
  const errors = errorsOfPrefetch(form, searcherIds);
  const hasErrors = Object.keys(errors).length > 0;
  const set = (part: Partial<PrefetchForm>): void => setForm((was) => ({ ...was, ...part }));
  const wrong = (field: keyof typeof errors): string | undefined =>
    wasAsked && errors[field] ? t(`form.bad.${errors[field]}`) : undefined;
  const newest = rules.data?.find((each) => each.ruleId === rule?.ruleId);
  const isClash =
    rule !== null && (save.error?.code === 'exchange.ruleChanged' || save.error?.code === 'exchange.ruleUnknown');
  const saveOver = (base: PrefetchRule | null | undefined): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(
      { ruleId: base?.ruleId ?? null, baseVersion: base?.version ?? null, rule: savedPrefetch(form, searcherIds) },
      { onSuccess: onSaved, onError: () => void rules.refetch() },
    );
  };
  return (
    <FormDialog
      title={rule ? t('edit', { name: rule.name }) : t('add.prefetch')}
      isIncomplete={wasAsked && hasErrors}
      isSaving={save.isPending}
      failure={isClash ? null : save.error}
      onSave={() => saveOver(rule)}
      onClose={onClose}
    >
      <p className="rule-sentence" aria-live="polite">
        {prefetchSentence(savedPrefetch(form, searcherIds), words)}
      </p>
      {nodes.data && searchers.length === 0 ? (
        <Notice
          severity="caution"
          action={
            <Button size="s" onClick={onNodes}>
              {t('form.toNodes')}
            </Button>
          }
        >
          {t('form.noSearcher')}
        </Notice>
      ) : null}
      <div className="exchange-grid two">
        <TextField
          label={t('form.name')}
          hint={t('form.nameHint')}
          error={wrong('name')}
          value={form.name}
          onChange={(name) => set({ name })}
          maxLength={64}
          data-autofocus
        />
        <div className="field rule-checks" role="group" aria-label={t('form.looks')}>
          <span className="rule-field-label">{t('form.looks')}</span>
          {(['arrival', 'planned'] as const).map((trigger) => (
            <CheckField
              key={trigger}
              label={t(`form.looksFor.${trigger}`)}
              checked={form.triggers.includes(trigger)}
              onChange={(on) =>
                set({
                  triggers: (['arrival', 'planned'] as const).filter((each) =>
                    each === trigger ? on : form.triggers.includes(each),
                  ),
                })
              }
            />
          ))}
          {wrong('triggers') ? (
            <span className="field-error" role="alert">
              {wrong('triggers')}
            </span>
          ) : form.triggers.includes('planned') && form.match.bodyParts.length > 0 ? (
            <span className="field-hint">{t('form.plannedHint')}</span>
          ) : null}
        </div>
      </div>
      <fieldset className="exchange-set rule-set">
        <legend>{t('form.which')}</legend>
        <p className="field-hint">{t('form.whichHint')}</p>
        <RuleKindFields match={form.match} onChange={(match) => set({ match: { ...form.match, ...match } })} />
      </fieldset>
      {searchers.length > 0 ? (
        <fieldset className="exchange-set rule-set">
          <legend>{t('form.nodes')}</legend>
          {searchers.map((node) => (
            <CheckField
              key={node.nodeId}
              label={node.name}
              checked={form.nodeIds.includes(node.nodeId)}
              onChange={(on) =>
                set({
                  nodeIds: on ? [...form.nodeIds, node.nodeId] : form.nodeIds.filter((each) => each !== node.nodeId),
                })
              }
            />
          ))}
          {wrong('nodeIds') ? (
            <span className="field-error" role="alert">
              {wrong('nodeIds')}
            </span>
          ) : null}
        </fieldset>
      ) : null}
      <fieldset className="exchange-set rule-set">
        <legend>{t('form.priors')}</legend>
        <CheckField
          label={t('form.sameModality')}
          checked={form.sameModality}
          onChange={(sameModality) => set({ sameModality })}
        />
        <RuleCodesField
          label={t('form.priorModalities')}
          hint={t(`form.priorModalitiesHint.${form.sameModality ? 'same' : 'any'}`)}
          values={form.priorModalities}
          onChange={(priorModalities) => set({ priorModalities })}
          offered={usualModalities.map((value) => ({ value, label: value }))}
          parse={parseCode}
          bad={t('form.bad.code')}
        />
        <div className="exchange-grid two">
          <TextField
            label={t('form.atMost')}
            error={wrong('atMost')}
            inputMode="numeric"
            value={form.atMost}
            onChange={(atMost) => set({ atMost })}
            maxLength={2}
          />
          <TextField
            label={t('form.years')}
            error={wrong('years')}
            inputMode="numeric"
            value={form.years}
            onChange={(years) => set({ years })}
            maxLength={2}
          />
        </div>
      </fieldset>
      <CheckField label={t('form.enabled')} checked={form.enabled} onChange={(enabled) => set({ enabled })} />
      {isClash ? (
        <RuleChanged
          now={newest ? prefetchSentence(newest, words) : null}
          isSaving={save.isPending}
          onSave={() => saveOver(newest ?? null)}
        />
      ) : null}
    </FormDialog>
  );
}
