/**
 * Writes resources/knowledge/deidentification.json from a folder in which these PyPI packages lie unpacked:
 * dicom-anonymizer 2.1.0 (table E.1-1 of edition 2026c), dicom-standard 0.1.0 (attributes by class), pydicom 3.0.2 (UIDs).
 *
 *     node scripts/makeDeidentification.ts FOLDER
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ConfidentialityAction,
  confidentialityActions,
  deidentificationSchema,
} from '../app/domains/imaging/deidentificationSchema.ts';

const edition = 'DICOM PS3.15 2026c, annex E, table E.1-1, column Basic Profile';
const source =
  'Facts of the table from dicomfields_2026c.py of the PyPI package dicom-anonymizer 2.1.0 (BSD), compared with edition 2025a: each tag of both has the same action. Types by class: PS3.3 as in the PyPI package dicom-standard 0.1.0 (2020). UIDs: PS3.6 annex A as in the PyPI package pydicom 3.0.2.';
const imageClasses = '1.2.840.10008.5.1.4.1.1.';
/** Those that may leave without the person (main/dicom/deidentify/textInPixels.ts), as far as the package knows them. */
const classes =
  '1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 4 4.1 4.3 4.4 12.1 12.1.1 12.2 12.2.1 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 20 30 66.4 128 128.1 130 3.1 6.1 6.2 7 7.1 7.2 7.3 7.4 14.1 14.2 77.1.1 77.1.2 77.1.3 77.1.4 77.1.5.1 77.1.5.2 77.1.5.4 77.1.6';

interface Standard {
  readonly modules: readonly { readonly ciodId: string; readonly moduleId: string }[];
  readonly attributes: readonly { readonly path: string; readonly type: string }[];
  readonly sops: readonly { readonly id: string; readonly ciod: string }[];
  readonly ciods: readonly { readonly id: string; readonly name: string }[];
}

/** Lists of the table: `X_Z_D_TAGS = [(0x0008, 0x0012), …]`. A tag with a mask stands for a group that repeats. */
function readTable(python: string): Map<string, ConfidentialityAction> {
  const actions = new Map<string, ConfidentialityAction>();
  for (const [, name = '', body = ''] of python.matchAll(/^([A-Z_]+)_TAGS = \[([\s\S]*?)^\]/gm)) {
    const action = name.replaceAll('_', '/').replace('/STAR', '*') as ConfidentialityAction;
    if (!confidentialityActions.includes(action)) continue;
    for (const [, group = '', element = '', mask] of body.matchAll(/\(\s*0x(\w{4}),\s*0x(\w{4})(,\s*0x\w+)?/g)) {
      if (mask === undefined) actions.set((group + element).toUpperCase(), action);
    }
  }
  return actions;
}

/** The strictest type of each attribute whose action is a choice, by class. */
function readNeeds({ modules, attributes, sops, ciods }: Standard, table: ReadonlyMap<string, string>) {
  const idOf = new Map(ciods.map(({ id, name }) => [name.replace(/ IOD$/, ''), id]));
  const wanted = new Map(classes.split(' ').map((uid) => [imageClasses + uid, uid]));
  const needs = new Map<string, Map<string, '1' | '2'>>();
  for (const { id, ciod } of sops) {
    const uid = wanted.get(id);
    if (uid === undefined) continue;
    const own = new Set(modules.filter(({ ciodId }) => ciodId === idOf.get(ciod)).map(({ moduleId }) => moduleId));
    for (const { path: where, type } of attributes) {
      const [moduleId = '', first = '', deeper] = where.split(':');
      const tag = first.toUpperCase();
      const need = type.slice(0, 1);
      if (deeper !== undefined || !own.has(moduleId) || !table.get(tag)?.includes('/')) continue;
      if (need !== '1' && need !== '2') continue;
      const ofTag = needs.get(tag) ?? new Map<string, '1' | '2'>();
      if (ofTag.get(uid) !== '1') ofTag.set(uid, need);
      needs.set(tag, ofTag);
    }
  }
  return needs;
}

function makeKnowledge(folder: string): unknown {
  const text = (file: string) => readFileSync(path.join(folder, file), 'utf8');
  const standard = (name: string) => JSON.parse(text(`dicom_standard-0.1.0.data/data/standard/${name}.json`));
  const table = readTable(text('dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py'));
  const needs = readNeeds(
    {
      modules: standard('ciod_to_modules'),
      attributes: standard('module_to_attributes'),
      sops: standard('sops'),
      ciods: standard('ciods'),
    },
    table,
  );
  const joined = (values: Iterable<string>) => [...values].sort().join(' ');
  const of = (action: string) => joined([...table].filter(([, each]) => each === action).map(([tag]) => tag));
  const typed = (ofTag: ReadonlyMap<string, string>, type: string) => {
    const uids = joined([...ofTag].filter(([, each]) => each === type).map(([uid]) => uid));
    return uids === '' ? {} : { [type]: uids };
  };
  return {
    ...{ edition, source },
    actions: Object.fromEntries(confidentialityActions.map((action) => [action, of(action)])),
    required: Object.fromEntries(
      [...needs].sort().map(([tag, ofTag]) => [tag, { ...typed(ofTag, '1'), ...typed(ofTag, '2') }]),
    ),
    registeredUids: joined(
      [...text('pydicom/_uid_dict.py').matchAll(/^ {4}'1\.2\.840\.10008\.([0-9.]+)':/gm)].map(([, uid = '']) => uid),
    ),
  };
}

if (import.meta.main) {
  const knowledge = deidentificationSchema.parse(makeKnowledge(process.argv[2] ?? '.'));
  const file = path.join(import.meta.dirname, '../resources/knowledge/deidentification.json');
  writeFileSync(file, `${JSON.stringify(knowledge, null, 2)}\n`);
  console.log(`wrote ${file}`);
}
