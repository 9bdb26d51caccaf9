import { useTranslation } from 'react-i18next';
import { DoorPage } from './DoorPage.tsx';
import { RecoveryKeySheet, type RecoveryKeySheetProps } from './RecoveryKeySheet.tsx';

/** The recovery key of a new archive, the one time it is shown. */
export function RecoveryKeyPage(props: RecoveryKeySheetProps) {
  const { t } = useTranslation('security');
  return (
    <DoorPage>
      <div className="door-form">
        <div>
          <h1>{t('key.title')}</h1>
          <p className="door-lead">{t('key.lead')}</p>
        </div>
        <RecoveryKeySheet {...props} />
      </div>
    </DoorPage>
  );
}
