import { createHash } from 'node:crypto';
import type { Annotation } from '../../../app/domains/imaging/imagingSchema.ts';
import { measurementText } from '../../../app/domains/reports/reportRules.ts';
import type { Report } from '../../../app/domains/reports/reportSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { Services } from '../../domainServices.ts';
import type { KeyImageOverlay, PdfKeyImage, ReportPdfInput } from './pdf/reportPdfInput.ts';

type PrintInput = Omit<ReportPdfInput, 'fonts'>;

/**
 * Gathers what the PDF of a report shows: identification as the study states it, the sections, and each key image
 * rendered on the host with the measurements drawn on it.
 *
 * @throws Failure('reports.keyImageMissing') when a key image can't be rendered
 */
export async function gatherPrint(
  report: Report,
  services: Services,
  extra: {
    siteName: string;
    documentId: string;
    signature: PrintInput['signature'];
    addendumTo: PrintInput['addendumTo'];
  },
): Promise<PrintInput> {
  const { study, patient, series } = services.imaging.getStudyDetail(report.studyUid);
  const annotations = services.imaging.listAnnotations(report.studyUid).filter((annotation) => !annotation.archived);
  const keyImages: PdfKeyImage[] = [];
  for (const keyImage of report.keyImages) {
    const rendered = await services.imaging
      .renderKeyImage({
        studyUid: report.studyUid,
        sopUid: keyImage.sopUid,
        frame: keyImage.frame,
        window: keyImage.window,
      })
      .catch((error: unknown) => {
        throw new Failure('reports.keyImageMissing', 'a key image could not be rendered', {
          reason: error instanceof Failure ? error.code : 'internal',
        });
      });
    // Where the image lies is the archive's word, not the draft's.
    const [place] = services.imaging.listPlaces({ studyUid: report.studyUid, sopUid: keyImage.sopUid });
    const number = series.find((one) => one.seriesUid === place?.seriesUid)?.seriesNumber;
    const word = report.language === 'fr' ? 'série' : 'series';
    keyImages.push({
      png: rendered.png,
      width: rendered.width,
      height: rendered.height,
      pixelAspect: rendered.pixelAspect,
      caption: [keyImage.caption, number === null || number === undefined ? '' : `${word} ${number}`]
        .filter((part) => part !== '')
        .join(', '),
      overlays: annotations
        .filter((annotation) => annotation.sopUid === keyImage.sopUid && annotation.frame === keyImage.frame)
        .map((annotation) => overlayOf(annotation, rendered.scale, report)),
    });
  }
  return {
    language: report.language,
    draft: extra.signature === null,
    siteName: extra.siteName,
    title: report.title,
    reportId: report.reportId,
    documentId: extra.documentId,
    version: report.version,
    patient: {
      displayName: patient.displayName,
      identifier: patient.identifier,
      issuer: patient.issuer,
      birthDate: patient.birthDate,
      sex: patient.sex,
    },
    study: {
      description: study.description,
      modalities: study.modalities,
      date: study.studyDate,
      time: study.studyTime,
      accessionNumber: study.accessionNumber,
      referringPhysician: study.referringPhysician.replace(/\^+/g, ' ').trim(),
      studyUid: study.studyUid,
    },
    addendumTo: extra.addendumTo,
    sections: report.sections,
    keyImages,
    author: report.author,
    signature: extra.signature,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

/**
 * Names what a page shows, so that a signature can be held to what was seen: SHA-256 over everything that is printed
 * (letterhead, language, identification, texts, pictures and what is drawn on them), the version of the draft and of
 * its template, and the revision of its study. Left out is only what the signature itself brings: its time, its signer, the number of its document and
 * of its version, and the mark of a draft.
 */
export function digestOf(
  print: PrintInput,
  draft: { version: number; templateVersion: string; revision: number },
): string {
  const { documentId: _document, signature: _signature, draft: _mark, version: _version, ...page } = print;
  const text = JSON.stringify({ ...page, of: draft }, (_name, value: unknown) =>
    value instanceof Uint8Array ? createHash('sha256').update(value).digest('hex') : value,
  );
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Annotation points count from the centre of the first pixel; the overlay counts from its corner. */
function overlayOf(annotation: Annotation, scale: number, report: Report): KeyImageOverlay {
  const points = annotation.points.map(([column, row]): [number, number] => [
    (column + 0.5) * scale,
    (row + 0.5) * scale,
  ]);
  const label = measurementText(annotation, report.language);
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const box: [number, number][] = [
    [Math.min(...xs), Math.min(...ys)],
    [Math.max(...xs), Math.max(...ys)],
  ];
  switch (annotation.tool) {
    case 'ellipse':
      return { shape: 'ellipse', points: box, label };
    case 'rectangle':
      return { shape: 'rectangle', points: box, label };
    case 'probe':
      return { shape: 'point', points, label };
    case 'bidirectional':
      return { shape: 'polyline', points: points.slice(0, 2), label };
    default:
      return { shape: 'polyline', points, label };
  }
}
