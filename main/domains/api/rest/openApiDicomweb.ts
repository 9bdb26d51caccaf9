export type Json = Record<string, unknown>;

/** Keys of a search by level (PS3.18 section 10.6.1.2.3); those of a level above are keys of the levels below too. */
const searchKeys = {
  study: [
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
    'ModalitiesInStudy',
    'ReferringPhysicianName',
    'StudyDescription',
    'PatientName',
    'PatientID',
    'IssuerOfPatientID',
    'PatientBirthDate',
    'PatientSex',
    'StudyInstanceUID',
    'StudyID',
  ],
  series: ['Modality', 'SeriesDescription', 'BodyPartExamined', 'SeriesInstanceUID', 'SeriesNumber'],
  instance: ['SOPClassUID', 'SOPInstanceUID', 'InstanceNumber'],
} as const;

const dicomJson = { 'application/dicom+json': { schema: { type: 'array', items: { type: 'object' } } } };
const dicomJsonObject = { 'application/dicom+json': { schema: { type: 'object' } } };
const parts = { 'multipart/related; type="application/dicom"': { schema: { type: 'string' } } };
const picture = { 'image/jpeg': { schema: { type: 'string' } }, 'image/png': { schema: { type: 'string' } } };
const pixels = {
  'multipart/related': { schema: { type: 'string' } },
  'application/octet-stream': { schema: { type: 'string' } },
};

const studies = '/dicomweb/studies';
const study = `${studies}/{studyUid}`;
const series = `${study}/series/{seriesUid}`;
const instance = `${series}/instances/{sopUid}`;
const frames = `${instance}/frames/{frames}`;

type Level = keyof typeof searchKeys;
/** Where a search may look, and for what. */
const searches: readonly (readonly [string, string, Level])[] = [
  ['searchDicomStudies', studies, 'study'],
  ['searchDicomSeries', '/dicomweb/series', 'series'],
  ['searchDicomSeriesOfStudy', `${study}/series`, 'series'],
  ['searchDicomInstances', '/dicomweb/instances', 'instance'],
  ['searchDicomInstancesOfStudy', `${study}/instances`, 'instance'],
  ['searchDicomInstancesOfSeries', `${series}/instances`, 'instance'],
];
const levels = [
  ['Study', study],
  ['Series', series],
  ['Instance', instance],
] as const;

/** What of DICOMweb (PS3.18 section 10) is here, in as few words as find it. */
export function dicomwebPaths(parametersOf: (path: string) => Json[], refusals: Json): Json {
  const paths: Record<string, Json> = {};
  const add = (path: string, method: 'get' | 'post', operation: Json): void => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  const read = (operationId: string, path: string, summary: string, scope: string, content: Json, query: Json[] = []) =>
    add(path, 'get', {
      operationId,
      summary,
      'x-scope': scope,
      parameters: [...parametersOf(path), ...query],
      responses: { 200: { description: 'Done.', content }, ...refusals },
    });
  const store = (operationId: string, path: string) =>
    add(path, 'post', {
      operationId,
      summary: 'STOW-RS, where the receiver takes objects so. Two at once of one token, none slower than 16 KiB/s.',
      'x-scope': 'studies.import',
      parameters: parametersOf(path),
      requestBody: { required: true, content: parts },
      responses: {
        ...refusals,
        200: { description: 'All were stored.', content: dicomJsonObject },
        202: { description: 'Some were stored.', content: dicomJsonObject },
        409: { description: 'None was stored, or the archive is closed.', content: dicomJsonObject },
        415: { description: 'The body is no multipart/related of application/dicom.' },
        503: { description: 'Too many store at once: come again after Retry-After seconds.' },
      },
    });

  for (const [operationId, path, level] of searches)
    read(operationId, path, 'QIDO-RS.', 'studies.read', dicomJson, searchParameters(level));
  for (const [name, path] of levels) {
    read(`retrieve${name}`, path, 'WADO-RS: the originals.', 'studies.export', parts);
    read(`retrieve${name}Metadata`, `${path}/metadata`, 'WADO-RS.', 'studies.read', dicomJson);
    for (const ending of ['rendered', 'thumbnail'] as const)
      read(`retrieve${name}${titled(ending)}`, `${path}/${ending}`, 'WADO-RS: a picture.', 'studies.read', picture);
  }
  read('retrieveFrames', frames, 'WADO-RS: pixels as received.', 'studies.read', pixels);
  for (const ending of ['rendered', 'thumbnail'] as const)
    read(`retrieveFrame${titled(ending)}`, `${frames}/${ending}`, 'WADO-RS: a picture.', 'studies.read', picture);
  const pixelData = `${instance}/bulkdata/7FE00010`;
  read('retrievePixelData', pixelData, 'WADO-RS: pixels of all frames.', 'studies.read', pixels);
  store('storeInstances', studies);
  store('storeInstancesOfStudy', study);
  return paths;
}

function titled(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

function searchParameters(level: Level): Json[] {
  const query = (name: string, schema: Json, description = '') => ({
    name,
    in: 'query',
    required: false,
    schema,
    ...(description === '' ? {} : { description }),
  });
  const keys = [
    ...searchKeys.study,
    ...(level === 'study' ? [] : searchKeys.series),
    ...(level === 'instance' ? searchKeys.instance : []),
  ];
  return [
    query('limit', { type: 'integer', minimum: 0, maximum: 1000, default: 200 }, 'More is taken as 1000.'),
    query('offset', { type: 'integer', minimum: 0, default: 0 }),
    query('includefield', { type: 'string' }, 'Everything known is given, asked for or not.'),
    query('fuzzymatching', { type: 'boolean', default: false }),
    ...keys.map((name) => query(name, { type: 'string' })),
  ];
}
