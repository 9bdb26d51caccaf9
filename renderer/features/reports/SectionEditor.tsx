import { type Editor, EditorContent, useEditor } from '@tiptap/react';
import StarterKit from '@tiptap/starter-kit';
import { useEffect, useRef } from 'react';
import type { ReportParagraph } from '../../../app/domains/reports/reportSchema.ts';
import { KeyImageNode, MeasurementNode } from './reportChips.tsx';
import { type EditorNode, fromEditor, toEditor } from './reportDocument.ts';

export interface SectionEditorProps {
  readonly sectionKey: string;
  readonly title: string;
  readonly required: boolean;
  readonly initial: readonly ReportParagraph[];
  readonly readOnly: boolean;
  readonly onChange: (paragraphs: ReportParagraph[]) => void;
  /** The section the next chip goes into. */
  readonly onFocus: (editor: Editor) => void;
  readonly onReady: (sectionKey: string, editor: Editor) => void;
}

/** One section of a report. Only paragraphs, bullets, bold and italic: what every later output format can carry. */
export function SectionEditor(props: SectionEditorProps) {
  const { sectionKey, title, required, initial, readOnly, onChange, onFocus, onReady } = props;
  const latest = useRef({ onChange, onFocus });
  latest.current = { onChange, onFocus };
  const editor = useEditor({
    extensions: [
      StarterKit.configure({
        heading: false,
        blockquote: false,
        code: false,
        codeBlock: false,
        horizontalRule: false,
        orderedList: false,
        strike: false,
        underline: false,
        link: false,
      }),
      MeasurementNode,
      KeyImageNode,
    ],
    content: toEditor(initial) as object,
    editable: !readOnly,
    injectCSS: false,
    shouldRerenderOnTransaction: false,
    editorProps: {
      attributes: {
        class: 'report-text',
        role: 'textbox',
        'aria-multiline': 'true',
        'aria-label': title,
        'data-section': sectionKey,
      },
    },
    onUpdate: ({ editor: changed }) => latest.current.onChange(fromEditor(changed.getJSON() as EditorNode)),
    onFocus: ({ editor: focused }) => latest.current.onFocus(focused),
  });
  useEffect(() => {
    onReady(sectionKey, editor);
  }, [editor, onReady, sectionKey]);
  useEffect(() => {
    editor.setEditable(!readOnly, false);
  }, [editor, readOnly]);
  return (
    <section className="report-section">
      <h3 className="label">
        {title}
        {required ? <span aria-hidden> *</span> : null}
      </h3>
      <EditorContent editor={editor} />
    </section>
  );
}
