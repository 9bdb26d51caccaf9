import * as fontkit from 'fontkit';
import { degrees, PDFDocument, rgb } from 'pdf-lib';
import { isParagraphBlank } from '../../../../app/domains/reports/reportRules.ts';
import { accent, ink, PdfFlow, quiet, type Run, rule } from './pdfFlow.ts';
import { dicomDateText, dicomTimeText, fill, momentText, type PdfWords, pdfWords } from './pdfText.ts';
import type { PdfKeyImage, ReportPdfInput } from './reportPdfInput.ts';

/**
 * The report as an A4 PDF with embedded fonts: identification, sections, key images, signature, and on every page who
 * it is about and which document it is. The same input gives the same bytes, so what a person saw is what is signed.
 *
 * @returns the bytes of the PDF
 */
export async function renderReportPdf(input: ReportPdfInput): Promise<Uint8Array> {
  const document = await PDFDocument.create();
  document.registerFontkit(fontkit);
  const fontOptions = { subset: true, features: { liga: false, kern: false } };
  const regular = await document.embedFont(input.fonts.regular, fontOptions);
  const bold = await document.embedFont(input.fonts.bold, fontOptions);
  const at = new Date(input.signature?.signedAt ?? 0);
  // The title names the document, not the patient: viewers put it in their window's title.
  document.setTitle(`${pdfWords(input.language).report} ${input.documentId}`);
  document.setLanguage(input.language);
  document.setProducer('Salus');
  document.setCreator('Salus');
  document.setCreationDate(at);
  document.setModificationDate(at);

  const words = pdfWords(input.language);
  const flow = new PdfFlow(document, regular, bold, { top: 56, bottom: 74 });
  drawHead(flow, input, words);
  drawSections(flow, input);
  await drawKeyImages(flow, input, words);
  drawSignature(flow, input, words);
  drawPageMarks(flow, input, words);
  return document.save({ useObjectStreams: true });
}

function drawHead(flow: PdfFlow, input: ReportPdfInput, words: PdfWords): void {
  if (input.siteName !== '') flow.text([{ text: input.siteName }], { size: 9.5, color: quiet });
  flow.text([{ text: input.title, bold: true }], { size: 17, leading: 24 });
  if (input.addendumTo !== null) {
    const date = momentText(input.addendumTo.signedAt, input.language, input.timeZone);
    flow.text([{ text: fill(words.addendumTo, { name: input.addendumTo.signedBy, date }), bold: true }], {
      size: 9.5,
      color: accent,
    });
  }
  flow.space(6);
  flow.line();
  flow.space(8);
  const { patient, study } = input;
  const given = (value: string): string => (value.trim() === '' ? words.unknown : value);
  const identifier =
    patient.issuer === '' ? given(patient.identifier) : `${given(patient.identifier)} (${patient.issuer})`;
  const date = [dicomDateText(study.date, input.language, words.unknown), dicomTimeText(study.time)]
    .filter((part) => part !== '')
    .join(' ');
  flow.table(
    [
      [words.patient, given(patient.displayName)],
      [words.study, given(study.description)],
      [words.identifier, identifier],
      [words.studyDate, date],
      [words.birthDate, dicomDateText(patient.birthDate, input.language, words.unknown)],
      [words.modality, given(study.modalities.join(', '))],
      [words.sex, words.sexes[patient.sex as keyof PdfWords['sexes']] ?? words.unknown],
      [words.accession, given(study.accessionNumber)],
      [words.referrer, given(study.referringPhysician)],
    ],
    9.5,
  );
  flow.space(4);
  flow.line();
  flow.space(10);
}

