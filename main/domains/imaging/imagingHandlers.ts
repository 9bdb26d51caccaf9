import type { imagingContract } from '../../../app/domains/imaging/imagingContract.ts';
import type { HandlersOf } from '../../core.ts';
import { conflictHandlers } from './conflicts/conflictHandlers.ts';
import { browseFolder } from './import/browse.ts';

export const imagingHandlers: HandlersOf<typeof imagingContract> = {
  ...conflictHandlers,
  openStudy: ({ studyUid }, context) => context.services().imaging.openStudy(studyUid),
  getStudy: ({ studyUid }, context) => context.services().imaging.getStudyDetail(studyUid),
  listStudyLines: ({ studyUids }, context) => context.services().imaging.listStudyLines(studyUids),
  listInstances: ({ studyUid, seriesUid }, context) => context.services().imaging.listInstances(studyUid, seriesUid),
  listAnnotations: ({ studyUid }, context) => context.services().imaging.listAnnotations(studyUid),
  saveAnnotation: (input, context) => context.services().imaging.saveAnnotation(context.author(), input),
  listKeyImages: ({ studyUid }, context) => context.services().imaging.listKeyImages(studyUid),
  setKeyImage: (input, context) => context.services().imaging.setKeyImage(context.author(), input),
  importPaths: ({ paths }, context) => ({ jobId: context.services().imaging.importPaths(context.author(), paths) }),
  startUpload: (input, context) => ({ jobId: context.services().imaging.startUpload(context.author(), input) }),
  finishUpload({ jobId, complete }, context) {
    context.services().imaging.finishUpload(jobId, context.author(), complete);
    return null;
  },
  browse: ({ path }) => browseFolder(path),
  getImportSummary: ({ jobId }, context) => context.services().imaging.getImportSummary(jobId),
  exportStudy: (input, context) => ({ jobId: context.services().imaging.startExport(context.author(), input) }),
};
