import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiState } from '../../../app/domains/api/apiSchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField, SelectField, TextAreaField, TextField } from '../../components/Field.tsx';
import { type AccessForm, errorsOfAccess, formOfAccess, type Place, savedOfAccess } from './accessForm.ts';

const longestPem = 64 * 1024;

/** Where programs come in; beyond this computer only over an encrypted line. */
export function AccessDialog({ state, onClose }: { readonly state: ApiState; readonly onClose: () => void }) {
  const { t } = useTranslation('api');
  const save = useCommandOf('api.save');
  // Opened to switch it on, where it is off.
  const [form, setForm] = useState<AccessForm>(() => ({
    ...formOfAccess(state.settings),
    enabled: state.settings.enabled || state.state === 'off',
  }));
  const [wasAsked, setAsked] = useState(false);
  const trouble = useRef<HTMLDivElement>(null);
  const set = (part: Partial<AccessForm>): void => setForm((was) => ({ ...was, ...part }));
  const errors = errorsOfAccess(form, state.hasPrivateKey);
  const hasErrors = Object.keys(errors).length > 0;
  const wrong = (field: keyof AccessForm): string | undefined =>
    wasAsked && errors[field] ? t(`form.bad.${errors[field]}`) : undefined;
  useEffect(() => {
    if (save.error) trouble.current?.scrollIntoView({ block: 'center' });
  }, [save.error]);
  const submit = (): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(savedOfAccess(form), { onSuccess: onClose });
  };
  return (
    <Dialog
      open
      onClose={onClose}
      size="l"
      title={t('form.title')}
      footer={
        <>
          {wasAsked && hasErrors ? <span className="field-error">{t('form.incomplete')}</span> : null}
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button variant="primary" loading={save.isPending} onClick={submit}>
            {t('save')}
          </Button>
        </>
      }
    >
      <form
        className="access-form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <CheckField label={t('form.enabled')} checked={form.enabled} onChange={(enabled) => set({ enabled })} />
        <div className="access-grid">
          <SelectField<Place>
            label={t('form.from')}
            value={form.place}
            onChange={(place) => set({ place, tls: form.tls || place !== 'here' })}
            options={(['here', 'everywhere', 'address'] as const).map((value) => ({
              value,
              label: t(`place.${value}`),
            }))}
          />
          {form.place === 'address' ? (
            <TextField
              label={t('form.host')}
              error={wrong('host')}
              value={form.host}
              onChange={(host) => set({ host })}
              maxLength={253}
            />
          ) : null}
          <TextField
            label={t('form.port')}
            hint={t('form.portHint')}
            error={wrong('port')}
            inputMode="numeric"
            value={form.port}
            onChange={(port) => set({ port })}
            maxLength={5}
            data-autofocus
          />
        </div>
        <TextField
          label={t('form.names')}
          hint={t('form.namesHint')}
          error={wrong('names')}
          value={form.names}
          onChange={(names) => set({ names })}
          maxLength={1000}
        />
        <div>
          <CheckField label={t('form.tls')} checked={form.tls} onChange={(tls) => set({ tls })} />
          <span className={wrong('tls') ? 'field-error' : 'field-hint'}>{wrong('tls') ?? t('form.tlsHint')}</span>
        </div>
        {form.tls ? (
          <div className="access-grid">
            <TextAreaField
              label={t('form.certificate')}
              hint={t('form.certificateHint')}
              error={wrong('certificate')}
              value={form.certificate}
              onChange={(certificate) => set({ certificate })}
              rows={4}
              maxLength={longestPem}
            />
            <TextAreaField
              label={t('form.privateKey')}
              hint={state.hasPrivateKey && form.privateKey === '' ? t('form.privateKeyKept') : t('form.privateKeyHint')}
              error={wrong('privateKey')}
              value={form.privateKey}
              onChange={(privateKey) => set({ privateKey })}
              rows={4}
              maxLength={longestPem}
            />
          </div>
        ) : null}
        <div ref={trouble}>{save.error ? <FailureNotice failure={save.error} /> : null}</div>
        {/* Enter in a field saves, as the button does. */}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
