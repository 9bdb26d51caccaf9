import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RoutingRule } from '../../../app/domains/exchange/routingSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { CheckField, SelectField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { FormDialog } from './FormDialog.tsx';
import { RuleChanged } from './RuleChanged.tsx';
import { RuleMatchFields } from './RuleMatchFields.tsx';
import { RuleTrial } from './RuleTrial.tsx';
import {
  errorsOfRouting,
  formOfRouting,
  formOfRoutingPreset,
  type RoutingForm,
  type RoutingPreset,
  routingPresets,
  withRouting,
  withRoutingPreset,
} from './ruleForm.ts';
import { routingSentence, useSentenceWords } from './ruleSentence.ts';

interface RoutingRuleDialogProps {
  /** As it was when the form was opened; null: a new one. */
  readonly rule: RoutingRule | null;
  readonly onClose: () => void;
  readonly onNodes: () => void;
  readonly onSaved: (rule: RoutingRule) => void;
}

/** Writes a sending rule: its sentence stands above the form and follows every press. */
export function RoutingRuleDialog({ rule, onClose, onNodes, onSaved }: RoutingRuleDialogProps) {
  const { t } = useTranslation('rules');
  const words = useSentenceWords();
  const nodes = useQueryOf('exchange.listNodes', undefined, { keepPrevious: true });
  const rules = useQueryOf('exchange.listRoutingRules', undefined, { keepPrevious: true });
  const save = useCommandOf('exchange.saveRoutingRule');
  const senders = (nodes.data ?? []).filter((node) => node.use.send);
  const only = senders.length === 1 ? (senders[0]?.nodeId ?? '') : '';
  const [preset, setPreset] = useState<RoutingPreset>('none');
  const [form, setForm] = useState<RoutingForm>(() =>
    rule ? formOfRouting(rule) : formOfRoutingPreset('none', '', only),
  );
  const [wasAsked, setAsked] = useState(false);
  const errors = errorsOfRouting(
    form,
    senders.map((node) => node.nodeId),
  );
  const hasErrors = Object.keys(errors).length > 0;
  const set = (part: Partial<RoutingForm>): void => setForm((was) => withRouting(was, part));
  const wrong = (field: keyof typeof errors): string | undefined =>
    wasAsked && errors[field] ? t(`form.bad.${errors[field]}`) : undefined;
  const newest = rules.data?.find((each) => each.ruleId === rule?.ruleId);
  const isClash =
    rule !== null && (save.error?.code === 'exchange.ruleChanged' || save.error?.code === 'exchange.ruleUnknown');
  const saveOver = (base: RoutingRule | null | undefined): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(
      {
        ruleId: base?.ruleId ?? null,
        baseVersion: base?.version ?? null,
        rule: { ...form, name: form.name.trim() },
      },
      { onSuccess: onSaved, onError: () => void rules.refetch() },
    );
  };
  const choosePreset = (each: RoutingPreset): void => {
    const wasPresetName = preset !== 'none' && form.name === t(`presets.${preset}Name`);
    const name = form.name === '' || wasPresetName ? (each === 'none' ? '' : t(`presets.${each}Name`)) : form.name;
    setPreset(each);
    setForm(withRoutingPreset(form, preset, each, name));
  };
  return (
    <FormDialog
      title={rule ? t('edit', { name: rule.name }) : t('add.routing')}
      isIncomplete={wasAsked && hasErrors}
      isSaving={save.isPending}
      failure={isClash ? null : save.error}
      onSave={() => saveOver(rule)}
      onClose={onClose}
    >
      {rule ? null : (
        <div className="exchange-presets" role="toolbar" aria-label={t('form.presets')}>
          <span className="label">{t('form.presets')}</span>
          {routingPresets.map((each) => (
            <Chip key={each} on={preset === each} onClick={() => choosePreset(each)}>
              {t(`presets.${each}`)}
            </Chip>
          ))}
        </div>
      )}
      <p className="rule-sentence" aria-live="polite">
        {routingSentence(form, words)}
      </p>
      {nodes.data && senders.length === 0 ? (
        <Notice
          severity="caution"
          action={
            <Button size="s" onClick={onNodes}>
              {t('form.toNodes')}
            </Button>
          }
        >
          {t('form.noSender')}
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
        <SelectField
          label={t('form.node')}
          error={wrong('nodeId') ?? (rule && nodes.data && errors.nodeId ? t('form.goneNode') : undefined)}
          value={senders.some((node) => node.nodeId === form.nodeId) ? form.nodeId : ''}
          onChange={(nodeId) => set({ nodeId })}
          options={[
            { value: '', label: t('form.chooseNode') },
            ...senders.map((node) => ({ value: node.nodeId, label: node.name })),
          ]}
        />
        <SelectField<RoutingForm['trigger']>
          label={t('form.when')}
          value={form.trigger}
          onChange={(trigger) => set({ trigger })}
          options={[
            { value: 'arrival', label: t('form.triggers.arrival') },
            { value: 'sign', label: t('form.triggers.sign') },
          ]}
        />
        {form.trigger === 'sign' ? (
          <SelectField<RoutingForm['content']>
            label={t('form.content')}
            value={form.content}
            onChange={(content) => set({ content })}
            options={(['report', 'studyAndReport', 'study'] as const).map((value) => ({
              value,
              label: t(`form.contents.${value}`),
            }))}
          />
        ) : null}
      </div>
      <div className="rule-deidentify">
        <CheckField
          label={t('form.deidentify')}
          checked={form.deidentify}
          disabled={form.content !== 'study'}
          onChange={(deidentify) => set({ deidentify })}
        />
        <p className={form.deidentify || form.content !== 'study' ? 'field-hint' : 'exchange-caution'}>
          {form.content !== 'study'
            ? t('form.deidentifyNotReport')
            : form.deidentify
              ? t('form.deidentifyWhat')
              : t('form.named')}
        </p>
      </div>
      <fieldset className="exchange-set rule-set">
        <legend>{t('form.which')}</legend>
        <p className="field-hint">{t('form.whichHint')}</p>
        <RuleMatchFields
          match={form.match}
          callers={(nodes.data ?? []).flatMap((node) =>
            node.settings.kind === 'dimse' && node.use.receive ? [node.settings.aeTitle] : [],
          )}
          onChange={(match) => set({ match: { ...form.match, ...match } })}
        />
        <RuleTrial match={form.match} />
      </fieldset>
      <div className="rule-deidentify">
        <CheckField label={t('form.enabled')} checked={form.enabled} onChange={(enabled) => set({ enabled })} />
        <p className="field-hint">{t('form.enabledHint')}</p>
      </div>
      {isClash ? (
        <RuleChanged
          now={newest ? routingSentence(newest, words) : null}
          isSaving={save.isPending}
          onSave={() => saveOver(newest ?? null)}
        />
      ) : null}
    </FormDialog>
  );
}
