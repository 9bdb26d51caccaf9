import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { OwnEntry } from '../../../app/domains/exchange/scheduleSchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { SelectField, TextField } from '../../components/Field.tsx';
import { FormDialog } from './FormDialog.tsx';
import { type EntryForm, emptyEntry, errorsOfEntry, formOfEntry, savedEntry } from './scheduleForm.ts';

interface EntryDialogProps {
  /** Null: a new one. */
  readonly entry: OwnEntry | null;
  readonly day: string;
  readonly onClose: () => void;
  readonly onSaved: (entry: OwnEntry) => void;
}

/** Writes an examination that is to be done, for the modalities that ask. */
export function EntryDialog({ entry, day, onClose, onSaved }: EntryDialogProps) {
  const { t } = useTranslation('exchange');
  const save = useCommandOf('exchange.saveEntry');
  const [form, setForm] = useState<EntryForm>(() => (entry ? formOfEntry(entry) : emptyEntry(day)));
  const [wasAsked, setAsked] = useState(false);
  const errors = errorsOfEntry(form);
  const hasErrors = Object.keys(errors).length > 0;
  const field = (name: Exclude<keyof EntryForm, 'sex'>, maxLength: number) => ({
    label: t(`schedule.fields.${name}`),
    error: wasAsked && errors[name] ? t(`nodeForm.bad.${errors[name]}`) : undefined,
    value: form[name],
    onChange: (value: string) => setForm((was) => ({ ...was, [name]: value })),
    maxLength,
  });
  const submit = (): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(
      { entryId: entry?.entryId ?? null, baseVersion: entry?.version ?? null, entry: savedEntry(form, entry) },
      { onSuccess: onSaved },
    );
  };
  return (
    <FormDialog
      title={entry ? t('schedule.edit') : t('schedule.add')}
      isIncomplete={wasAsked && hasErrors}
      isSaving={save.isPending}
      failure={save.error}
      onSave={submit}
      onClose={onClose}
    >
      <div className="exchange-grid two">
        <TextField {...field('lastName', 160)} data-autofocus />
        <TextField {...field('firstName', 160)} />
        <TextField {...field('patientId', 64)} />
        <TextField {...field('birthDate', 10)} placeholder={t('find.dateHint')} />
        <SelectField<EntryForm['sex']>
          label={t('schedule.fields.sex')}
          value={form.sex}
          onChange={(sex) => setForm((was) => ({ ...was, sex }))}
          options={[
            { value: '', label: t('schedule.sex.unknown') },
            { value: 'F', label: t('schedule.sex.F') },
            { value: 'M', label: t('schedule.sex.M') },
            { value: 'O', label: t('schedule.sex.O') },
          ]}
        />
        <TextField {...field('accessionNumber', 16)} />
        <TextField {...field('procedure', 64)} />
        <TextField {...field('modality', 16)} />
        <TextField {...field('day', 10)} placeholder={t('find.dateHint')} />
        <TextField {...field('time', 5)} hint={t('schedule.timeHint')} />
        <TextField {...field('stationAeTitle', 16)} hint={t('schedule.stationHint')} />
        <TextField {...field('physician', 160)} />
      </div>
    </FormDialog>
  );
}
