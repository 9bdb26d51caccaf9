import { IconRoute } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RoutingRule } from '../../../app/domains/exchange/routingSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { EmptyState } from '../../components/EmptyState.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useExchangeStore } from './exchangeStore.ts';
import { useMoment } from './moments.ts';
import { RoutingRuleDialog } from './RoutingRuleDialog.tsx';
import { RuleBar, type RulePartProps } from './RuleBar.tsx';
import { RuleDetail } from './RuleDetail.tsx';
import { RuleList } from './RuleList.tsx';
import { RuleTrial } from './RuleTrial.tsx';
import { formOfRouting } from './ruleForm.ts';
import { routingSentence, useSentenceWords } from './ruleSentence.ts';
import { useTroubleText } from './troubleText.ts';

/** What leaves by itself. */
export function RoutingRulesPart({ onNodes, onQueues }: RulePartProps & { readonly onQueues: () => void }) {
  const { t } = useTranslation('rules');
  const formats = useFormats();
  const moment = useMoment();
  const toast = useToast();
  const failureText = useFailureText();
  const { short } = useTroubleText();
  const words = useSentenceWords();
  const canManage = useCan('exchange.manage');
  const rules = useQueryOf('exchange.listRoutingRules', undefined, { keepPrevious: true });
  const toggle = useCommandOf('exchange.saveRoutingRule');
  const archive = useCommandOf('exchange.archiveRoutingRule');
  const { ruleId, chooseRule, setChip, setQueueNodeId } = useExchangeStore();
  /** 'new', or the rule as it was when the form was opened. */
  const [editing, setEditing] = useState<RoutingRule | 'new' | null>(null);
  const rows = rules.data ?? [];
  const chosen = rows.find((rule) => rule.ruleId === ruleId);
  const onError = (failure: unknown): void => toast({ tone: 'danger', text: failureText(failure) });
  const edit = (id: string): void => setEditing(rows.find((rule) => rule.ruleId === id) ?? null);
  const add = canManage ? () => setEditing('new') : null;
  return (
    <div className="exchange-split">
      <section className="exchange-list" aria-label={t('parts.routing')}>
        <RuleBar part="routing" count={rules.data?.length} onAdd={add} />
        {rules.error ? <FailureNotice failure={rules.error} retry={() => void rules.refetch()} /> : null}
        {!rules.data && !rules.error ? <Skeleton height={160} /> : null}
        {rules.data?.length === 0 ? (
          <EmptyState icon={<IconRoute size={36} stroke={1.2} aria-hidden />} title={t('empty.routing')}>
            {t('empty.routingWhat')} {canManage ? '' : t('empty.ask')}
          </EmptyState>
        ) : null}
        {rows.length > 0 ? (
          <RuleList
            label={t('parts.routing')}
            rules={rows.map((rule) => ({
              ruleId: rule.ruleId,
              name: rule.name,
              enabled: rule.enabled,
              sentence: routingSentence(rule, words),
              done:
                rule.deliveries === 0 && rule.lastAt === null
                  ? t('done.never')
                  : [
                      t('done.deliveries', { count: rule.deliveries, value: formats.number(rule.deliveries) }),
                      rule.lastAt === null ? '' : t('done.last', { time: moment(rule.lastAt) }),
                    ]
                      .filter(Boolean)
                      .join('\n'),
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
                    toggle.mutate(
                      {
                        ruleId: id,
                        baseVersion: rule.version,
                        rule: { ...formOfRouting(rule), enabled: !rule.enabled },
                      },
                      { onError },
                    );
                  }
                : null
            }
            busyId={toggle.isPending ? (toggle.variables.ruleId ?? null) : null}
            isBesideTable={false}
          />
        ) : null}
      </section>
      <aside className="exchange-side" aria-label={t('chosen')}>
        {chosen ? (
          <RuleDetail
            key={chosen.ruleId}
            part="routing"
            name={chosen.name}
            enabled={chosen.enabled}
            sentence={routingSentence(chosen, words)}
            lastTrouble={chosen.lastTrouble}
            facts={[
              [t('facts.deliveries'), formats.number(chosen.deliveries)],
              [t('facts.last'), chosen.lastAt === null ? '' : formats.dateTime(chosen.lastAt)],
            ]}
            onEdit={canManage ? () => setEditing(chosen) : null}
            isRemoving={archive.isPending}
            onRemove={(done) =>
              archive.mutate({ ruleId: chosen.ruleId }, { onSuccess: () => chooseRule(null), onError, onSettled: done })
            }
          >
            {chosen.deliveries > 0 ? (
              <Button
                size="s"
                className="rule-to-queue"
                onClick={() => {
                  setChip('all');
                  setQueueNodeId(chosen.nodeId);
                  onQueues();
                }}
              >
                {t('toQueues')}
              </Button>
            ) : null}
            <RuleTrial match={chosen.match} kbd="t" />
          </RuleDetail>
        ) : (
          <EmptyState title={t('none')}>{rows.length > 0 ? t('noneWhat') : null}</EmptyState>
        )}
      </aside>
      {editing ? (
        <RoutingRuleDialog
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
