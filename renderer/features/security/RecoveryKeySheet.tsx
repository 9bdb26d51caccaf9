import { IconCopy, IconDeviceFloppy, IconPrinter } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandOf } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { saveTextFile } from '../../components/saveTextFile.ts';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import './security.css';

export interface RecoveryKeySheetProps {
  readonly recoveryKey: string;
  readonly siteName: string;
  /** The host has written down that the key is kept. */
  readonly onKept: () => void;
}

/** The recovery key to print, save or copy, and not to be left before the person says that it is kept. */
export function RecoveryKeySheet({ recoveryKey, siteName, onKept }: RecoveryKeySheetProps) {
  const { t } = useTranslation('security');
  const formats = useFormats();
  const session = useSession();
  const toast = useToast();
  const [kept, setKept] = useState(false);
  const [shownAt] = useState(() => Date.now());
  const confirm = useCommandOf('security.confirmRecoveryKey');
  const copy = (): void => {
    navigator.clipboard.writeText(recoveryKey).then(
      () => toast({ tone: 'done', text: t('key.copied') }),
      () => toast({ tone: 'danger', text: t('key.copyFailed') }),
    );
  };
  const whose = [siteName, session.operatorName, formats.dateTime(shownAt)].filter((each) => each !== '');
  const sheet = `${[`Salus — ${t('key.title')}`, ...whose].join('\n')}\n\n${recoveryKey}\n\n${t('key.sheet')}\n`;
  return (
    <>
      <div className="print-sheet">
        <p className="print-only">{[`Salus — ${t('key.title')}`, ...whose].join(' · ')}</p>
        <output className="recovery-key" aria-label={t('key.title')} data-testid="recovery-key">
          {recoveryKey.split(/[\s-]+/).map((group, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: groups may repeat and never move
            <span key={index}>{group}</span>
          ))}
        </output>
        <p className="print-only">{t('key.sheet')}</p>
      </div>
      <div className="door-actions">
        <Button icon={<IconPrinter size={16} stroke={1.6} />} onClick={() => window.print()}>
          {t('key.print')}
        </Button>
        <Button
          icon={<IconDeviceFloppy size={16} stroke={1.6} />}
          onClick={() => saveTextFile('salus-recovery-key.txt', sheet)}
        >
          {t('key.save')}
        </Button>
        <Button icon={<IconCopy size={16} stroke={1.6} />} onClick={copy}>
          {t('key.copy')}
        </Button>
      </div>
      <Notice severity="caution">{t('key.warning')}</Notice>
      <CheckField label={t('key.kept')} checked={kept} onChange={setKept} />
      {confirm.error ? <FailureNotice failure={confirm.error} /> : null}
      <div className="door-actions">
        <span className="spacer" />
        <Button
          variant="primary"
          disabled={!kept}
          loading={confirm.isPending}
          onClick={() => confirm.mutate(undefined, { onSuccess: onKept })}
        >
          {t('key.continue')}
        </Button>
      </div>
    </>
  );
}
