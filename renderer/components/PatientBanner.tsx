import { IconLinkOff } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormats } from '../i18n/formats.ts';
import { Chip } from './Chip.tsx';

export interface PatientBannerProps {
  readonly patient: {
    readonly displayName: string;
    readonly sex: string;
    /** DICOM DA text or empty. */
    readonly birthDate: string;
    readonly identifier: string;
    readonly issuer?: string;
    /** Hue in degrees; the banner wears it. */
    readonly hue: number;
    readonly needsLinkDecision?: boolean;
    /** Age as it should be read, e.g. '45 ans'. */
    readonly ageText?: string;
    readonly weightKg?: number | null;
  };
  readonly trailing?: ReactNode;
}

/** Whose data this screen shows, in that person's colour. Stands on every screen that shows a patient. */
export function PatientBanner({ patient, trailing }: PatientBannerProps) {
  const { t } = useTranslation('components');
  const formats = useFormats();
  const facts = [
    formats.sex(patient.sex),
    patient.ageText,
    patient.weightKg ? `${formats.number(patient.weightKg, 0)} kg` : '',
  ].filter(Boolean);
  return (
    <header
      className="patient-banner"
      data-testid="patient-banner"
      style={{
        background: `linear-gradient(90deg, color-mix(in srgb, hsl(${patient.hue} 55% 55%) 24%, var(--surface)), var(--surface) 38%)`,
        boxShadow: `inset 4px 0 hsl(${patient.hue} 55% 55%)`,
      }}
    >
      <b title={patient.displayName}>{patient.displayName || t('patient.unnamed')}</b>
      <span className="quiet">{facts.join(' · ')}</span>
      <span className="quiet">
        {patient.birthDate ? t('patient.born', { date: formats.date(patient.birthDate) }) : t('patient.birthUnknown')}
      </span>
      <span className="quiet" title={patient.issuer || undefined}>
        {patient.identifier ? t('patient.identifier', { identifier: patient.identifier }) : t('patient.noIdentifier')}
      </span>
      {patient.needsLinkDecision ? (
        <Chip tone="warning" size="s" title={t('patient.linkOpenWhy')}>
          <IconLinkOff size={13} stroke={1.6} aria-hidden />
          {t('patient.linkOpen')}
        </Chip>
      ) : null}
      {trailing ? <div className="patient-banner-trailing">{trailing}</div> : null}
    </header>
  );
}
