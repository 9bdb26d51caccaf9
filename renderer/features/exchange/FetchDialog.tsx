import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Found } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { useApi } from '../../api/ApiProvider.tsx';
import { asFailure } from '../../api/asFailure.ts';
import { useCommandOf } from '../../api/queries.ts';
import { Button } from '../../components/Button.tsx';
import { Dialog } from '../../components/Dialog.tsx';
import { FailureNotice } from '../../components/FailureNotice.tsx';
import { CheckField } from '../../components/Field.tsx';
import { Skeleton } from '../../components/Skeleton.tsx';
import { useToast } from '../../components/Toast.tsx';
import { useFormats } from '../../i18n/formats.ts';
import { emptyForm, foundKey, hereState, mergeFound, queryOfForm, readableName } from './findQuestion.ts';
import { useFindStore } from './findStore.ts';

interface FetchDialogProps {
  readonly found: Found;
  readonly nodeName: string;
  readonly onClose: () => void;
  readonly onRead: (studyUid: string) => void;
}

/** Asks before a study is brought here: whose, from where, how much; all of it or some series. */
export function FetchDialog({ found, nodeName, onClose, onRead }: FetchDialogProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const toast = useToast();
  const fetchStudy = useCommandOf('exchange.fetch');
  const [choosing, setChoosing] = useState(false);
  const [series, setSeries] = useState<ReadonlySet<string>>(new Set());
  const here = hereState(found);
  const start = (): void =>
    fetchStudy.mutate(
      { nodeId: found.nodeId, studyUid: found.studyUid, seriesUids: choosing ? [...series] : [] },
      {
        onSuccess: ({ jobId }) => {
          useFindStore.setState(({ fetches }) => ({
            fetches: new Map(fetches).set(foundKey(found), { jobId, isWhole: !choosing }),
          }));
          toast({ tone: 'inform', text: t('fetch.started') });
          onClose();
        },
      },
    );
  const facts: readonly (readonly [string, string])[] = [
    [t('fetch.from'), nodeName],
    [
      t('columns.patient'),
      [
        readableName(found.patientName) || t('study.unnamed'),
        formats.sex(found.sex),
        found.birthDate ? formats.date(found.birthDate) : '',
        found.patientId,
      ]
        .filter(Boolean)
        .join(' · '),
    ],
    [
      t('columns.study'),
      [
        found.modalities.join(' '),
        found.studyDescription,
        found.studyDate ? formats.date(found.studyDate) : '',
        formats.time(found.studyTime),
      ]
        .filter(Boolean)
        .join(' · '),
    ],
    [t('columns.accession'), found.accessionNumber],
    [t('columns.objects'), found.instanceCount === null ? t('find.uncounted') : formats.number(found.instanceCount)],
    [t('columns.here'), here === 'none' ? t('here.none') : formats.number(found.hereCount)],
  ];
  return (
    <Dialog
      open
      onClose={onClose}
      title={t('fetch.title')}
      footer={
        <>
          <Button onClick={onClose}>{t('cancel')}</Button>
          {here === 'none' ? null : <Button onClick={() => onRead(found.studyUid)}>{t('fetch.read')}</Button>}
          <Button
            variant="primary"
            data-autofocus
            loading={fetchStudy.isPending}
            disabled={choosing && series.size === 0}
            onClick={start}
          >
            {choosing
              ? series.size === 0
                ? t('fetch.chooseSeries')
                : t('fetch.someSeries', { count: series.size })
              : here === 'whole'
                ? t('fetch.again')
                : t('fetch.start')}
          </Button>
        </>
      }
    >
      <dl className="exchange-facts wide">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      <p className="quiet">{here === 'whole' ? t('fetch.wholeWhat') : t('fetch.what')}</p>
      <CheckField label={t('fetch.onlySome')} checked={choosing} onChange={setChoosing} />
      {choosing ? <SeriesChoice study={found} chosen={series} onChoose={setSeries} /> : null}
      {fetchStudy.error ? <FailureNotice failure={fetchStudy.error} /> : null}
    </Dialog>
  );
}

interface SeriesChoiceProps {
  readonly study: Found;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

/** The series that the node says the study has. */
function SeriesChoice({ study, chosen, onChoose }: SeriesChoiceProps) {
  const { t } = useTranslation('exchange');
  const formats = useFormats();
  const { client } = useApi();
  const [rows, setRows] = useState<readonly Found[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  const [isDone, setDone] = useState(false);
  const { nodeId, studyUid } = study;
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      const query = { ...queryOfForm(emptyForm), level: 'SERIES' as const, studyUid };
      const events = await client.exchange.find({ nodeIds: [nodeId], query, limit: 1000 }, { signal: abort.signal });
      for await (const event of events) {
        if (event.type === 'found') setRows((known) => mergeFound(known, event.rows));
        else if (event.failure) setFailure(new Failure(event.failure.code, 'of a node', event.failure.details));
      }
      setDone(true);
    };
    ask().catch((error: unknown) => {
      if (!abort.signal.aborted) setFailure(asFailure(error));
    });
    return () => abort.abort();
  }, [client, nodeId, studyUid]);
  return (
    <div className="exchange-series">
      {rows.map((row) => (
        <CheckField
          key={row.seriesUid}
          checked={chosen.has(row.seriesUid)}
          onChange={(on) => {
            const next = new Set(chosen);
            if (on) next.add(row.seriesUid);
            else next.delete(row.seriesUid);
            onChoose(next);
          }}
          label={[
            row.modalities.join(' '),
            row.seriesNumber,
            row.seriesDescription || t('study.noDescription'),
            row.instanceCount === null
              ? ''
              : t('objects', { count: row.instanceCount, value: formats.number(row.instanceCount) }),
          ]
            .filter(Boolean)
            .join(' · ')}
        />
      ))}
      {failure ? <FailureNotice failure={failure} /> : null}
      {rows.length === 0 && !isDone && !failure ? <Skeleton height={64} /> : null}
      {rows.length === 0 && isDone ? <p className="quiet">{t('fetch.noSeries')}</p> : null}
    </div>
  );
}
