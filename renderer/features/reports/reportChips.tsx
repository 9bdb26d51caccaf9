import { mergeAttributes, Node } from '@tiptap/core';
import { type NodeViewProps, NodeViewWrapper, ReactNodeViewRenderer } from '@tiptap/react';
import { createContext, useContext } from 'react';
import { useTranslation } from 'react-i18next';

/** What a chip needs to know beyond its own text: whether its source changed, and how to go there. */
export interface ChipSource {
  measurementState(annotationId: string, version: number): 'current' | 'stale' | 'missing';
  jumpToMeasurement(annotationId: string): void;
  jumpToImage(sopUid: string, frame: number): void;
}

export const ChipSourceContext = createContext<ChipSource | null>(null);

function MeasurementChip({ node }: NodeViewProps) {
  const { t } = useTranslation('reports');
  const source = useContext(ChipSourceContext);
  const annotationId = String(node.attrs.annotationId);
  const state = source?.measurementState(annotationId, Number(node.attrs.annotationVersion)) ?? 'missing';
  return (
    <NodeViewWrapper as="span" className="report-chip-wrap">
      <button
        type="button"
        contentEditable={false}
        className={`chip s ${state === 'current' ? 'finding' : 'warning'} report-chip`}
        title={t(state === 'current' ? 'chip.jump' : state === 'stale' ? 'chip.stale' : 'chip.missing')}
        onClick={() => source?.jumpToMeasurement(annotationId)}
      >
        {String(node.attrs.text)}
        {state === 'current' ? ' ↗' : ` · ${t(state === 'stale' ? 'chip.staleMark' : 'chip.missingMark')}`}
      </button>
    </NodeViewWrapper>
  );
}

function KeyImageChip({ node }: NodeViewProps) {
  const { t } = useTranslation('reports');
  const source = useContext(ChipSourceContext);
  return (
    <NodeViewWrapper as="span" className="report-chip-wrap">
      <button
        type="button"
        contentEditable={false}
        className="chip s report-chip"
        title={t('chip.jump')}
        onClick={() => source?.jumpToImage(String(node.attrs.sopUid), Number(node.attrs.frame))}
      >
        {String(node.attrs.text)} ↗
      </button>
    </NodeViewWrapper>
  );
}

function chipNode(name: 'measurement' | 'keyImage', attributes: readonly string[], view: typeof MeasurementChip) {
  return Node.create({
    name,
    group: 'inline',
    inline: true,
    atom: true,
    selectable: true,
    addAttributes: () => Object.fromEntries(attributes.map((attribute) => [attribute, { default: null }])),
    // Chips are made by a command, never by pasted HTML: a number pasted from elsewhere has no image behind it.
    parseHTML: () => [],
    renderHTML: ({ HTMLAttributes, node }) => ['span', mergeAttributes(HTMLAttributes), String(node.attrs.text)],
    renderText: ({ node }) => String(node.attrs.text),
    addNodeView: () => ReactNodeViewRenderer(view),
  });
}

export const MeasurementNode = chipNode('measurement', ['annotationId', 'annotationVersion', 'text'], MeasurementChip);
export const KeyImageNode = chipNode('keyImage', ['sopUid', 'frame', 'text'], KeyImageChip);
