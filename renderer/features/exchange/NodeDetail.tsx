import { IconCircleCheck, IconCircleMinus, IconCircleX, IconPlugConnected } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ExchangeNode, TestStep } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useCommandOf } from '../../api/queries.ts';
import { useCan } from '../../api/session.tsx';
import { Button } from '../../components/Button.tsx';
import { ConfirmDialog } from '../../components/Dialog.tsx';
import { FailureNotice, useFailureText } from '../../components/FailureNotice.tsx';
import { useKeys } from '../../components/keys.ts';
import { Notice } from '../../components/Notice.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { useExchangeStore } from './exchangeStore.ts';
import { addressOf, isOpenLine, proofOf } from './nodeForm.ts';
import { useDetailLines, useTroubleText } from './troubleText.ts';

/** One node: its test, step by step, what was learned of it, and how it is set up. */
export function NodeDetail({ node, onEdit }: { node: ExchangeNode; onEdit: () => void }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const test = useCommandOf('exchange.testNode');
  const isDamaged = node.isDamaged ?? false;
  const canTest = useCan('exchange.send') && !isDamaged;
  const canManage = useCan('exchange.manage');
  const { settings, use } = node;
  const lastAt = node.lastTest?.at ?? 0;
  const [askedAfter, setAskedAfter] = useState<number | null>(null);
  const runTest = (): void => {
    setAskedAfter(lastAt);
    test.mutate({ nodeId: node.nodeId });
  };
  const group = t('places.nodes');
  useKeys([
    {
      id: 'exchange.test',
      keys: ['t'],
      label: t('test.button'),
      group,
      isHidden: !canTest,
      when: () => canTest && !test.isPending,
      run: runTest,
    },
    {
      id: 'exchange.edit',
      keys: ['e'],
      label: t('node.edit'),
      group,
      isHidden: !canManage,
      when: () => canManage,
      run: onEdit,
    },
  ]);
  // Stale the moment a new test begins: its steps must not be read as the answer, also not until the list is fresh.
  const isListOld = askedAfter === lastAt && test.data !== undefined;
  const answered = isListOld ? { at: test.submittedAt, steps: test.data.steps } : node.lastTest;
  const steps = test.isPending ? null : answered;
  const facts: readonly (readonly [string, string])[] = [
    [t('columns.kind'), t(`kinds.${settings.kind}`)],
    [t('columns.address'), addressOf(settings)],
    [t('nodeForm.callingAeTitle'), settings.kind === 'dimse' ? settings.callingAeTitle : ''],
    [t('nodeForm.auth'), settings.kind === 'dimse' ? '' : t(`auth.${settings.auth.method}`)],
    [t('node.line'), lineText(node, t)],
    [
      t('columns.use'),
      (['send', 'search', 'receive'] as const)
        .filter((each) => use[each])
        .map((each) => t(`use.${each}`))
        .join(' · ') || t('use.none'),
    ],
    [t('nodeForm.receiveCertificate'), use.receive ? (use.receiveCertificate ?? '') : ''],
    [t('nodeForm.proof'), use.send ? t(`proofPolicy.${proofOf(node)}`) : ''],
    [
      t('nodeForm.limit'),
      use.kilobytesPerSecond === null ? '' : t('node.rate', { value: formats.number(use.kilobytesPerSecond) }),
    ],
    [t('node.hours'), use.hours ? `${use.hours.from} – ${use.hours.to}` : ''],
  ];
  return (
    <>
      <div className="exchange-whose">
        <b>{node.name}</b>
        {use.receive && settings.kind === 'dimse' ? (
          <span className="quiet">{t('node.receivesFrom', { host: use.receiveFrom || settings.host })}</span>
        ) : null}
      </div>
      {isDamaged ? <Notice severity="block">{t('node.damagedWhat')}</Notice> : null}
      {node.isProven ? null : <Notice severity="caution">{t('node.unproven')}</Notice>}
      {canTest ? (
        <Button
          variant="primary"
          kbd="t"
          icon={<IconPlugConnected size={16} stroke={1.6} />}
          loading={test.isPending}
          onClick={runTest}
        >
          {test.isPending ? t('test.running') : t('test.button')}
        </Button>
      ) : null}
      {test.error ? <FailureNotice failure={test.error} retry={runTest} /> : null}
      {steps ? (
        <section className="exchange-section">
          <h2 className="label">{t('test.at', { time: formats.dateTime(steps.at) })}</h2>
          <ol className="exchange-steps">
            {steps.steps.map((step) => (
              <Step key={step.name} step={step} />
            ))}
          </ol>
        </section>
      ) : null}
      {node.capabilities.length > 0 ? <Capabilities node={node} /> : null}
      <dl className="exchange-facts">
        {(isDamaged ? [] : facts)
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {canManage ? (
        <div className="exchange-actions">
          <Button className="exchange-grow" kbd="e" onClick={onEdit}>
            {t('node.edit')}
          </Button>
          <Archive node={node} />
        </div>
      ) : null}
    </>
  );
}

function lineText(node: ExchangeNode, t: (key: string) => string): string {
  const { settings } = node;
  if (isOpenLine(settings)) return t('node.lineOpen');
  const isTls = settings.kind === 'dimse' ? settings.tls.enabled : settings.baseUrl.startsWith('https:');
  if (!isTls) return t('node.lineLocal');
  return settings.tls.certificate === '' ? t('node.lineTls') : t('node.lineMutual');
}

function Step({ step }: { step: TestStep }) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { whole } = useTroubleText();
  const detailLines = useDetailLines();
  const details = detailLines(step.details);
  return (
    <li className={step.ok ? 'fine' : 'wrong'}>
      {step.ok ? (
        <IconCircleCheck size={17} stroke={1.7} role="img" aria-label={t('test.ok')} />
      ) : (
        <IconCircleX size={17} stroke={1.7} role="img" aria-label={t('test.notOk')} />
      )}
      <div>
        <span className="exchange-step-name">{t(`test.steps.${step.name}`, { defaultValue: step.name })}</span>
        {step.tookMs > 0 ? (
          <span className="exchange-sub tabular">
            {t('test.took', { value: formats.number(Math.max(1, Math.round(step.tookMs))) })}
          </span>
        ) : null}
        {step.code ? <p>{whole({ code: step.code, details: step.details })}</p> : null}
        {details.length > 0 ? (
          <p className="exchange-sub">{details.map(([name, value]) => `${name} ${value}`).join(' · ')}</p>
        ) : null}
      </div>
    </li>
  );
}

