import type { ContractRouterClient } from '@orpc/contract';
import type { Contract } from '../../app/contract.ts';

/** The whole contract as functions that return promises. */
export type Client = ContractRouterClient<Contract>;

export type DomainName = keyof Client & string;

/** 'worklist.list', 'reports.sign' … every procedure of the contract. */
export type ProcedureName = { [D in DomainName]: `${D}.${keyof Client[D] & string}` }[DomainName];

type ProcedureOf<Name extends string> = Name extends `${infer D}.${infer P}`
  ? D extends DomainName
    ? P extends keyof Client[D]
      ? Client[D][P]
      : never
    : never
  : never;

export type InputOf<Name extends ProcedureName> =
  ProcedureOf<Name> extends (...args: infer Args) => unknown ? Args[0] : never;
export type OutputOf<Name extends ProcedureName> =
  ProcedureOf<Name> extends (...args: never[]) => infer Result ? Awaited<Result> : never;

/** Calls a procedure by its name; the signal cancels at both ends. */
export function callByName<Name extends ProcedureName>(
  client: Client,
  name: Name,
  input: InputOf<Name>,
  signal?: AbortSignal,
): Promise<OutputOf<Name>> {
  const [domain, procedure] = name.split('.') as [DomainName, string];
  const functions = client[domain] as unknown as Record<
    string,
    (input: unknown, options?: { signal?: AbortSignal }) => Promise<unknown>
  >;
  const call = functions[procedure];
  if (!call) throw new Error(`no procedure ${name}`);
  return call(input, signal ? { signal } : undefined) as Promise<OutputOf<Name>>;
}
