import type { ReportInline, ReportParagraph } from '../../../app/domains/reports/reportSchema.ts';

/** The part of a TipTap (ProseMirror) document that a report section uses. */
export interface EditorNode {
  readonly type: string;
  readonly text?: string;
  readonly attrs?: Readonly<Record<string, unknown>>;
  readonly marks?: readonly { readonly type: string }[];
  readonly content?: readonly EditorNode[];
}

/** Report paragraphs as an editor document: runs of list paragraphs become one bullet list. */
export function toEditor(paragraphs: readonly ReportParagraph[]): EditorNode {
  const blocks: EditorNode[] = [];
  let items: EditorNode[] = [];
  const closeList = (): void => {
    if (items.length > 0) blocks.push({ type: 'bulletList', content: items });
    items = [];
  };
  for (const paragraph of paragraphs) {
    const block: EditorNode = { type: 'paragraph', content: paragraph.content.map(inlineToEditor) };
    if (paragraph.list === true) items.push({ type: 'listItem', content: [block] });
    else {
      closeList();
      blocks.push(block);
    }
  }
  closeList();
  return { type: 'doc', content: blocks.length > 0 ? blocks : [{ type: 'paragraph' }] };
}

function inlineToEditor(inline: ReportInline): EditorNode {
  if (inline.kind !== 'text') {
    const { kind, ...attrs } = inline;
    return { type: kind, attrs };
  }
  const marks = [...(inline.bold ? [{ type: 'bold' }] : []), ...(inline.italic ? [{ type: 'italic' }] : [])];
  return marks.length > 0 ? { type: 'text', text: inline.text, marks } : { type: 'text', text: inline.text };
}

/** An editor document as report paragraphs. Nested lists are flattened and a line break begins a paragraph; nothing written is dropped. */
export function fromEditor(node: EditorNode): ReportParagraph[] {
  const paragraphs: ReportParagraph[] = [];
  const walk = (block: EditorNode, list: boolean): void => {
    if (block.type === 'paragraph') {
      const lines: ReportInline[][] = [[]];
      for (const inline of block.content ?? []) {
        if (inline.type === 'hardBreak') lines.push([]);
        else lines.at(-1)?.push(inlineFromEditor(inline));
      }
      for (const content of lines) paragraphs.push(list ? { list: true, content } : { content });
      return;
    }
    for (const child of block.content ?? []) walk(child, list || block.type === 'bulletList');
  };
  walk(node, false);
  const last = paragraphs.at(-1);
  // The editor always ends with an empty paragraph after a list; it is no part of the text.
  if (paragraphs.length > 1 && last?.content.length === 0) paragraphs.pop();
  return paragraphs.length === 1 && paragraphs[0]?.content.length === 0 ? [] : paragraphs;
}

function inlineFromEditor(node: EditorNode): ReportInline {
  const attrs = node.attrs ?? {};
  if (node.type === 'measurement') {
    return {
      kind: 'measurement',
      annotationId: String(attrs.annotationId),
      annotationVersion: Number(attrs.annotationVersion),
      text: String(attrs.text),
    };
  }
  if (node.type === 'keyImage') {
    return { kind: 'keyImage', sopUid: String(attrs.sopUid), frame: Number(attrs.frame), text: String(attrs.text) };
  }
  const has = (mark: string): boolean => node.marks?.some((one) => one.type === mark) ?? false;
  return {
    kind: 'text',
    text: node.text ?? '',
    ...(has('bold') ? { bold: true } : {}),
    ...(has('italic') ? { italic: true } : {}),
  };
}