/** What the node can do, found by talking to it. Kinds of object and their compressions are counted, not listed. */
function Capabilities({ node }: { node: ExchangeNode }) {
  const { t } = useTranslation('exchange');
  const isService = (name: string): boolean => !/\d\.\d/.test(name);
  const services = node.capabilities.filter((each) => isService(each.name));
  const taken = node.capabilities.filter((each) => !isService(each.name) && each.state === 'yes').length;
  const refused = node.capabilities.filter((each) => !isService(each.name) && each.state === 'no').length;
  return (
    <section className="exchange-section">
      <h2 className="label">{t('capabilities.title')}</h2>
      <ul className="exchange-capabilities">
        {services.map((each) => (
          <li key={each.name} className={each.state === 'yes' ? 'fine' : ''}>
            {each.state === 'yes' ? (
              <IconCircleCheck size={15} stroke={1.7} role="img" aria-label={t('capabilities.yes')} />
            ) : (
              <IconCircleMinus size={15} stroke={1.7} role="img" aria-label={t('capabilities.no')} />
            )}
            {t(`capabilities.names.${each.name}`, { defaultValue: each.name })}
          </li>
        ))}
      </ul>
      {taken + refused > 0 ? <p className="quiet">{t('capabilities.objects', { taken, refused })}</p> : null}
    </section>
  );
}

function Archive({ node }: { node: ExchangeNode }) {
  const { t } = useTranslation('exchange');
  const toast = useToast();
  const failureText = useFailureText();
  const archive = useCommandOf('exchange.archiveNode');
  const chooseNode = useExchangeStore((state) => state.chooseNode);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button onClick={() => setAsking(true)}>{t('node.archive')}</Button>
      <ConfirmDialog
        open={asking}
        onClose={() => setAsking(false)}
        title={t('node.archiveTitle', { name: node.name })}
        confirmLabel={t('node.archive')}
        danger
        loading={archive.isPending}
        onConfirm={() =>
          archive.mutate(
            { nodeId: node.nodeId },
            {
              onSuccess: () => chooseNode(null),
              onError: (failure) => toast({ tone: 'danger', text: failureText(failure) }),
              onSettled: () => setAsking(false),
            },
          )
        }
      >
        {t('node.archiveWhat')}
      </ConfirmDialog>
    </>
  );
}
