import { IconSearch } from '@tabler/icons-react';
import { type Ref, useId } from 'react';
import { useTranslation } from 'react-i18next';
import type { ExchangeNode } from '../../../app/domains/exchange/exchangeSchema.ts';
import { Button } from '../../components/Button.tsx';
import { Chip } from '../../components/Chip.tsx';
import { TextField } from '../../components/Field.tsx';
import { emptyForm, type FindForm, parseTypedDate } from './findQuestion.ts';
import { useFindStore } from './findStore.ts';

const modalities = ['CR', 'CT', 'DX', 'MG', 'MR', 'NM', 'OT', 'PT', 'RF', 'US', 'XA'] as const;

interface SearchFormProps {
  readonly nodes: readonly ExchangeNode[];
  readonly onSearch: () => void;
  readonly onStop: () => void;
  readonly first: Ref<HTMLInputElement>;
}

/** What is looked for, and where. Enter in any field searches. */
export function SearchForm({ nodes, onSearch, onStop, first }: SearchFormProps) {
  const { t } = useTranslation('exchange');
  const { form, leftOut, isRunning } = useFindStore();
  const listId = useId();
  const set = (part: Partial<FindForm>): void => useFindStore.setState({ form: { ...form, ...part } });
  const toggle = (nodeId: string): void => {
    const next = new Set(leftOut);
    if (!next.delete(nodeId)) next.add(nodeId);
    useFindStore.setState({ leftOut: next });
  };
  const [from, to] = [parseTypedDate(form.dateFrom), parseTypedDate(form.dateTo)];
  const isBackwards = Boolean(from && to && from > to);
  const isEmpty = Object.values(form).every((value) => value === '');
  const asked = nodes.filter((node) => !leftOut.has(node.nodeId));
  const mayAsk = asked.length > 0 && from !== null && to !== null && !isBackwards;
  return (
    <form
      className="exchange-search"
      onSubmit={(event) => {
        event.preventDefault();
        if (mayAsk) onSearch();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !isEmpty && !isRunning) {
          useFindStore.setState({ form: emptyForm });
          event.stopPropagation();
        }
      }}
    >
      <div className="exchange-search-fields">
        <TextField
          ref={first}
          label={t('find.name')}
          placeholder={t('find.nameHint')}
          value={form.patientName}
          onChange={(patientName) => set({ patientName })}
          maxLength={120}
        />
        <TextField
          label={t('find.patientId')}
          value={form.patientId}
          onChange={(patientId) => set({ patientId })}
          maxLength={64}
        />
        <TextField
          label={t('find.accession')}
          value={form.accessionNumber}
          onChange={(accessionNumber) => set({ accessionNumber })}
          maxLength={16}
        />
        <TextField
          label={t('find.from')}
          placeholder={t('find.dateHint')}
          error={from === null ? t('find.badDate') : undefined}
          value={form.dateFrom}
          onChange={(dateFrom) => set({ dateFrom })}
          maxLength={10}
        />
        <TextField
          label={t('find.to')}
          placeholder={t('find.dateHint')}
          error={to === null ? t('find.badDate') : isBackwards ? t('find.backwards') : undefined}
          value={form.dateTo}
          onChange={(dateTo) => set({ dateTo })}
          maxLength={10}
        />
        <TextField
          label={t('find.modality')}
          list={listId}
          value={form.modality}
          onChange={(modality) => set({ modality })}
          maxLength={16}
        />
        <datalist id={listId}>
          {modalities.map((modality) => (
            <option key={modality} value={modality} />
          ))}
        </datalist>
      </div>
      <div className="exchange-search-foot">
        <span className="label">{t('find.in')}</span>
        {nodes.map((node) => (
          <Chip key={node.nodeId} on={!leftOut.has(node.nodeId)} onClick={() => toggle(node.nodeId)}>
            <span className="exchange-clip">{node.name}</span>
          </Chip>
        ))}
        <span className="spacer" />
        {asked.length === 0 ? <span className="exchange-caution">{t('find.noNode')}</span> : null}
        {isRunning ? (
          <Button kbd="escape" onClick={onStop}>
            {t('find.stop')}
          </Button>
        ) : null}
        <Button
          type="submit"
          variant="primary"
          kbd="enter"
          icon={<IconSearch size={15} stroke={1.8} />}
          disabled={!mayAsk}
        >
          {t('find.search')}
        </Button>
      </div>
    </form>
  );
}
