import { IconHistory } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { PrefetchRule } from '../../../app/domains/exchange/prefetchSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useExchangeStore } from './exchangeStore.ts';
import { useMoment } from './moments.ts';
import { PrefetchRuleDialog } from './PrefetchRuleDialog.tsx';
import { PrefetchRuleLook, PrefetchRuleLooks, usePrefetches } from './PrefetchRuleLooks.tsx';
import { RuleBar, type RulePartProps } from './RuleBar.tsx';
import { RuleDetail } from './RuleDetail.tsx';
import { RuleList } from './RuleList.tsx';
import { formOfPrefetch, savedPrefetch } from './ruleForm.ts';
import { prefetchSentence, useSentenceWords } from './ruleSentence.ts';
import { useTroubleText } from './troubleText.ts';

/** What is brought here by itself, and how each look for it went. */
export function PrefetchRulesPart({ onNodes }: RulePartProps) {
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const moment = useMoment();
  const toast = useToast();
  const failureText = useFailureText();
  const { short } = useTroubleText();
  const words = useSentenceWords();
  const canManage = useCan('exchange.manage');
  const rules = useQueryOf('exchange.listPrefetchRules', undefined, { keepPrevious: true });
  const toggle = useCommandOf('exchange.savePrefetchRule');
  const archive = useCommandOf('exchange.archivePrefetchRule');
  const { ruleId, prefetchId, chooseRule } = useExchangeStore();
  const [editing, setEditing] = useState<PrefetchRule | 'new' | null>(null);
  const looks = usePrefetches();
  const rows = rules.data ?? [];
  const chosen = rows.find((rule) => rule.ruleId === ruleId);
  const look = looks.find(prefetchId);
  const onError = (failure: unknown): void => toast({ tone: 'danger', text: failureText(failure) });
  const edit = (id: string): void => setEditing(rows.find((rule) => rule.ruleId === id) ?? null);
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={t('parts.prefetch')}>
        <RuleBar part="prefetch" count={rules.data?.length} onAdd={canManage ? () => setEditing('new') : null} />
        {rules.error ? <FailureNotice failure={rules.error} retry={() => void rules.refetch()} /> : null}
        {!rules.data && !rules.error ? <Skeleton height={160} /> : null}
        {rules.data?.length === 0 ? (
          <EmptyState icon={<IconHistory size={36} stroke={1.2} aria-hidden />} title={t('empty.prefetch')}>
            {t('empty.prefetchWhat')} {canManage ? '' : t('empty.ask')}
          </EmptyState>
        ) : null}
        {rows.length > 0 ? (
          <RuleList
            label={t('parts.prefetch')}
            rules={rows.map((rule) => ({
              ruleId: rule.ruleId,
              name: rule.name,
              enabled: rule.enabled,
              sentence: prefetchSentence(rule, words),
              done: rule.lastAt === null ? t('done.never') : t('done.last', { time: moment(rule.lastAt) }),
              trouble: rule.lastTrouble ? short(rule.lastTrouble) : null,
            }))}
            chosenId={ruleId}
            onChoose={chooseRule}
            onEdit={canManage ? edit : null}
            onToggle={
              canManage
                ? (id) => {
                    const rule = rows.find((each) => each.ruleId === id);
                    if (!rule) return;
                    const same = savedPrefetch(formOfPrefetch(rule), rule.nodeIds);
                    toggle.mutate(
                      { ruleId: id, baseVersion: rule.version, rule: { ...same, enabled: !rule.enabled } },
                      { onError },
                    );
                  }
                : null
            }
            busyId={toggle.isPending ? (toggle.variables.ruleId ?? null) : null}
            isBesideTable={(looks.total ?? 0) > 0}
          />
        ) : null}
        {rows.length > 0 || (looks.total ?? 0) > 0 ? <PrefetchRuleLooks looks={looks} /> : null}
      </section>
      <aside className="exchange-side" aria-label={t('chosen')}>
        {chosen ? (
          <RuleDetail
            key={chosen.ruleId}
            part="prefetch"
            name={chosen.name}
            enabled={chosen.enabled}
            sentence={prefetchSentence(chosen, words)}
            lastTrouble={chosen.lastTrouble}
            facts={[[t('facts.last'), chosen.lastAt === null ? '' : formats.dateTime(chosen.lastAt)]]}
            onEdit={canManage ? () => setEditing(chosen) : null}
            isRemoving={archive.isPending}
            onRemove={(done) =>
              archive.mutate({ ruleId: chosen.ruleId }, { onSuccess: () => chooseRule(null), onError, onSettled: done })
            }
          />
        ) : look ? (
          <PrefetchRuleLook
            key={look.prefetchId}
            look={look}
            isRuleHere={rows.some((rule) => rule.ruleId === look.ruleId)}
          />
        ) : (
          <EmptyState title={t('none')}>{rows.length > 0 ? t('noneWhat') : null}</EmptyState>
        )}
      </aside>
      {editing ? (
        <PrefetchRuleDialog
          rule={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
          onNodes={onNodes}
          onSaved={(saved) => {
            setEditing(null);
            chooseRule(saved.ruleId);
          }}
        />
      ) : null}
    </div>
  );
}
