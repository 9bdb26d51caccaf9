import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { AllowedCaller } from './receiverMessages.ts';

const keptMs = 60_000;
const longestLookupMs = 5_000;

/** Who may send, and from where. */
export interface Callers {
  set(callers: readonly AllowedCaller[]): void;
  /**
   * The node that calls itself so, comes from this address and shows a certificate of this fingerprint, where it has to
   * show one; undefined refuses it.
   */
  find(aeTitle: string, address: string, fingerprint?: string): Promise<AllowedCaller | undefined>;
  /** Whether somebody of that title and address may send, whatever certificate was shown. */
  knows(aeTitle: string, address: string): Promise<boolean>;
}

/** @param resolve for tests; addresses of a host name */
export function openCallers(resolve: (host: string) => Promise<string[]> = resolveHost): Callers {
  let known: readonly AllowedCaller[] = [];
  const resolved = new Map<string, { readonly addresses: Promise<string[]>; readonly atMs: number }>();

  async function addressesOf(host: string): Promise<string[]> {
    const plain = plainAddress(host);
    if (isIP(plain)) return [plain];
    const nowMs = performance.now();
    let entry = resolved.get(host);
    if (!entry || nowMs - entry.atMs > keptMs) {
      entry = { addresses: resolve(host), atMs: nowMs };
      resolved.set(host, entry);
      // A name that was not found is asked for again by the next caller.
      entry.addresses.catch(() => resolved.delete(host));
    }
    return entry.addresses;
  }

  async function* from(aeTitle: string, address: string): AsyncGenerator<AllowedCaller> {
    const place = plainAddress(address);
    for (const caller of known.filter((one) => one.aeTitle === aeTitle.trim())) {
      const addresses = await addressesOf(caller.host).catch(() => []);
      if (addresses.map(plainAddress).includes(place)) yield caller;
    }
  }

  return {
    set(callers) {
      known = callers;
      resolved.clear();
    },
    async find(aeTitle, address, fingerprint = '') {
      for await (const caller of from(aeTitle, address)) {
        const { certificate = '' } = caller;
        if (certificate === '' || certificate === fingerprint) return caller;
      }
      return undefined;
    },
    async knows(aeTitle, address) {
      for await (const _caller of from(aeTitle, address)) return true;
      return false;
    },
  };
}

/** One way to write an address: lower case, no brackets, no zone, IPv4 as such. */
function plainAddress(address: string): string {
  return address
    .trim()
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}

function resolveHost(host: string): Promise<string[]> {
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error('the host name was not resolved in time')), longestLookupMs).unref();
  });
  return Promise.race([lookup(host, { all: true }), late]).then((found) => found.map(({ address }) => address));
}
