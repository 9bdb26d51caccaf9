import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenScope } from '../../../app/domains/api/apiRules.ts';
import type { ApiToken } from '../../../app/domains/api/apiSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore, Session } from '../../core.ts';
import { systemAuthor } from '../../database/openWriteGate.ts';
import type { Transaction } from '../../database/writeGate.ts';
import { faultText } from '../../platform/faultText.ts';
import {
  findToken,
  type KnownToken,
  listTokens,
  noteUse,
  putToken,
  type TokenPayload,
  viewOfToken,
} from './apiRows.ts';

/** Who other programs are. */
export interface TokenRegister {
  list(): ApiToken[];
  /** @throws Failure('api.tokenNameTaken' | 'api.expiryPast') */
  create(
    author: Session,
    input: { readonly name: string; readonly scopes: readonly TokenScope[]; readonly expiresAt: number | null },
  ): { token: ApiToken; secret: string };
  /** Revoking one that is revoked changes nothing. @throws Failure('api.tokenUnknown') */
  revoke(author: Session, tokenId: string): ApiToken;
  /** The token whose secret this is; `isGood` unless it expired or was revoked. Takes as long whether or not there is one. */
  check(secret: string): { readonly token: KnownToken; readonly isGood: boolean } | undefined;
  /** Whether it may still be used. */
  isGood(tokenId: string): boolean;
  /** Keeps when it was last used, at most once a minute. */
  used(tokenId: string): void;
  onRevoke(listener: (tokenId: string) => void): void;
}

/** Its id, so that it is found, and 256 random bits; the word in front lets a scanner of leaked secrets know it. */
const secretPattern = /^salus_([\w-]{22})\.([\w-]{43})$/;
const useEveryMs = 60_000;

export function openTokenRegister(store: OpenStore): TokenRegister {
  const { gate, reader, platform } = store;
  const listeners = new Set<(tokenId: string) => void>();
  const usedMs = new Map<string, number>();
  /** What is compared when there is no such token. */
  const nobody = { key: Buffer.from(platform.randomBytes(32)), hash: Buffer.from(platform.randomBytes(32)) };

  function isGoodNow({ payload }: KnownToken): boolean {
    const { expiresAt, revokedAt } = payload;
    return revokedAt === null && (expiresAt === null || platform.clock.nowMs() < expiresAt);
  }

  function append(tx: Transaction, author: Session, tokenId: string, version: number, payload: TokenPayload): void {
    tx.statement({ type: 'apiToken', id: tokenId, version, payload });
    putToken(tx, tokenId, version, payload, { hlc: tx.hlc, siteId: tx.siteId, author: author.operatorName });
    tx.topic('api');
  }

  function get(tokenId: string): KnownToken {
    const found = findToken(reader, tokenId);
    if (!found) throw new Failure('api.tokenUnknown', 'no such token');
    return found;
  }

  return {
    list: () => listTokens(reader).map(viewOfToken),
    create(author, { name, scopes, expiresAt }) {
      const tokenId = store.newId();
      const random = Buffer.from(platform.randomBytes(32)).toString('base64url');
      const key = Buffer.from(platform.randomBytes(32));
      gate.write(author, 'api.createToken', (tx) => {
        if (expiresAt !== null && expiresAt <= tx.nowMs)
          throw new Failure('api.expiryPast', 'it would be over already');
        const isTaken = listTokens(tx).some((other) => isGoodNow(other) && other.payload.name === name);
        // The audit knows it by its name.
        if (isTaken) throw new Failure('api.tokenNameTaken', 'a token in use has this name');
        append(tx, author, tokenId, 1, {
          name,
          scopes: [...new Set(scopes)],
          hashKey: key.toString('base64'),
          hash: hashOf(key, random).toString('base64'),
          createdAt: tx.nowMs,
          createdBy: author.operatorName,
          expiresAt,
          revokedAt: null,
        });
        tx.subject({ type: 'token', id: tokenId }, { name, scopes: scopes.join(' '), expires: expiresAt !== null });
      });
      return { token: viewOfToken(get(tokenId)), secret: `salus_${idText(tokenId)}.${random}` };
    },
    revoke(author, tokenId) {
      const before = get(tokenId);
      if (before.payload.revokedAt === null) {
        gate.write(author, 'api.revokeToken', (tx) => {
          const { version, payload } = findToken(tx, tokenId) ?? before;
          append(tx, author, tokenId, version + 1, { ...payload, revokedAt: tx.nowMs });
          tx.subject({ type: 'token', id: tokenId }, { name: payload.name });
        });
        for (const listener of listeners) listener(tokenId);
      }
      return viewOfToken(get(tokenId));
    },
    check(secret) {
      const [, id = '', random = ''] = secretPattern.exec(secret) ?? [];
      const found = id === '' ? undefined : findToken(reader, idOf(id));
      const key = found ? Buffer.from(found.payload.hashKey, 'base64') : nobody.key;
      const hash = found ? Buffer.from(found.payload.hash, 'base64') : nobody.hash;
      const isSame = timingSafeEqual(hashOf(key, random), hash);
      return found && isSame ? { token: found, isGood: isGoodNow(found) } : undefined;
    },
    isGood(tokenId) {
      const found = findToken(reader, tokenId);
      return found !== undefined && isGoodNow(found);
    },
    used(tokenId) {
      const nowMs = platform.clock.nowMs();
      const before = usedMs.get(tokenId);
      if (before !== undefined && nowMs >= before && nowMs - before < useEveryMs) return;
      usedMs.set(tokenId, nowMs);
      try {
        gate.append(systemAuthor, (tx) => {
          noteUse(tx, tokenId, nowMs);
          tx.topic('api');
        });
      } catch (error) {
        // No fact: the next request shows it again, and this one is answered over a full disk.
        platform.log.error('the use of a token could not be kept', new Error(faultText(error)));
      }
    },
    onRevoke(listener) {
      listeners.add(listener);
    },
  };
}

function hashOf(key: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', key).update(secret).digest();
}

function idText(tokenId: string): string {
  return Buffer.from(tokenId.replaceAll('-', ''), 'hex').toString('base64url');
}

function idOf(text: string): string {
  const hex = Buffer.from(text, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
