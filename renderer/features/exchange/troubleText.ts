import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { dimseStatusText } from '../../../app/domains/exchange/dimseStatuses.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { useFailureText } from '../../components/FailureNotice.tsx';

type Details = Readonly<Record<string, string | number | boolean>>;

export interface Trouble {
  readonly code: string;
  readonly details: Details;
}

/**
 * A status as its standard writes it. The numbers of HTTP that a peer answers with are none of DIMSE's (PS3.7 annex C:
 * 0105 to 0124, 0131, 0132, 0210 to 0213 and from A700), so one field holds either.
 */
export function statusWords(status: string | number): string {
  if (typeof status === 'string') return status;
  const isHttp =
    (status >= 200 && status < 227) ||
    (status >= 300 && status < 309 && status !== 305 && status !== 306) ||
    (status >= 400 && status < 512);
  return isHttp ? `HTTP ${status}` : dimseStatusText(status);
}

/** The first sentence: what happened, without what to do about it. For a row of a list. */
export function firstSentence(text: string): string {
  const end = /[.:;] |\u202f[:;] /u.exec(text);
  return end ? text.slice(0, end.index) : text.replace(/\.$/u, '');
}

/** What a peer answered, in words: the whole text and a short one. */
export function useTroubleText(): { whole(trouble: Trouble): string; short(trouble: Trouble): string } {
  const failureText = useFailureText();
  const whole = useCallback(
    ({ code, details }: Trouble) => failureText(new Failure(code, 'of a peer', details)),
    [failureText],
  );
  const short = useCallback(
    (trouble: Trouble) => {
      const { status } = trouble.details;
      const first = firstSentence(whole(trouble));
      const said = typeof status === 'boolean' || !status ? '' : `${statusWords(status)} · `;
      return said + first;
    },
    [whole],
  );
  return { whole, short };
}

/** What only the log needs. */
const inner: ReadonlySet<string> = new Set(['phase', 'abortReason', 'of', 'ms']);

/** Numbers and names that came with an answer, each with its word: status, AE titles, limits. */
export function useDetailLines(): (details: Details) => readonly (readonly [string, string])[] {
  const { t } = useTranslation('exchange');
  return useCallback(
    (details) =>
      Object.entries(details)
        .filter(([name, value]) => !inner.has(name) && value !== '')
        .map(([name, value]) => {
          const label = t(`details.${name}`, { defaultValue: name });
          if (name === 'status' && typeof value !== 'boolean') return [label, statusWords(value)] as const;
          if (typeof value === 'boolean') return [label, value ? t('yes') : t('no')] as const;
          return [label, String(value)] as const;
        }),
    [t],
  );
}
