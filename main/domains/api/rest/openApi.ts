import * as z from 'zod';
import { restFailureSchema } from '../../../../app/domains/api/restSchema.ts';
import { type RestRoute, restRoutes } from './restRoutes.ts';

type Json = Record<string, unknown>;

const uidParameter = { type: 'string', pattern: '^[0-9.]{1,64}$' };
const pathParameters: Readonly<Record<string, Json>> = {
  studyUid: uidParameter,
  seriesUid: uidParameter,
  sopUid: uidParameter,
  frame: { type: 'integer', minimum: 1 },
  reportId: { type: 'string', format: 'uuid' },
};

const refusals: Readonly<Record<number, string>> = {
  400: 'Not understood.',
  401: 'No good token: unknown, expired or revoked.',
  403: 'The token lacks the scope.',
  404: 'There is nothing here.',
  406: 'The Accept header takes no such answer.',
  422: 'It cannot be done as things stand; the code says why.',
  429: 'Too many requests: come again after Retry-After seconds.',
};

let made: Json | undefined;

/** The OpenAPI 3.1 document of everything a token can ask, from the same schemas the answers are checked with. */
export function openApiDocument(version: string): Json {
  made ??= {
    openapi: '3.1.0',
    info: {
      title: 'Salus',
      version,
      description:
        'Reading the archive from other programs. Dates without a time are DICOM text (YYYYMMDD). Not a certified medical device.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(restRoutes.map((route) => [route.path, { get: describeRoute(route) }])),
      ...dicomweb(),
    },
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token made in the settings of Salus.' },
      },
      schemas: { Failure: jsonSchema(restFailureSchema) },
    },
  };
  return made;
}

function jsonSchema(shape: z.ZodType, io: 'input' | 'output' = 'output'): Json {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, { target: 'draft-2020-12', io }) as Json;
  return schema;
}

function describeRoute(route: RestRoute): Json {
  const { path, operationId, summary, scope, query, mediaType, answer, bareAnswer } = route;
  const schema = answer ? jsonSchema(answer) : { type: 'string' };
  const body = { [mediaType]: { schema: bareAnswer ? { anyOf: [schema, jsonSchema(bareAnswer)] } : schema } };
  return {
    operationId,
    summary,
    ...(scope === null ? {} : { 'x-scope': scope }),
    ...(bareAnswer ? { security: [{ token: [] }, {}] } : {}),
    parameters: [...pathParametersOf(path), ...(query ? queryParametersOf(query) : [])],
    responses: {
      200: { description: 'Done.', content: body },
      ...(bareAnswer ? { 503: { description: 'It does not work.', content: body } } : {}),
      ...refusalResponses(),
    },
  };
}

function refusalResponses(): Json {
  return Object.fromEntries(
    Object.entries(refusals).map(([status, description]) => [
      status,
      { description, content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } } },
    ]),
  );
}

function pathParametersOf(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: pathParameters[name],
  }));
}

function queryParametersOf(shape: z.ZodObject): Json[] {
  const { properties } = jsonSchema(shape, 'output') as { properties: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

/** What of DICOMweb (PS3.18 section 10) is here, in as few words as find it. */
function dicomweb(): Json {
  const dicomJson = { 'application/dicom+json': { schema: { type: 'array', items: { type: 'object' } } } };
  const parts = { 'multipart/related; type="application/dicom"': { schema: { type: 'string' } } };
  const get = (operationId: string, summary: string, scope: string, content: Json, path: string) => ({
    operationId,
    summary,
    'x-scope': scope,
    parameters: pathParametersOf(path),
    responses: { 200: { description: 'Done.', content }, default: { description: 'Refused; PS3.18 section 10.' } },
  });
  const search = (name: string, path: string) => ({
    [path]: { get: get(`search${name}`, 'QIDO-RS.', 'studies.read', dicomJson, path) },
  });
  const read = (operationId: string, path: string, scope: string, content: Json) => ({
    [path]: { get: get(operationId, 'WADO-RS.', scope, content, path) },
  });
  const store = (operationId: string, path: string) => ({
    operationId,
    summary: 'STOW-RS, where the receiver takes objects so.',
    'x-scope': 'studies.import',
    parameters: pathParametersOf(path),
    requestBody: { required: true, content: parts },
    responses: {
      200: { description: 'All were stored.', content: { 'application/dicom+json': { schema: { type: 'object' } } } },
      202: { description: 'Some were stored.', content: { 'application/dicom+json': { schema: { type: 'object' } } } },
      409: { description: 'None was stored.', content: { 'application/dicom+json': { schema: { type: 'object' } } } },
      default: { description: 'Refused; PS3.18 section 10.5.' },
    },
  });
  const study = '/dicomweb/studies/{studyUid}';
  const series = `${study}/series/{seriesUid}`;
  const instance = `${series}/instances/{sopUid}`;
  const picture = { 'image/jpeg': { schema: { type: 'string' } }, 'image/png': { schema: { type: 'string' } } };
  const pixels = { 'multipart/related': { schema: { type: 'string' } } };
  return {
    '/dicomweb/studies': {
      ...search('DicomStudies', '/dicomweb/studies')['/dicomweb/studies'],
      post: store('storeInstances', '/dicomweb/studies'),
    },
    ...search('DicomSeries', `${study}/series`),
    ...search('DicomInstances', `${series}/instances`),
    [study]: {
      ...read('retrieveStudy', study, 'studies.export', parts)[study],
      post: store('storeInstancesOfStudy', study),
    },
    ...read('retrieveSeries', series, 'studies.export', parts),
    ...read('retrieveInstance', instance, 'studies.export', parts),
    ...read('retrieveStudyMetadata', `${study}/metadata`, 'studies.read', dicomJson),
    ...read('retrieveSeriesMetadata', `${series}/metadata`, 'studies.read', dicomJson),
    ...read('retrieveFrame', `${instance}/frames/{frame}`, 'studies.read', pixels),
    ...read('retrieveRendered', `${instance}/rendered`, 'studies.read', picture),
  };
}
