import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ExchangeNode } from '../../../app/domains/exchange/exchangeSchema.ts';
import { nodePresets } from '../../../app/domains/exchange/nodePresets.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Chip } from '../../components/Chip.tsx';
import { SelectField, TextField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { FormDialog } from './FormDialog.tsx';
import { NodeUseFields } from './NodeUseFields.tsx';
import {
  type AuthMethod,
  errorsOf,
  type FieldsProps,
  formOfNode,
  formOfPreset,
  isOpenLine,
  type NodeForm,
  type NodeKind,
  savedOf,
} from './nodeForm.ts';
import { KeyField, PemField, SecretField } from './SecretField.tsx';

interface NodeDialogProps {
  /** Null: a new one. */
  readonly node: ExchangeNode | null;
  readonly onClose: () => void;
  readonly onSaved: (node: ExchangeNode) => void;
}

/** Adds a node, from what is usual for its product, or changes one. */
export function NodeDialog({ node, onClose, onSaved }: NodeDialogProps) {
  const { t } = useTranslation('exchange');
  const save = useCommandOf('exchange.saveNode');
  const [presetId, setPresetId] = useState<string | null>(null);
  const [form, setForm] = useState<NodeForm>(() =>
    // Of a damaged one only the name is left: what stands for its settings is not offered as if it had been typed.
    node?.isDamaged ? { ...formOfPreset(null), name: node.name } : node ? formOfNode(node) : formOfPreset(null),
  );
  const [wasAsked, setAsked] = useState(false);
  const preset = nodePresets.find((each) => each.presetId === presetId);
  const errors = errorsOf(form);
  const fields: FieldsProps = {
    form,
    set: (part) => setForm((was) => ({ ...was, ...part })),
    wrong: (field) => (wasAsked && errors[field] ? t(`nodeForm.bad.${errors[field]}`) : undefined),
  };
  const hasErrors = Object.keys(errors).length > 0;
  const submit = (): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(
      { nodeId: node?.nodeId ?? null, baseVersion: node?.version ?? null, ...savedOf(form) },
      { onSuccess: onSaved },
    );
  };
  return (
    <FormDialog
      title={node ? t('nodeForm.edit', { name: node.name }) : t('nodeForm.add')}
      isIncomplete={wasAsked && hasErrors}
      isSaving={save.isPending}
      failure={save.error}
      onSave={submit}
      onClose={onClose}
    >
      {node ? null : (
        <div className="exchange-presets" role="toolbar" aria-label={t('nodeForm.presets')}>
          <span className="label">{t('nodeForm.presets')}</span>
          {[null, ...nodePresets].map((each) => (
            <Chip
              key={each?.presetId ?? 'other'}
              on={presetId === (each?.presetId ?? null)}
              onClick={() => {
                setPresetId(each?.presetId ?? null);
                setForm((was) => ({ ...formOfPreset(each), name: was.name }));
              }}
            >
              {each ? t(`presets.${each.presetId}`) : t('presets.other')}
            </Chip>
          ))}
        </div>
      )}
      {(preset && !preset.isProven) || (node && !node.isProven) ? (
        <Notice severity="caution">{t('node.unproven')}</Notice>
      ) : null}
      <div className="exchange-grid two">
        <TextField
          label={t('nodeForm.name')}
          hint={t('nodeForm.nameHint')}
          error={fields.wrong('name')}
          value={form.name}
          onChange={(name) => fields.set({ name })}
          maxLength={64}
          data-autofocus
        />
        <SelectField<NodeKind>
          label={t('nodeForm.kind')}
          value={form.kind}
          onChange={(kind) => fields.set({ kind })}
          options={[
            { value: 'dimse', label: t('kinds.dimse') },
            { value: 'dicomweb', label: t('kinds.dicomweb') },
            { value: 'xnat', label: t('kinds.xnat') },
          ]}
        />
      </div>
      {form.kind === 'dimse' ? <DimseFields {...fields} /> : <WebFields {...fields} node={node} />}
      <TlsFields {...fields} node={node} />
      {!hasErrors && isOpenLine(savedOf(form).settings) ? (
        <Notice severity="caution">{t('nodeForm.openLine')}</Notice>
      ) : null}
      <NodeUseFields {...fields} />
    </FormDialog>
  );
}

function DimseFields({ form, set, wrong }: FieldsProps) {
  const { t } = useTranslation('exchange');
  return (
    <div className="exchange-grid four">
      <TextField
        label={t('nodeForm.aeTitle')}
        error={wrong('aeTitle')}
        value={form.aeTitle}
        onChange={(aeTitle) => set({ aeTitle })}
        maxLength={16}
      />
      <TextField
        label={t('nodeForm.host')}
        error={wrong('host')}
        value={form.host}
        onChange={(host) => set({ host })}
        maxLength={253}
      />
      <TextField
        label={t('nodeForm.port')}
        error={wrong('port')}
        inputMode="numeric"
        value={form.port}
        onChange={(port) => set({ port })}
        maxLength={5}
      />
      <TextField
        label={t('nodeForm.callingAeTitle')}
        hint={t('nodeForm.callingHint')}
        error={wrong('callingAeTitle')}
        value={form.callingAeTitle}
        onChange={(callingAeTitle) => set({ callingAeTitle })}
        maxLength={16}
      />
    </div>
  );
}