function drawSections(flow: PdfFlow, input: ReportPdfInput): void {
  for (const section of input.sections) {
    const paragraphs = section.paragraphs.filter((paragraph) => !isParagraphBlank(paragraph));
    if (paragraphs.length === 0) continue;
    flow.need(44);
    flow.text([{ text: section.title, bold: true }], { size: 11, leading: 17, color: accent });
    for (const paragraph of paragraphs) {
      const runs: Run[] = paragraph.content.map((inline) =>
        inline.kind === 'text' ? { text: inline.text, bold: inline.bold === true } : { text: inline.text, bold: true },
      );
      if (paragraph.list === true) {
        flow.need(15);
        flow.drawAt('•', flow.left + 4, flow.cursor.top + 10.5, 10.5, false, ink);
      }
      flow.text(runs, { size: 10.5, hang: paragraph.list === true ? 14 : 0 });
      flow.space(3);
    }
    flow.space(8);
  }
}

async function drawKeyImages(flow: PdfFlow, input: ReportPdfInput, words: PdfWords): Promise<void> {
  if (input.keyImages.length === 0) return;
  const gap = 14;
  const columnWidth = (flow.width - gap) / 2;
  const maximumHeight = 240;
  for (let index = 0; index < input.keyImages.length; index += 2) {
    const row = input.keyImages.slice(index, index + 2);
    const sizes = row.map((image) => fitted(image, columnWidth, maximumHeight));
    const height = Math.max(...sizes.map((size) => size.height));
    flow.need(height + 40 + (index === 0 ? 20 : 0));
    if (index === 0) flow.text([{ text: words.keyImages, bold: true }], { size: 11, leading: 19, color: accent });
    const { page, top, pageHeight } = flow.cursor;
    for (const [column, image] of row.entries()) {
      const size = sizes[column] ?? { width: 0, height: 0 };
      const x = flow.left + column * (columnWidth + gap);
      const y = pageHeight - top - size.height;
      page.drawImage(await flow.document.embedPng(image.png), { x, y, ...size });
      drawOverlays(flow, image, { x, top, ...size });
      const caption = `${words.keyImage} ${index + column + 1}. ${image.caption}`;
      let shown = flow.printable(caption);
      while (flow.widthOf(shown, 8.5) > columnWidth && shown.length > 4) shown = `${shown.slice(0, -2).trimEnd()}…`;
      flow.drawAt(shown, x, top + height + 12, 8.5, false, quiet);
    }
    flow.space(height + 26);
  }
}

function fitted(image: PdfKeyImage, width: number, maximumHeight: number): { width: number; height: number } {
  const ratio = (image.height * image.pixelAspect) / image.width;
  const height = Math.min(maximumHeight, width * ratio);
  return { width: height / ratio, height };
}

/**
 * Where the label of a measurement that begins at `point` is written: right of it and above, and always inside the image,
 * where its colour can be read. Points from the page's left and top edge; smaller where the image is narrower than the text.
 */
export function labelPlace(
  point: { x: number; top: number },
  widthAt: (size: number) => number,
  box: { x: number; top: number; width: number; height: number },
): { x: number; baseline: number; size: number } {
  const room = box.width - 4;
  const size = Math.min(labelSize, (labelSize * room) / Math.max(widthAt(labelSize), 1));
  const x = Math.max(box.x + 2, Math.min(point.x + 4, box.x + 2 + room - widthAt(size)));
  const baseline = Math.max(box.top + size, Math.min(point.top - 4, box.top + box.height - 2));
  return { x, baseline, size };
}

const labelSize = 7.5;

