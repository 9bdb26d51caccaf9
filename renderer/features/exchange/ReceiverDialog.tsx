import { IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ReceiverState } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button, IconButton } from '../../components/Button.tsx';
import { CheckField, SelectField, TextField } from '../../components/Field.tsx';
import { HostBrowser } from '../../components/HostBrowser.tsx';
import { Notice } from '../../components/Notice.tsx';
import { FormDialog } from './FormDialog.tsx';
import { errorsOfReceiver, formOfReceiver, type ReceiverForm, savedOfReceiver } from './receiverForm.ts';
import { KeyField, PemField } from './SecretField.tsx';

type Place = 'here' | 'everywhere' | 'address';

/** How this workstation receives: off until somebody has said where and from whom. */
export function ReceiverDialog({ receiver, onClose }: { receiver: ReceiverState; onClose: () => void }) {
  const { t } = useTranslation('exchange');
  const save = useCommandOf('exchange.saveReceiver');
  // Opened to switch it on, where it is off.
  const [form, setForm] = useState<ReceiverForm>(() => ({
    ...formOfReceiver(receiver.settings),
    enabled: receiver.settings.enabled || receiver.state === 'off',
  }));
  const [wasAsked, setAsked] = useState(false);
  const [browsing, setBrowsing] = useState(false);
  const set = (part: Partial<ReceiverForm>): void => setForm((was) => ({ ...was, ...part }));
  const errors = errorsOfReceiver(form, receiver.hasPrivateKey);
  const wrong = (field: keyof ReceiverForm): string | undefined =>
    wasAsked && errors[field] ? t(`nodeForm.bad.${errors[field]}`) : undefined;
  const hasErrors = Object.keys(errors).length > 0;
  const submit = (): void => {
    setAsked(true);
    if (hasErrors || save.isPending) return;
    save.mutate(savedOfReceiver(form), { onSuccess: onClose });
  };
  const isHere = form.place === 'here';
  return (
    <FormDialog
      title={t('receiver.title')}
      isIncomplete={wasAsked && hasErrors}
      isSaving={save.isPending}
      failure={save.error}
      onSave={submit}
      onClose={onClose}
    >
      <CheckField label={t('receiver.enabled')} checked={form.enabled} onChange={(enabled) => set({ enabled })} />
      <div className="exchange-grid four">
        <TextField
          label={t('receiver.aeTitle')}
          error={wrong('aeTitle')}
          value={form.aeTitle}
          onChange={(aeTitle) => set({ aeTitle })}
          maxLength={16}
          data-autofocus
        />
        <SelectField<Place>
          label={t('receiver.from')}
          value={form.place}
          onChange={(place) => set({ place })}
          options={[
            { value: 'here', label: t('receiver.onlyHere') },
            { value: 'everywhere', label: t('receiver.everywhere') },
            { value: 'address', label: t('receiver.oneAddress') },
          ]}
        />
        {form.place === 'address' ? (
          <TextField
            label={t('receiver.host')}
            error={wrong('host')}
            value={form.host}
            onChange={(host) => set({ host })}
            maxLength={253}
          />
        ) : null}
        <TextField
          label={t('receiver.port')}
          hint={t('receiver.portHint')}
          error={wrong('port')}
          inputMode="numeric"
          value={form.port}
          onChange={(port) => set({ port })}
          maxLength={5}
        />
      </div>
      {form.enabled && !isHere && !form.tls ? (
        <Notice severity="caution" title={t('receiver.plainTitle')}>
          {t('receiver.plainWhat')}
        </Notice>
      ) : null}
      <CheckField label={t('receiver.useTls')} checked={form.tls} onChange={(tls) => set({ tls })} />
      {form.tls ? (
        <div className="exchange-grid two">
          <PemField
            label={t('receiver.certificate')}
            error={wrong('certificate')}
            value={form.certificate}
            onChange={(certificate) => set({ certificate })}
          />
          <KeyField
            label={t('nodeForm.privateKey')}
            error={wrong('privateKey')}
            value={form.privateKey}
            isStored={receiver.hasPrivateKey}
            onChange={(privateKey) => set({ privateKey })}
          />
          <PemField
            label={t('receiver.clientCa')}
            hint={t('receiver.clientCaHint')}
            error={wrong('clientCa')}
            value={form.clientCa}
            onChange={(clientCa) => set({ clientCa })}
          />
        </div>
      ) : null}
      <fieldset className="exchange-set">
        <legend>{t('receiver.otherWays')}</legend>
        <CheckField label={t('receiver.stowWhat')} checked={form.stow} onChange={(stow) => set({ stow })} />
        <div className="exchange-folders">
          <span className="label">{t('receiver.folders')}</span>
          {form.watchedFolders.length === 0 ? <span className="quiet">{t('receiver.noFolders')}</span> : null}
          <ul>
            {form.watchedFolders.map((folder) => (
              <li key={folder}>
                <span>{folder}</span>
                <IconButton
                  size="s"
                  label={t('receiver.dropFolder', { folder })}
                  icon={<IconX size={14} stroke={1.6} />}
                  onClick={() => set({ watchedFolders: form.watchedFolders.filter((each) => each !== folder) })}
                />
              </li>
            ))}
          </ul>
          {browsing ? (
            <FolderChoice
              onChoose={(folder) => {
                setBrowsing(false);
                set({ watchedFolders: [...new Set([...form.watchedFolders, folder])].slice(0, 16) });
              }}
              onCancel={() => setBrowsing(false)}
            />
          ) : (
            <Button size="s" disabled={form.watchedFolders.length >= 16} onClick={() => setBrowsing(true)}>
              {t('receiver.addFolder')}
            </Button>
          )}
        </div>
      </fieldset>
      <div className="exchange-grid two">
        <TextField
          label={t('receiver.leastFreeMib')}
          hint={t('receiver.leastFreeHint')}
          error={wrong('leastFreeMib')}
          inputMode="numeric"
          value={form.leastFreeMib}
          onChange={(leastFreeMib) => set({ leastFreeMib })}
          maxLength={8}
        />
      </div>
    </FormDialog>
  );
}

/** A folder of the computer that keeps the archive. */
function FolderChoice({ onChoose, onCancel }: { onChoose: (folder: string) => void; onCancel: () => void }) {
  const { t } = useTranslation('exchange');
  const [path, setPath] = useState<string | null>(null);
  const listing = useQueryOf('imaging.browse', { path }, { keepPrevious: true, staleTimeMs: 0 });
  const open = listing.data?.path ?? '';
  return (
    <div className="exchange-folder-choice">
      <HostBrowser
        listing={listing.data ?? null}
        failure={listing.error}
        loading={listing.isFetching}
        onGo={setPath}
        choose="folder"
      />
      <div className="exchange-bar">
        <span className="spacer" />
        <Button size="s" onClick={onCancel}>
          {t('cancel')}
        </Button>
        <Button size="s" disabled={open === ''} onClick={() => onChoose(open)}>
          {t('receiver.watchThis')}
        </Button>
      </div>
    </div>
  );
}
