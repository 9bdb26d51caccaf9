import * as z from 'zod';
import { restFailureSchema } from '../../../../app/domains/api/restSchema.ts';
import { dicomwebPaths, type Json } from './openApiDicomweb.ts';
import { type RestRoute, restRoutes } from './restRoutes.ts';

const uidParameter = { type: 'string', pattern: '^[0-9.]{1,64}$' };
const pathParameters: Readonly<Record<string, Json>> = {
  studyUid: uidParameter,
  seriesUid: uidParameter,
  sopUid: uidParameter,
  frames: { type: 'string', pattern: '^[1-9][0-9]*(,[1-9][0-9]*)*$', description: 'From 1; several with commas.' },
  reportId: { type: 'string', format: 'uuid' },
};

/** What any address may answer, and of DICOMweb what it may answer without a body (PS3.18 section 8.5). */
const refusals: Readonly<Record<number, string>> = {
  400: 'Not understood.',
  401: 'No good token: unknown, expired or revoked. The connection is closed.',
  403: 'The token lacks the scope, or a page of a browser asked.',
  404: 'There is nothing here.',
  405: 'There is no such method here; Allow says which there are.',
  406: 'The Accept header takes no such answer.',
  409: 'The archive is closed; a person opens it.',
  413: 'A body that is too large, or where none is read. The connection is closed.',
  414: 'The address is longer than 4096 characters.',
  421: 'The Host header names another computer.',
  422: 'It cannot be done as things stand; the code says why.',
  429: 'Too many requests: come again after Retry-After seconds. The connection is closed.',
  500: 'A fault of the archive; it is in its log under the incident.',
  507: 'The disk is full.',
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
        'Reading the archive from other programs. A token may ask 100 times a second, and for what leaves an entry in the audit of its own 5 times. Dates without a time are DICOM text (YYYYMMDD). Not a certified medical device.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(restRoutes.map((route) => [route.path, { get: describeRoute(route) }])),
      ...dicomwebPaths(pathParametersOf, refusalResponses()),
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