function WebFields({ form, set, wrong, node }: FieldsProps & { node: ExchangeNode | null }) {
  const { t } = useTranslation('exchange');
  const methods: readonly AuthMethod[] = form.kind === 'xnat' ? ['none', 'basic'] : ['none', 'basic', 'bearer', 'oidc'];
  const auth = methods.includes(form.auth) ? form.auth : 'none';
  return (
    <>
      <div className={form.kind === 'xnat' ? 'exchange-grid two' : 'exchange-grid'}>
        <TextField
          label={t('nodeForm.baseUrl')}
          hint={form.kind === 'xnat' ? t('nodeForm.xnatUrlHint') : t('nodeForm.webUrlHint')}
          error={wrong('baseUrl')}
          value={form.baseUrl}
          onChange={(baseUrl) => set({ baseUrl })}
          maxLength={2048}
        />
        {form.kind === 'xnat' ? (
          <TextField
            label={t('nodeForm.project')}
            error={wrong('project')}
            value={form.project}
            onChange={(project) => set({ project })}
            maxLength={64}
          />
        ) : null}
      </div>
      <div className="exchange-grid two">
        <SelectField<AuthMethod>
          label={t('nodeForm.auth')}
          value={auth}
          onChange={(method) => set({ auth: method })}
          options={methods.map((method) => ({ value: method, label: t(`auth.${method}`) }))}
        />
        {auth === 'basic' ? (
          <TextField
            label={t('nodeForm.userName')}
            error={wrong('userName')}
            value={form.userName}
            onChange={(userName) => set({ userName })}
            maxLength={256}
          />
        ) : null}
        {auth === 'oidc' ? (
          <>
            <TextField
              label={t('nodeForm.issuer')}
              error={wrong('issuer')}
              value={form.issuer}
              onChange={(issuer) => set({ issuer })}
              maxLength={2048}
            />
            <TextField
              label={t('nodeForm.clientId')}
              error={wrong('clientId')}
              value={form.clientId}
              onChange={(clientId) => set({ clientId })}
              maxLength={256}
            />
            <TextField
              label={t('nodeForm.scope')}
              value={form.scope}
              onChange={(scope) => set({ scope })}
              maxLength={512}
            />
          </>
        ) : null}
        {auth === 'none' ? null : (
          <SecretField
            label={t(`nodeForm.credential.${auth}`)}
            value={form.credential}
            isStored={node?.hasCredential ?? false}
            onChange={(credential) => set({ credential })}
          />
        )}
      </div>
    </>
  );
}

/** Whom the peer must be, and what we show it. Folded: most sites need none of it. */
function TlsFields({ form, set, wrong, node }: FieldsProps & { node: ExchangeNode | null }) {
  const { t } = useTranslation('exchange');
  const isSecure = form.kind === 'dimse' ? form.tls : /^https:/u.test(form.baseUrl);
  const toggle: ReactNode =
    form.kind === 'dimse' ? (
      <label className="check">
        <input type="checkbox" checked={form.tls} onChange={(event) => set({ tls: event.target.checked })} />
        <span>{t('nodeForm.tls')}</span>
      </label>
    ) : null;
  if (!isSecure) return toggle;
  const isFilled =
    form.ca !== '' || form.certificate !== '' || form.serverName !== '' || (node?.hasPrivateKey ?? false);
  return (
    <>
      {toggle}
      <details
        className="exchange-fold"
        open={isFilled || Boolean(wrong('ca') || wrong('certificate') || wrong('privateKey'))}
      >
        <summary>{t('nodeForm.certificates')}</summary>
        <div className="exchange-grid two">
          <PemField
            label={t('nodeForm.ca')}
            hint={t('nodeForm.caHint')}
            error={wrong('ca')}
            value={form.ca}
            onChange={(ca) => set({ ca })}
          />
          <TextField
            label={t('nodeForm.serverName')}
            hint={t('nodeForm.serverNameHint')}
            value={form.serverName}
            onChange={(serverName) => set({ serverName })}
            maxLength={253}
          />
          <PemField
            label={t('nodeForm.certificate')}
            hint={t('nodeForm.certificateHint')}
            error={wrong('certificate')}
            value={form.certificate}
            onChange={(certificate) => set({ certificate })}
          />
          <KeyField
            label={t('nodeForm.privateKey')}
            error={wrong('privateKey')}
            value={form.privateKey}
            isStored={node?.hasPrivateKey ?? false}
            onChange={(privateKey) => set({ privateKey })}
          />
        </div>
      </details>
    </>
  );
}
