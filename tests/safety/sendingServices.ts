/** The queues over a store, with as much of the other domains as they need. */
import type { OpenedStore } from '../../main/database/openStore.ts';
import type { Services } from '../../main/domainServices.ts';
import type { Deliveries, NodeRegistry } from '../../main/domains/exchange/exchangeParts.ts';
import { openNodeRegistry } from '../../main/domains/exchange/nodes/nodeRegistry.ts';
import { openReceiver } from '../../main/domains/exchange/receiving/receiver.ts';
import { openDeliveries } from '../../main/domains/exchange/sending/deliveries.ts';
import { openImagingService } from '../../main/domains/imaging/imagingService.ts';
import { openPatientService } from '../../main/domains/patients/patientService.ts';
import { openWorklistService } from '../../main/domains/worklist/worklistService.ts';

export const sender = { operatorName: 'sender', password: 'a long enough password' };

export interface SendingServices {
  readonly services: Services;
  readonly nodes: NodeRegistry;
  readonly deliveries: Deliveries;
  close(): Promise<void>;
}

export function openSendingServices(store: OpenedStore): SendingServices {
  const services = {} as { -readonly [Name in keyof Services]: Services[Name] };
  services.patients = openPatientService(store, () => services);
  services.worklist = openWorklistService(store, () => services);
  services.imaging = openImagingService(store, () => services);
  const nodes = openNodeRegistry(store);
  const receiver = openReceiver(store, () => services, nodes);
  const times = { eventMs: 200 };
  const deliveries = openDeliveries(store, () => services, nodes, receiver, { times, random: () => 0.1 });
  return {
    services,
    nodes,
    deliveries,
    async close() {
      await deliveries.close();
      await receiver.close();
      await services.imaging.close();
    },
  };
}
