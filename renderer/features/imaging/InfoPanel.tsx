import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DicomDataset, DicomElement } from '../../../app/domains/imaging/dicomElements.ts';
import { TextField } from '../../components/Field.tsx';
import { keywordOf } from './dicomKeywords.ts';
import type { ReadingDesk } from './readingDesk.ts';
import type { ReadingState } from './readingStore.ts';
import { useActiveView } from './useActiveView.ts';

const longest = 120;

function valueText(element: DicomElement, more: (count: number) => string): string {
  if (element.InlineBinary !== undefined || element.BulkDataURI !== undefined) return '…';
  const values = element.Value ?? [];
  if (element.vr === 'SQ') return more(values.length);
  const text = values
    .map((value) =>
      typeof value === 'object' && value !== null && 'Alphabetic' in value
        ? String(value.Alphabetic)
        : String(value ?? ''),
    )
    .join(' \\ ');
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** The data set of the image in the active viewport, as received. */
export function InfoPanel({ desk, state }: { desk: ReadingDesk; state: ReadingState }) {
  const attributes = useActiveView(desk, state, (view) => view.picture?.attributes);
  const { t } = useTranslation('imaging');
  const [text, setText] = useState('');
  const [dataset, setDataset] = useState<{ sopUid: string; dataset: DicomDataset | undefined }>();
  const studyUid = attributes?.studyUid;
  const seriesUid = attributes?.seriesUid;
  const sopUid = attributes?.sopUid;
  useEffect(() => {
    if (!studyUid || !seriesUid || !sopUid) return;
    let isCurrent = true;
    desk.metadata({ studyUid, seriesUid }).then(
      (instances) => {
        if (isCurrent)
          setDataset({ sopUid, dataset: instances.find((instance) => instance['00080018']?.Value?.[0] === sopUid) });
      },
      () => isCurrent && setDataset(undefined),
    );
    return () => {
      isCurrent = false;
    };
  }, [desk, studyUid, seriesUid, sopUid]);
  const shown = dataset && dataset.sopUid === sopUid ? dataset.dataset : undefined;
  if (!attributes || !shown) return <p className="quiet">{t('info.none')}</p>;
  const wanted = text.trim().toLowerCase();
  const rows = Object.entries(shown)
    .filter((entry): entry is [string, DicomElement] => entry[1] !== undefined)
    .map(([tag, element]) => ({
      tag: `(${tag.slice(0, 4)},${tag.slice(4)})`,
      name: keywordOf(tag),
      vr: element.vr,
      value: valueText(element, (count) => t('info.items', { count })),
    }))
    .filter((row) => wanted === '' || `${row.tag} ${row.name} ${row.value}`.toLowerCase().includes(wanted));
  return (
    <div className="reading-info">
      <TextField label={t('info.search')} value={text} onChange={setText} />
      <table>
        <tbody>
          {rows.map((row) => (
            <tr key={row.tag}>
              <th scope="row">
                <span className="label">{`${row.tag} ${row.vr}`}</span>
                {row.name ? <span>{row.name}</span> : null}
              </th>
              <td>{row.value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
