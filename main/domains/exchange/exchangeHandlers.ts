import type { exchangeContract } from '../../../app/domains/exchange/exchangeContract.ts';
import type { HandlersOf } from '../../core.ts';
import { ruleHandlers } from './ruleHandlers.ts';

export const exchangeHandlers: HandlersOf<typeof exchangeContract> = {
  listNodes: (_input, context) => context.services().exchange.nodes.list(),
  saveNode: (input, context) => context.services().exchange.nodes.save(context.author(), input),
  archiveNode: ({ nodeId }, context) => {
    context.services().exchange.nodes.archive(context.author(), nodeId);
    return null;
  },
  testNode: async ({ nodeId }, context) => ({
    steps: await context.services().exchange.nodes.test(context.author(), nodeId, context.signal),
  }),
  receiver: (_input, context) => context.services().exchange.receiver.state(),
  saveReceiver: ({ settings, privateKey }, context) =>
    context.services().exchange.receiver.save(context.author(), settings, privateKey),
  associations: (input, context) => context.services().exchange.receiver.associations(input),
  async send(input, context) {
    const { exchange, imaging, reports } = context.services();
    const { studyUid, reportId, keyImages, deidentify } = input;
    if (reportId === null && keyImages !== null) {
      const marked = imaging.listKeyImages(studyUid).map(({ sopUid }) => sopUid);
      // A selection names the person and who chose: without the person the images go alone.
      const made = deidentify
        ? []
        : await imaging.storeMarkedImages(context.author(), { studyUid, language: keyImages });
      const sopUids = [...new Set([...marked, ...made])];
      return exchange.deliveries.send(context.author(), { ...input, seriesUids: [], sopUids });
    }
    // A signature does not wait for its objects: whoever sends at once has them made now.
    if (reportId !== null) await reports.storeObjects(context.author(), reportId);
    return exchange.deliveries.send(context.author(), input);
  },
  listDeliveries: (input, context) => context.services().exchange.deliveries.list(input),
  getDelivery: (input, context) => context.services().exchange.deliveries.get(input),
  retryDelivery: ({ deliveryId }, context) =>
    context.services().exchange.deliveries.retry(context.author(), deliveryId),
  cancelDelivery: ({ deliveryId }, context) =>
    context.services().exchange.deliveries.cancel(context.author(), deliveryId),
  find: (input, context) => context.services().exchange.finding.find(input, context.signal),
  findSchedule: (input, context) => context.services().exchange.finding.findSchedule(input, context.signal),
  listSchedule: (input, context) => context.services().exchange.schedule.list(input),
  saveEntry: (input, context) => context.services().exchange.schedule.save(context.author(), input),
  archiveEntry: ({ entryId }, context) => {
    context.services().exchange.schedule.archive(context.author(), entryId);
    return null;
  },
  fetch: (input, context) => ({ jobId: context.services().exchange.finding.startFetch(context.author(), input) }),
  ...ruleHandlers,
};
