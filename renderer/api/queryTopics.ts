import type { Topic } from '../../app/shared/operation.ts';

/**
 * Which facts each query reads: the `reads` of the contract's meta, kept here because the contract as a value would
 * bring zod and oRPC's server side into the page. `queryTopics.test.ts` proves that the two agree.
 */
export const queryTopics = {
  'system.status': ['session'],
  'security.session': ['session'],
  'security.unattended': ['settings', 'session'],
  'security.listOperators': ['operators'],
  'security.listColleagues': ['operators'],
  'security.listAudit': ['audit'],
  'security.verifyAudit': [],
  'patients.get': ['patients'],
  'patients.list': ['patients'],
  'patients.listLinkCandidates': ['patients'],
  'imaging.openStudy': ['studies', 'patients'],
  'imaging.getStudy': ['studies', 'patients'],
  'imaging.listStudyLines': ['studies', 'patients'],
  'imaging.listConflicts': ['studies'],
  'imaging.getConflict': ['studies', 'patients'],
  'imaging.compareConflict': ['studies'],
  'imaging.listInstances': ['studies'],
  'imaging.listAnnotations': ['annotations'],
  'imaging.listKeyImages': ['keyImages'],
  'imaging.browse': [],
  'imaging.getImportSummary': ['imports'],
  'worklist.list': ['worklist'],
  'worklist.counts': ['worklist'],
  'reports.listTemplates': [],
  'reports.list': ['reports'],
  'reports.get': ['reports'],
  'reports.check': ['reports', 'annotations', 'studies'],
  'jobs.list': ['jobs'],
  'jobs.get': ['jobs'],
  'storage.status': ['storage', 'studies'],
  'storage.doctor': [],
  'exchange.listNodes': ['nodes'],
  'exchange.receiver': ['receiver'],
  'exchange.associations': ['receiver'],
  'exchange.listDeliveries': ['deliveries'],
  'exchange.getDelivery': ['deliveries'],
  'exchange.listSchedule': ['worklist'],
  'exchange.listRoutingRules': ['rules'],
  'exchange.tryRoutingMatch': ['studies'],
  'exchange.listPrefetchRules': ['rules'],
  'exchange.listPrefetches': ['rules'],
  'api.state': ['api'],
  'api.listTokens': ['api'],
  'api.health': [],
  'api.dicomStatus': [],
  'api.metrics': [],
} as const satisfies Record<string, readonly Topic[]>;

export type QueryName = keyof typeof queryTopics;

/** True when a commit on these topics makes the query's copy old. */
export function readsAny(name: QueryName, changed: readonly Topic[]): boolean {
  const reads: readonly Topic[] = queryTopics[name];
  return reads.some((topic) => changed.includes(topic));
}
