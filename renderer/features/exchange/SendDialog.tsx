import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ExchangeNode } from '../../../app/domains/exchange/exchangeSchema.ts';
import { useCommandOf, useQueryOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField } from '../../components/Field.tsx';
import { Notice } from '../../components/Notice.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { ageOnDay, useFormats } from '../../i18n/formats.ts';
import { DeliveryStateMark } from './DeliveryStateMark.tsx';
import { lastAlike } from './deliveryView.ts';
import { addressOf, isOpenLine, proofOf } from './nodeForm.ts';
import './exchange.css';
import './exchangeParts.css';

/** What is to be sent: a study, or the objects of one signed report on it. */
export interface SendWish {
  readonly studyUid: string;
  readonly reportId: string | null;
}

interface SendDialogProps {
  readonly wish: SendWish;
  readonly onClose: () => void;
  readonly onNodes: () => void;
}

/** Shows exactly what goes where before it goes: whose, which objects, to which system, over which line, proven how. */
export default function SendDialog({ wish, onClose, onNodes }: SendDialogProps) {
  const { t, i18n } = useTranslation('exchange');
  const toast = useToast();
  const nodes = useQueryOf('exchange.listNodes', undefined);
  const detail = useQueryOf('imaging.getStudy', { studyUid: wish.studyUid });
  const marks = useQueryOf('imaging.listKeyImages', { studyUid: wish.studyUid }, { enabled: wish.reportId === null });
  const send = useCommandOf('exchange.send');
  const [nodeId, setNodeId] = useState<string | null>(null);
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const [wantsKeyImages, setWantsKeyImages] = useState(false);
  const [deidentify, setDeidentify] = useState(false);
  const senders = (nodes.data ?? []).filter((node) => node.use.send);
  // With one place to go there is nothing to choose; with several, a person chooses.
  const node = senders.find((each) => each.nodeId === nodeId) ?? (senders.length === 1 ? senders[0] : undefined);
  const series = detail.data?.series ?? [];
  const keyImageCount = marks.data?.length ?? 0;
  const isKeyImages = wantsKeyImages && keyImageCount > 0;
  const sent = series.filter((each) => !leftOut.has(each.seriesUid));
  const isConflict = detail.data?.study.identityConflict ?? false;
  const ready =
    node !== undefined &&
    detail.data !== undefined &&
    !isConflict &&
    (wish.reportId !== null || isKeyImages || sent.length > 0);
  const submit = (): void => {
    if (!node || !ready || send.isPending) return;
    send.mutate(
      {
        nodeId: node.nodeId,
        studyUid: wish.studyUid,
        seriesUids: wish.reportId !== null || leftOut.size === 0 ? [] : sent.map((each) => each.seriesUid),
        reportId: wish.reportId,
        keyImages: isKeyImages ? (i18n.language === 'fr' ? 'fr' : 'en') : null,
        deidentify: wish.reportId === null && deidentify,
      },
      {
        onSuccess: () => {
          // What becomes of it is in the top bar and the queues: this would be old news in a moment.
          toast({ tone: 'inform', text: t('send.queued', { node: node.name }) });
          onClose();
        },
      },
    );
  };
  const failure = detail.error ?? nodes.error;
  return (
    <Dialog
      open
      onClose={onClose}
      size="l"
      title={wish.reportId === null ? t('send.title') : t('send.reportTitle')}
      footer={
        <>
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button variant="primary" disabled={!ready} loading={send.isPending} onClick={submit}>
            {node ? t('send.to', { node: node.name }) : t('send.choose')}
          </Button>
        </>
      }
    >
      {failure ? <FailureNotice failure={failure} /> : null}
      {detail.data ? (
        <What
          detail={detail.data}
          isReport={wish.reportId !== null}
          keyImageCount={keyImageCount}
          isKeyImages={isKeyImages}
          onKeyImages={setWantsKeyImages}
          deidentify={deidentify}
          onDeidentify={setDeidentify}
          leftOut={leftOut}
          onLeftOut={setLeftOut}
          sentCount={sent.reduce((sum, each) => sum + each.instanceCount, 0)}
        />
      ) : failure ? null : (
        <Skeleton height={96} />
      )}
      {nodes.data && senders.length === 0 ? (
        <Notice
          severity="caution"
          action={
            <Button size="s" onClick={onNodes}>
              {t('queues.toNodes')}
            </Button>
          }
        >
          {t('send.noNode')}
        </Notice>
      ) : (
        <Where
          senders={senders}
          chosen={node}
          onChoose={setNodeId}
          onSubmit={submit}
          studyUid={wish.studyUid}
          reportId={wish.reportId}
          deidentified={wish.reportId === null && deidentify}
        />
      )}
      {send.error ? <FailureNotice failure={send.error} /> : null}
    </Dialog>
  );
}

interface WhatProps {
  readonly detail: {
    readonly study: {
      readonly modalities: readonly string[];
      readonly description: string;
      readonly studyDate: string;
      readonly accessionNumber: string;
      readonly patientAge: string;
      readonly identityConflict: boolean;
      readonly arriving?: boolean | undefined;
    };
    readonly patient: {
      readonly displayName: string;
      readonly sex: string;
      readonly birthDate: string;
      readonly identifier: string;
      readonly hue: number;
    };
    readonly series: readonly {
      readonly seriesUid: string;
      readonly modality: string;
      readonly seriesNumber: number | null;
      readonly description: string;
      readonly instanceCount: number;
    }[];
  };
  readonly isReport: boolean;
  /** Images marked now; with `isKeyImages` only they go. */
  readonly keyImageCount: number;
  readonly isKeyImages: boolean;
  readonly onKeyImages: (on: boolean) => void;
  readonly deidentify: boolean;
  readonly onDeidentify: (on: boolean) => void;
  readonly leftOut: ReadonlySet<string>;
  readonly onLeftOut: (leftOut: ReadonlySet<string>) => void;
  readonly sentCount: number;
}