function drawOverlays(
  flow: PdfFlow,
  image: PdfKeyImage,
  box: { x: number; top: number; width: number; height: number },
): void {
  const { page, pageHeight } = flow.cursor;
  const color = rgb(0.5, 0.88, 0.79);
  const place = ([column, row]: readonly [number, number]): { x: number; y: number } => ({
    x: box.x + (column / image.width) * box.width,
    y: pageHeight - (box.top + (row / image.height) * box.height),
  });
  for (const overlay of image.overlays) {
    const points = overlay.points.map(place);
    const [first, second] = points;
    if (first === undefined) continue;
    if (overlay.shape === 'polyline') {
      points.slice(1).forEach((end, index) => {
        page.drawLine({ start: points[index] ?? first, end, thickness: 0.9, color });
      });
    } else if (overlay.shape === 'point') {
      page.drawEllipse({ x: first.x, y: first.y, xScale: 2.5, yScale: 2.5, borderColor: color, borderWidth: 0.9 });
    } else if (second !== undefined) {
      const left = Math.min(first.x, second.x);
      const bottom = Math.min(first.y, second.y);
      const width = Math.abs(second.x - first.x);
      const height = Math.abs(second.y - first.y);
      if (overlay.shape === 'rectangle')
        page.drawRectangle({ x: left, y: bottom, width, height, borderColor: color, borderWidth: 0.9 });
      else
        page.drawEllipse({
          x: left + width / 2,
          y: bottom + height / 2,
          xScale: width / 2,
          yScale: height / 2,
          borderColor: color,
          borderWidth: 0.9,
        });
    }
    const label = flow.printable(overlay.label);
    const point = { x: first.x, top: pageHeight - first.y };
    const { x, baseline, size } = labelPlace(point, (points) => flow.widthOf(label, points, true), box);
    // On a ground of its own: an image may be as bright as the label.
    page.drawRectangle({
      x: x - 1,
      y: pageHeight - baseline - size * 0.25,
      width: flow.widthOf(label, size, true) + 2,
      height: size * 1.15,
      color: rgb(0, 0, 0),
      opacity: 0.6,
    });
    flow.drawAt(label, x, baseline, size, true, color);
  }
}

function drawSignature(flow: PdfFlow, input: ReportPdfInput, words: PdfWords): void {
  flow.need(46);
  flow.space(6);
  flow.line();
  flow.space(8);
  if (input.signature === null) {
    flow.text([{ text: words.draft, bold: true }], { size: 10.5, color: rgb(0.7, 0.1, 0.08) });
    flow.text([{ text: fill(words.author, { name: input.author }) }], { size: 9, color: quiet });
    return;
  }
  const date = momentText(input.signature.signedAt, input.language, input.timeZone);
  flow.text([{ text: fill(words.signed, { name: input.signature.fullName, date }), bold: true }], { size: 10.5 });
  if (input.author !== input.signature.operatorName) {
    flow.text([{ text: fill(words.author, { name: input.author }) }], { size: 9, color: quiet });
  }
}

/** What every page says, so that a loose page can never be taken for another patient's. */
function drawPageMarks(flow: PdfFlow, input: ReportPdfInput, words: PdfWords): void {
  const pages = flow.document.getPages();
  const who = flow.printable(
    [input.patient.displayName, dicomDateText(input.patient.birthDate, input.language, ''), input.patient.identifier]
      .filter((part) => part !== '')
      .join(' · '),
  );
  const which = `${words.document} ${input.documentId} · ${words.report} ${input.reportId}, ${fill(words.version, { version: input.version })}`;
  pages.forEach((page, index) => {
    const number = fill(words.page, { page: index + 1, pages: pages.length });
    const draw = (text: string, x: number, y: number, size: number): void => {
      page.drawText(text, { x, y, size, font: flow.font, color: quiet });
    };
    page.drawLine({ start: { x: flow.left, y: 60 }, end: { x: flow.right, y: 60 }, thickness: 0.6, color: rule });
    let shown = who;
    while (flow.widthOf(shown, 8) > flow.width - 90 && shown.length > 4) shown = `${shown.slice(0, -2).trimEnd()}…`;
    draw(shown, flow.left, 48, 8);
    draw(number, flow.right - flow.widthOf(number, 8), 48, 8);
    draw(which, flow.left, 38, 6.5);
    draw(words.notDevice, flow.left, 29, 6.5);
    if (input.draft) {
      page.drawText(words.draft, {
        x: 110,
        y: 250,
        size: 44,
        rotate: degrees(48),
        color: rgb(0.8, 0.2, 0.15),
        opacity: 0.16,
        font: flow.font,
      });
    }
  });
}
