import type { OpenStore } from '../../main/core.ts';
import type { Author } from '../../main/database/writeGate.ts';
import type { Services } from '../../main/domainServices.ts';
import type { InstanceHeader } from '../../main/domains/imaging/header/instanceHeader.ts';
import type { Arrived } from '../../main/domains/imaging/import/arrived.ts';
import { indexInstances } from '../../main/domains/imaging/import/indexInstances.ts';

/** Names, rooms and organs the made-up studies are put together from. None is a person's. */
const families =
  'Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia David Bertrand Roux Vincent Fournier Morel Girard André Mercier Dupont Lambert Bonnet François Martinez Legrand Garnier Faure Rousseau Blanc Guérin Müller Schmidt Weber Wagner Becker Hoffmann Çelik Østergård Nguyễn Kowalski Novák O’Brien Smith Jones Taylor Brown Wilson Evans King Wright Green Baker Hall Adams Nelson Hill Campbell Mitchell'.split(
    ' ',
  );
const givens =
  'Anne Marie Sophie Julie Camille Léa Manon Chloé Emma Inès Jade Louise Alice Zoé Éloïse Hélène Claire Nathalie Paul Pierre Jean Louis Hugo Lucas Gabriel Jules Arthur Adam Nathan Tom Noé Théo Maël Raphaël Léo Ethan Sacha Victor Antoine Clément Jürgen Søren José María João'.split(
    ' ',
  );
const studies: readonly (readonly [description: string, modalities: string, bodyPart: string, instances: number])[] = [
  ['CT Thorax', 'CT', 'CHEST', 320],
  ['CT Abdomen Pelvis with contrast', 'CT', 'ABDOMEN', 540],
  ['CT Head', 'CT', 'HEAD', 180],
  ['MR Brain', 'MR', 'BRAIN', 260],
  ['MR Genou droit', 'MR', 'KNEE', 140],
  ['MR Lumbar spine', 'MR', 'LSPINE', 120],
  ['Radiographie thorax face', 'DX', 'CHEST', 2],
  ['Chest PA and lateral', 'CR', 'CHEST', 2],
  ['Mammographie bilatérale', 'MG', 'BREAST', 4],
  ['Échographie abdominale', 'US', 'ABDOMEN', 40],
  ['PET/CT whole body', 'CT\\PT', 'WHOLEBODY', 700],
  ['Angiographie coronaire', 'XA', 'HEART', 18],
];

/** A generator that gives the same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const emptyJson = Uint8Array.from([0xab, 0xae, 0x05, 0x00]);

/**
 * Puts made-up studies into the index of a store through the same code as an import, without archived bytes: one or two
 * series each, one row per series standing for all its instances. About two studies to a patient. Deterministic. With
 * `conflictEvery`, one study in so many has an object that names `secondPerson` too.
 */
export function insertSyntheticStudies(
  store: OpenStore,
  services: Pick<Services, 'patients' | 'worklist'>,
  author: Author,
  count: number,
  options: { seed?: number; perTransaction?: number; conflictEvery?: number } = {},
): void {
  const random = seeded(options.seed ?? 1);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const perTransaction = options.perTransaction ?? 2000;
  const digits = (value: number, length: number) => String(value).padStart(length, '0');
  for (let start = 0; start < count; start += perTransaction) {
    const batch: Arrived[] = [];
    for (let index = start; index < Math.min(count, start + perTransaction); index += 1) {
      const person = Math.floor(index / 2);
      const family = families[person % families.length] as string;
      const given = givens[Math.floor(person / families.length) % givens.length] as string;
      const [description, modalities, bodyPart] = pick(studies);
      const studyUid = `2.25.4711.${index + 1}`;
      modalities.split('\\').forEach((modality, place) => {
        batch.push({
          header: {
            ...plainHeader,
            studyUid,
            seriesUid: `${studyUid}.${place + 1}`,
            sopUid: `${studyUid}.${place + 1}.1`,
            identifier: `P${digits((person * 7919) % 10_000_000, 7)}`,
            issuer: 'SYNTHETIC',
            name: `${family}^${given}`,
            birthDate: `${1930 + (person % 90)}${digits(1 + (person % 12), 2)}${digits(1 + (person % 28), 2)}`,
            sex: person % 2 === 0 ? 'F' : 'M',
            studyDate: `${2015 + (index % 11)}${digits(1 + (index % 12), 2)}${digits(1 + (index % 28), 2)}`,
            studyTime: `${digits(index % 24, 2)}${digits(index % 60, 2)}00`,
            studyDescription: description,
            accessionNumber: `A${digits((index * 104_729) % 1_000_000_000, 9)}`,
            modality,
            bodyPart,
            seriesNumber: place + 1,
          },
          json: emptyJson,
          objectName: '0'.repeat(64 - String(index).length - 2) + place + 'f' + index,
          bytes: 524_288,
        });
      });
      if (options.conflictEvery !== undefined && index % options.conflictEvery === 0) {
        const first = batch.at(-1) as Arrived;
        const header = { ...first.header, ...secondPerson, sopUid: `${first.header.sopUid}.2` };
        batch.push({ ...first, header, objectName: first.objectName.replace('f', 'e') });
      }
    }
    store.gate.write(author, 'bench.insertStudies', (tx) => {
      indexInstances(tx, author, batch, { source: 'import', receivedAt: 1_700_000_000_000 + start * 1000 }, services);
    });
  }
}

/** Whom the studies with two people name besides the one they are listed under. */
export const secondPerson = { name: 'Doppelgänger^Zoé', identifier: 'Q0000001' };

const plainHeader: InstanceHeader = {
  studyUid: '',
  seriesUid: '',
  sopUid: '',
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  textDamaged: false,
  identifier: '',
  issuer: '',
  name: '',
  birthDate: '',
  sex: '',
  identityRemoved: false,
  studyDate: '',
  studyTime: '',
  studyId: '',
  studyDescription: '',
  accessionNumber: '',
  referringPhysician: '',
  patientAge: '',
  patientWeightKg: null,
  institution: '',
  modality: '',
  seriesNumber: null,
  seriesDescription: '',
  bodyPart: '',
  laterality: '',
  frameOfReferenceUid: '',
  instanceNumber: 1,
  frames: 1,
  rows: 512,
  columns: 512,
  isImage: true,
  positionMm: [],
  orientation: [],
};
