import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react';
import type { ReactNode } from 'react';

export interface NoticeProps {
  /**
   * How much it matters. inform: inline and quiet. caution: a state to know before going on. block: stops this action.
   * unsafe: full width, cannot be dismissed; for what could harm a patient.
   */
  readonly severity?: 'inform' | 'caution' | 'block' | 'unsafe';
  readonly title?: ReactNode;
  readonly action?: ReactNode;
  readonly children?: ReactNode;
}

export function Notice({ severity = 'inform', title, action, children }: NoticeProps) {
  const Icon = severity === 'inform' ? IconInfoCircle : severity === 'caution' ? IconAlertTriangle : IconAlertOctagon;
  return (
    <div
      className={`notice ${severity}`}
      role={severity === 'inform' || severity === 'caution' ? 'status' : 'alert'}
      aria-live={severity === 'unsafe' ? 'assertive' : undefined}
    >
      <Icon size={18} stroke={1.6} aria-hidden />
      <div className="notice-body">
        {title ? <div className="notice-title">{title}</div> : null}
        {children}
      </div>
      {action ? <div className="notice-actions">{action}</div> : null}
    </div>
  );
}
