import { useTranslation } from 'react-i18next';
import { CheckField, SelectField, TextField } from '../../components/Field.tsx';
import type { FieldsProps, NodeForm } from './nodeForm.ts';

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
          <CheckField
            label={t('nodeForm.transcode')}
            checked={form.transcode}
            onChange={(transcode) => set({ transcode })}
          />
        </fieldset>
      ) : null}
    </>
  );
}
