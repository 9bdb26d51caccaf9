import { type AnyContractProcedure, isContractProcedure } from '@orpc/contract';
import * as z from 'zod';
import { contract } from '../../app/contract.ts';
import type { OperationMeta } from '../../app/shared/operation.ts';

export interface Procedure {
  /** `domain.verb` */
  readonly name: string;
  readonly meta: OperationMeta;
  readonly input: z.ZodType | undefined;
  readonly output: object | undefined;
}

/** Every procedure of the contract. */
export const procedures: readonly Procedure[] = Object.entries(contract).flatMap(([domain, table]) =>
  Object.entries<AnyContractProcedure>(table).map(([verb, procedure]) => {
    if (!isContractProcedure(procedure)) throw new Error(`${domain}.${verb} is no procedure`);
    const { meta, inputSchema, outputSchema } = procedure['~orpc'];
    return {
      name: `${domain}.${verb}`,
      meta: meta as unknown as OperationMeta,
      input: inputSchema as z.ZodType | undefined,
      output: outputSchema,
    };
  }),
);

export type Call = (input?: unknown, options?: { signal?: AbortSignal }) => Promise<unknown>;

export function callOf(client: object, name: string): Call {
  const [domain = '', verb = ''] = name.split('.');
  return (client as Record<string, Record<string, Call>>)[domain]?.[verb] as Call;
}

/** Inputs that no schema of the contract may take: wrong as a whole, and wrong in each property. */
export function junkFor(schema: z.ZodType): unknown[] {
  const shape = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const valid = sampleInput(schema, 'valid') as object;
  return [
    null,
    7,
    'junk',
    [],
    [[]],
    true,
    ...shape.map((key) => ({ ...valid, [key]: { junk: [Number.MAX_VALUE] } })),
  ].filter((junk) => !schema.safeParse(junk).success);
}

const strings = [
  '01890a5d-ac96-774b-bcce-b302099a8057',
  '1.2.826.0.1.3680043.2.1125.1',
  '20200101',
  'en',
  'report-template',
  'correct horse 1',
  '0123456789abcdef'.repeat(4),
  '12:00',
  '1200',
  'CT',
  'study:1.2.826.0.1.3680043.2.1125.1',
];
const numbers = [1, 0, 0.5, 100, -1];

/**
 * An input that the schema takes, with `text` in every property that takes any text. Leaves are tried rather than
 * derived, so that patterns and formats need no special care.
 *
 * @throws when nothing was found for a leaf: then this function has to learn about it
 */
export function sampleInput(schema: z.ZodType, text: string): unknown {
  if (schema instanceof z.ZodObject) {
    return Object.fromEntries(
      Object.entries(schema.shape).map(([key, part]) => [key, sampleInput(part as z.ZodType, text)]),
    );
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return sampleInput(schema.unwrap() as z.ZodType, text);
  }
  if (schema instanceof z.ZodArray) return [sampleInput(schema.element as z.ZodType, text)];
  if (schema instanceof z.ZodTuple) return (schema.def.items as z.ZodType[]).map((item) => sampleInput(item, text));
  if (schema instanceof z.ZodUnion || schema instanceof z.ZodDiscriminatedUnion) {
    return sampleInput((schema.options as readonly z.ZodType[])[0] as z.ZodType, text);
  }
  if (schema instanceof z.ZodRecord) return { [text]: sampleInput(schema.valueType as z.ZodType, text) };
  if (schema instanceof z.ZodEnum) return schema.options[0];
  if (schema instanceof z.ZodLiteral) return [...schema.values][0];
  const found = [text, ...strings, ...numbers, true, null].find((candidate) => schema.safeParse(candidate).success);
  if (found === undefined) throw new Error(`no sample for a ${schema.def.type}`);
  return found;
}
