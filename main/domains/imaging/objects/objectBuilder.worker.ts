import { parentPort, workerData } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import { Failure } from '../../../../app/shared/failure.ts';
import { openArchive } from '../../../archive/openArchive.ts';
import type { JsonDataSet } from '../../../dicom/dicomJson.ts';
import { faultText } from '../../../platform/faultText.ts';
import type { Arrived } from '../import/arrived.ts';
import { examineObject } from '../import/examineObject.ts';
import type { BuilderAnswer, BuilderData } from './builderMessages.ts';
import { buildObjects, type MarksToBuild, type ReportToBuild } from './buildObjects.ts';

/** Builds objects, reads each back as any arrival is read, archives them, and ends: dcmjs is in memory no longer than that. */
const { archiveAccess, header, input } = workerData as BuilderData;

function readStudy(): JsonDataSet {
  const text = inflateRawSync(header).toString('utf8');
  try {
    return JSON.parse(text) as JsonDataSet;
  } catch {
    // JSON.parse repeats a piece of what it read, which may be a name.
    throw new Error('the header of an instance is no JSON');
  }
}

async function build(): Promise<BuilderAnswer> {
  try {
    const built = buildObjects({ ...input, study: readStudy() } as ReportToBuild | MarksToBuild);
    const examined = built.map(({ bytes }) => examineObject(bytes));
    const archive = openArchive(archiveAccess, { writesInPlace: true });
    const stored = await archive.putMany(
      'dicom',
      built.map(({ bytes }) => bytes),
    );
    const arrived = stored.map(
      (object, index): Arrived => ({
        ...(examined[index] as (typeof examined)[number]),
        objectName: object.name,
        bytes: object.bytes,
      }),
    );
    return { arrived };
  } catch (error) {
    if (error instanceof Failure)
      return { failure: { code: error.code, message: error.message, details: error.details } };
    return { error: faultText(error) };
  }
}

parentPort?.postMessage(await build());
