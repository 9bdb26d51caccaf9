/** Every reason the reports domain can give. */
export const reportFailures = [
  'reports.unknown',
  'reports.templateUnknown',
  'reports.draftChanged',
  'reports.previewChanged',
  'reports.sectionsDiffer',
  'reports.chipUntrue',
  'reports.notADraft',
  'reports.notSigned',
  'reports.checksFailed',
  'reports.wrongPatient',
  'reports.identityConflict',
  'reports.keyImageMissing',
  'reports.pdfFailed',
  'reports.documentUnknown',
  'reports.alreadySigned',
] as const;
