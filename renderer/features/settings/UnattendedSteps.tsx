import { useTranslation } from 'react-i18next';
import { credentialSteps } from '../../../app/domains/security/unattendedSteps.ts';
import { Button } from '../../components/Button.tsx';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';

/** What is left to do with a key that was written for systemd: it lies in plain until then. */
export function UnattendedSteps({ file }: { file: string }) {
  const { t } = useTranslation('unattended');
  const { commands, unit } = credentialSteps(file);
  return (
    <div className="settings-form">
      <Notice severity="block">{t('steps.lead', { file })}</Notice>
      <ol className="settings-steps">
        <li>
          {t('steps.encrypt')}
          <Lines text={commands.join('\n')} />
        </li>
        <li>
          {t('steps.unit')}
          <Lines text={unit} />
        </li>
        <li>{t('steps.restart')}</li>
      </ol>
    </div>
  );
}

function Lines({ text }: { text: string }) {
  const { t } = useTranslation('unattended');
  const toast = useToast();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      toast({ tone: 'done', text: t('steps.copied') });
    } catch {
      // No permission, or no clipboard here: the text can be selected.
      toast({ tone: 'warning', text: t('steps.copyFailed') });
    }
  };
  return (
    <div className="settings-lines">
      <pre>{text}</pre>
      <Button size="s" onClick={() => void copy()}>
        {t('steps.copy')}
      </Button>
    </div>
  );
}