function What(props: WhatProps) {
  const { detail, isReport, keyImageCount, isKeyImages, onKeyImages, leftOut, onLeftOut, sentCount } = props;
  const { deidentify, onDeidentify } = props;
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { study, patient, series } = detail;
  return (
    <section className="exchange-section">
      <div className="exchange-whose hued" style={{ '--patient-hue': patient.hue } as React.CSSProperties}>
        <b>{patient.displayName || t('study.unnamed')}</b>
        <span className="quiet">
          {[
            formats.sex(patient.sex),
            formats.age(study.patientAge || ageOnDay(patient.birthDate, study.studyDate)),
            patient.birthDate ? formats.date(patient.birthDate) : '',
            patient.identifier,
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <span className="quiet">
          {[
            study.modalities.join(' '),
            study.description,
            study.studyDate ? formats.date(study.studyDate) : '',
            study.accessionNumber,
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </div>
      {study.identityConflict ? <Notice severity="block">{t('send.conflict')}</Notice> : null}
      {study.arriving ? <Notice severity="caution">{t('send.arriving')}</Notice> : null}
      {isReport ? (
        <p>{t('send.reportWhat')}</p>
      ) : (
        <>
          {keyImageCount > 0 ? (
            <CheckField
              label={t('send.keyImages', { count: keyImageCount, value: formats.number(keyImageCount) })}
              checked={isKeyImages}
              onChange={onKeyImages}
            />
          ) : null}
          {isKeyImages ? (
            <p className="quiet">{deidentify ? t('send.keyImagesAlone') : t('send.keyImagesWhat')}</p>
          ) : (
            <>
              <span className="label">
                {t(deidentify ? 'send.objectsUnnamed' : 'send.objects', {
                  count: sentCount,
                  value: formats.number(sentCount),
                })}
              </span>
              <div className="exchange-series">
                {series.map((each) => (
                  <CheckField
                    key={each.seriesUid}
                    checked={!leftOut.has(each.seriesUid)}
                    onChange={(on) => {
                      const next = new Set(leftOut);
                      if (on) next.delete(each.seriesUid);
                      else next.add(each.seriesUid);
                      onLeftOut(next);
                    }}
                    label={[
                      each.modality,
                      each.seriesNumber === null ? '' : String(each.seriesNumber),
                      each.description || t('study.noDescription'),
                      t('objects', { count: each.instanceCount, value: formats.number(each.instanceCount) }),
                    ]
                      .filter(Boolean)
                      .join(' · ')}
                  />
                ))}
              </div>
            </>
          )}
        </>
      )}
      {isReport ? null : <CheckField checked={deidentify} onChange={onDeidentify} label={t('send.deidentify')} />}
      <p className="quiet">{deidentify && !isReport ? t('send.unnamed') : t('send.named')}</p>
    </section>
  );
}

interface WhereProps {
  readonly senders: readonly ExchangeNode[];
  readonly chosen: ExchangeNode | undefined;
  readonly onChoose: (nodeId: string) => void;
  readonly onSubmit: () => void;
  readonly studyUid: string;
  readonly reportId: string | null;
  readonly deidentified: boolean;
}

function Where({ senders, chosen, onChoose, onSubmit, studyUid, reportId, deidentified }: WhereProps) {
  const { t } = useTranslation('exchange');
  const fieldset = useRef<HTMLFieldSetElement>(null);
  const hasSenders = senders.length > 0;
  // The one question there is. The nodes may come after the dialog has given its own focus.
  useEffect(() => {
    if (hasSenders) fieldset.current?.querySelector('input')?.focus();
  }, [hasSenders]);
  const earlier = useQueryOf('exchange.listDeliveries', { offset: 0, limit: 100, nodeId: null, studyUid, states: [] });
  const lastTo = (nodeId: string) => earlier.data && lastAlike(earlier.data.rows, { nodeId, reportId, deidentified });
  return (
    <fieldset
      ref={fieldset}
      className="exchange-set"
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        onSubmit();
      }}
    >
      <legend>{t('send.where')}</legend>
      <div className="exchange-destinations">
        {senders.map((node, index) => {
          const last = lastTo(node.nodeId);
          return (
            <label
              key={node.nodeId}
              className={chosen?.nodeId === node.nodeId ? 'exchange-destination on' : 'exchange-destination'}
            >
              <input
                type="radio"
                name="destination"
                data-autofocus={index === 0 || undefined}
                checked={chosen?.nodeId === node.nodeId}
                onChange={() => onChoose(node.nodeId)}
              />
              <span className="exchange-destination-text">
                <b>{node.name}</b>
                <span className="quiet">{addressOf(node.settings)}</span>
                <span className="quiet">{t(`send.proof.${proofOf(node)}`)}</span>
                {isOpenLine(node.settings) ? <span className="exchange-caution">{t('send.openLine')}</span> : null}
                {node.isProven ? null : <span className="exchange-caution">{t('node.unproven')}</span>}
              </span>
              {last ? (
                <span className="exchange-destination-last">
                  <span className="label">{t('send.before')}</span>
                  <DeliveryStateMark delivery={last} />
                </span>
              ) : null}
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
