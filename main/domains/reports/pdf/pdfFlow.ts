import { type Color, type PDFDocument, type PDFFont, type PDFPage, rgb } from 'pdf-lib';

/** A4 in points. */
const pageWidth = 595.28;
const pageHeight = 841.89;

export const ink = rgb(0.1, 0.1, 0.1);
export const quiet = rgb(0.38, 0.38, 0.38);
export const rule = rgb(0.8, 0.8, 0.8);
export const accent = rgb(0.04, 0.45, 0.38);

export interface Run {
  readonly text: string;
  readonly bold?: boolean;
  readonly color?: Color;
}

/**
 * Text and images flowing down A4 pages. Positions count from the top of the page in points.
 * A character the font lacks is printed as its code point, '[U+5C71]': visible, never an empty box.
 */
export class PdfFlow {
  readonly document: PDFDocument;
  readonly left = 56;
  readonly right = pageWidth - 56;
  readonly #regular: PDFFont;
  readonly #bold: PDFFont;
  readonly #covered: ReadonlySet<number>;
  readonly #top: number;
  readonly #bottom: number;
  #page: PDFPage;
  #y: number;

  constructor(document: PDFDocument, regular: PDFFont, bold: PDFFont, margins: { top: number; bottom: number }) {
    this.document = document;
    this.#regular = regular;
    this.#bold = bold;
    const inBold = new Set(bold.getCharacterSet());
    this.#covered = new Set(regular.getCharacterSet().filter((codePoint) => inBold.has(codePoint)));
    this.#top = margins.top;
    this.#bottom = pageHeight - margins.bottom;
    this.#page = document.addPage([pageWidth, pageHeight]);
    this.#y = this.#top;
  }

  get font(): PDFFont {
    return this.#regular;
  }

  get width(): number {
    return this.right - this.left;
  }

  /** Text with what the fonts cannot draw spelled out. Tabs and line ends become spaces. */
  printable(text: string): string {
    let out = '';
    for (const character of text
      .normalize('NFC')
      .replace(/\s/gu, (space) => (space === '\u00a0' || space === '\u202f' ? '\u00a0' : ' '))) {
      const codePoint = character.codePointAt(0) ?? 0;
      if (codePoint < 32) continue;
      out += this.#covered.has(codePoint) ? character : `[U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}]`;
    }
    return out;
  }

  widthOf(text: string, size: number, bold = false): number {
    return (bold ? this.#bold : this.#regular).widthOfTextAtSize(text, size);
  }

  space(points: number): void {
    this.#y += points;
  }

  /** Starts a page when fewer than `points` are left on this one. */
  need(points: number): void {
    if (this.#y + points <= this.#bottom) return;
    this.#page = this.document.addPage([pageWidth, pageHeight]);
    this.#y = this.#top;
  }

  line(color: Color = rule): void {
    this.#page.drawLine({
      start: { x: this.left, y: pageHeight - this.#y },
      end: { x: this.right, y: pageHeight - this.#y },
      thickness: 0.6,
      color,
    });
  }

  /** Wrapped text; words longer than the line are broken. Returns nothing; moves down. */
  text(
    runs: readonly Run[],
    options: { size: number; leading?: number; indent?: number; hang?: number; color?: Color },
  ): void {
    const leading = options.leading ?? options.size * 1.42;
    const indent = options.indent ?? 0;
    for (const line of this.#wrap(runs, options.size, this.width - indent - (options.hang ?? 0))) {
      this.need(leading);
      let x = this.left + indent + (options.hang ?? 0);
      for (const run of line) {
        this.drawAt(
          run.text,
          x,
          this.#y + options.size,
          options.size,
          run.bold === true,
          run.color ?? options.color ?? ink,
        );
        x += this.widthOf(run.text, options.size, run.bold === true);
      }
      this.#y += leading;
    }
  }

  /** Draws at a baseline given from the top of the current page, without wrapping. */
  drawAt(text: string, x: number, baseline: number, size: number, bold: boolean, color: Color): void {
    this.#page.drawText(text, { x, y: pageHeight - baseline, size, font: bold ? this.#bold : this.#regular, color });
  }

  /** Rows of label and value, two pairs a row; values wrap inside their column and are never cut. */
  table(pairs: readonly (readonly [string, string])[], size: number): void {
    const columnWidth = this.width / 2;
    const labelWidth = 104;
    for (let index = 0; index < pairs.length; index += 2) {
      const row = pairs.slice(index, index + 2);
      const wrapped = row.map(([, value]) => this.#wrap([{ text: value }], size, columnWidth - labelWidth - 12));
      const height = Math.max(...wrapped.map((lines) => Math.max(1, lines.length))) * size * 1.42;
      this.need(height);
      row.forEach(([label], column) => {
        const x = this.left + column * columnWidth;
        this.drawAt(this.printable(label), x, this.#y + size, size - 0.5, false, quiet);
        wrapped[column]?.forEach((line, number) => {
          this.drawAt(
            line.map((run) => run.text).join(''),
            x + labelWidth,
            this.#y + size + number * size * 1.42,
            size,
            false,
            ink,
          );
        });
      });
      this.#y += height + 1.5;
    }
  }

  get cursor(): { page: PDFPage; top: number; pageHeight: number } {
    return { page: this.#page, top: this.#y, pageHeight };
  }

  #wrap(runs: readonly Run[], size: number, width: number): Run[][] {
    const lines: Run[][] = [];
    let line: Run[] = [];
    let used = 0;
    const flush = (): void => {
      const last = line.at(-1);
      if (last !== undefined) line[line.length - 1] = { ...last, text: last.text.replace(/ +$/, '') };
      lines.push(line);
      line = [];
      used = 0;
    };
    for (const run of runs) {
      const bold = run.bold === true;
      for (const word of this.printable(run.text).split(/(?<= )/)) {
        let rest = word;
        while (rest !== '') {
          const wordWidth = this.widthOf(rest.trimEnd(), size, bold);
          if (used + wordWidth <= width) {
            line.push({ ...run, text: rest });
            used += this.widthOf(rest, size, bold);
            rest = '';
          } else if (used > 0) {
            flush();
          } else {
            let fit = 1;
            while (fit < rest.length && this.widthOf(rest.slice(0, fit + 1), size, bold) <= width) fit += 1;
            line.push({ ...run, text: rest.slice(0, fit) });
            rest = rest.slice(fit);
            flush();
          }
        }
      }
    }
    if (line.length > 0 || lines.length === 0) flush();
    return lines;
  }
}
