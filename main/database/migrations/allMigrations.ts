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
];
