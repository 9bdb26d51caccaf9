import type { Migration } from '../migrate.ts';
import { migration as security } from './0010-create-security.ts';
import { migration as patient } from './0020-create-patient.ts';
import { migration as study } from './0030-create-study.ts';
import { migration as worklist } from './0040-create-worklist.ts';
import { migration as report } from './0050-create-report.ts';
import { migration as document } from './0060-create-document.ts';
import { migration as exchange } from './0070-create-exchange.ts';
import { migration as delivery } from './0080-create-delivery.ts';
import { migration as schedule } from './0090-create-schedule.ts';
import { migration as routing } from './0100-create-routing.ts';
import { migration as deidentifyDelivery } from './0110-deidentify-delivery.ts';
import { migration as prefetch } from './0120-create-prefetch.ts';
import { migration as api } from './0130-create-api.ts';
import { migration as conflict } from './0140-create-conflict.ts';
import { migration as abortedArrival } from './0160-note-aborted-arrival.ts';

/** Every migration, oldest first. Append; never edit or reorder one that was released. */
export const allMigrations: readonly Migration[] = [
  security,
  patient,
  study,
  worklist,
  report,
  document,
  exchange,
  delivery,
  schedule,
  routing,
  deidentifyDelivery,
  prefetch,
  api,
  conflict,
  abortedArrival,
];
