import { useTranslation } from 'react-i18next';
import { useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { CheckField, SelectField, TextField } from '../../components/Field.tsx';
import type { FieldsProps, NodeForm } from './nodeForm.ts';
import { PemField } from './SecretField.tsx';

/** What the node is for, how a delivery to it is proven, and its limits. */
export function NodeUseFields({ form, set, wrong }: FieldsProps) {
  const { t } = useTranslation('exchange');
  return (
    <>
      <fieldset className="exchange-set">
        <legend>{t('use.title')}</legend>
        <CheckField label={t('use.sendWhat')} checked={form.send} onChange={(send) => set({ send })} />
        <CheckField label={t('use.searchWhat')} checked={form.search} onChange={(search) => set({ search })} />
        {form.kind === 'dimse' ? (
          <CheckField label={t('use.receiveWhat')} checked={form.receive} onChange={(receive) => set({ receive })} />
        ) : null}
        {form.kind === 'dimse' && form.receive ? (
          <TextField
            label={t('nodeForm.receiveFrom')}
            hint={t('nodeForm.receiveFromHint', { host: form.host || '…' })}
            value={form.receiveFrom}
            onChange={(receiveFrom) => set({ receiveFrom })}
            maxLength={253}
          />
        ) : null}
        {form.kind === 'dimse' && form.receive ? <CertificateField form={form} set={set} wrong={wrong} /> : null}
      </fieldset>
      {form.send ? (
        <fieldset className="exchange-set">
          <legend>{t('nodeForm.sending')}</legend>
          <div className="exchange-grid two">
            {form.kind === 'dimse' ? (
              <SelectField<NodeForm['proof']>
                label={t('nodeForm.proof')}
                hint={t(`nodeForm.proofHint.${form.proof}`)}
                value={form.proof}
                onChange={(proof) => set({ proof })}
                options={[
                  { value: 'auto', label: t('proofPolicy.auto') },
                  { value: 'commitment', label: t('proofPolicy.commitment') },
                  { value: 'readBack', label: t('proofPolicy.readBack') },
                ]}
              />
            ) : null}
            <TextField
              label={t('nodeForm.limit')}
              hint={t('nodeForm.limitHint')}
              error={wrong('kilobytesPerSecond')}
              inputMode="numeric"
              value={form.kilobytesPerSecond}
              onChange={(kilobytesPerSecond) => set({ kilobytesPerSecond })}
              maxLength={8}
            />
            <TextField
              label={t('nodeForm.hoursFrom')}
              error={wrong('hoursFrom')}
              maxLength={5}
              value={form.hoursFrom}
              onChange={(hoursFrom) => set({ hoursFrom })}
            />
            <TextField
              label={t('nodeForm.hoursTo')}
              maxLength={5}
              hint={t('nodeForm.hoursHint')}
              error={wrong('hoursTo')}
              value={form.hoursTo}
              onChange={(hoursTo) => set({ hoursTo })}
            />
          </div>
          {form.kind === 'xnat' ? (
            <CheckField
              label={t('nodeForm.archives')}
              checked={form.archives}
              onChange={(archives) => set({ archives })}
            />
          ) : (
            <CheckField
              label={t('nodeForm.transcode')}
              checked={form.transcode}
              onChange={(transcode) => set({ transcode })}
            />
          )}
        </fieldset>
      ) : null}
    </>
  );
}

/** Calls that are looked through for the certificate that was shown last. */
const lastCalls = 200;

/** Binds the node's title to one certificate: typed, pasted, or as it was shown in the last call. */
function CertificateField({ form, set, wrong }: FieldsProps) {
  const { t } = useTranslation('exchange');
  const calls = useQueryOf('exchange.associations', { offset: 0, limit: lastCalls });
  const shown = calls.data?.rows.find(
    ({ callingAe, details }) => callingAe === form.aeTitle.trim() && details['fingerprint'],
  )?.details['fingerprint'];
  return (
    <>
      <PemField
        label={t('nodeForm.receiveCertificate')}
        hint={t('nodeForm.receiveCertificateHint')}
        error={wrong('receiveCertificate')}
        value={form.receiveCertificate}
        onChange={(receiveCertificate) => set({ receiveCertificate })}
      />
      {typeof shown === 'string' && shown !== form.receiveCertificate ? (
        <Button size="s" onClick={() => set({ receiveCertificate: shown })}>
          {t('nodeForm.takeOver')}
        </Button>
      ) : null}
    </>
  );
}
