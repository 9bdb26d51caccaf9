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

/** Words of no language: names, addresses, versions, codes of the network. */
const plain: ReadonlySet<string> = new Set([
  ...['aeTitle', 'calledAe', 'callingAe', 'called', 'calling', 'host', 'address', 'addresses', 'implementation'],
  ...['version', 'server', 'protocol', 'cipher', 'code'],
]);

/**
 * Numbers and names that came with an answer, each with its word: status, AE titles, limits. What has no word in the
 * window's language is for the log, not for a person.
 *
 * @param wordOf the text of a key of the `exchange` namespace, or ''
 */
export function detailLines(details: Details, wordOf: (key: string) => string): (readonly [string, string])[] {
  const said = (name: string, value: Details[string]): string => {
    if (name === 'status' && typeof value !== 'boolean') return statusWords(value);
    if (typeof value === 'boolean') return wordOf(value ? 'yes' : 'no');
    return typeof value === 'number' || plain.has(name) ? String(value) : wordOf(`detailWords.${value}`);
  };
  return Object.entries(details)
    .map(([name, value]) => [wordOf(`details.${name}`), said(name, value)] as const)
    .filter((line) => !line.includes(''));
}

/** The same in the window's language. */
export function useDetailLines(): (details: Details) => readonly (readonly [string, string])[] {
  const { t, i18n } = useTranslation('exchange');
  return useCallback(
    (details) => detailLines(details, (key) => (i18n.exists(key, { ns: 'exchange' }) ? t(key as 'yes') : '')),
    [t, i18n],
  );
}
