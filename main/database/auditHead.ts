import type { KeyObject } from 'node:crypto';
import { closeSync, existsSync, fdatasync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Log } from '../platform/platform.ts';
import { canonicalJson, isSignedBy, signHash } from './auditChain.ts';

/**
 * The audit chain's newest entry, signed, kept outside the database: a database whose last entries were cut off, or
 * that was put back to an earlier state, no longer reaches it.
 *
 * The rule: **the head may lag behind the chain, it never leads it.** An entry is committed and fsynced first, its head
 * is written after. A kill between the two leaves a head one entry old; a power cut leaves one as old as the last
 * write-back (at most two seconds, see `maximumLagMs`). A head that leads the database therefore means a cut tail.
 *
 * No fsync per commit: a write of one slot to the page cache costs microseconds and survives a killed process. Two slots
 * are written in turn, each with its own signature, so that a torn write leaves the one before it.
 */
export interface AuditHead {
  readonly sequence: number;
  /** Hash of that entry, lower-case hex. */
  readonly hash: string;
}

interface Slot extends AuditHead {
  readonly siteId: string;
  readonly signature: string;
}

const slotBytes = 512;
const maximumLagMs = 2000;

function signedBytes(siteId: string, head: AuditHead): Uint8Array {
  return Buffer.from(`salus.audit-head.v1|${canonicalJson({ siteId, sequence: head.sequence, hash: head.hash })}`);
}

function slotText(siteId: string, head: AuditHead, privateKey: KeyObject): string {
  const signature = signHash(signedBytes(siteId, head), privateKey).toString('base64');
  const slot: Slot = { siteId, sequence: head.sequence, hash: head.hash, signature };
  return `${JSON.stringify(slot).padEnd(slotBytes - 1)}\n`;
}

function parseSlot(text: string, siteId: string, publicKey: KeyObject): AuditHead | null {
  let slot: Slot;
  try {
    slot = JSON.parse(text) as Slot;
  } catch {
    return null; // A torn or foreign slot counts as absent; the caller reports a file without any valid one.
  }
  if (slot === null || typeof slot !== 'object' || slot.siteId !== siteId) return null;
  if (!Number.isSafeInteger(slot.sequence) || typeof slot.hash !== 'string' || typeof slot.signature !== 'string')
    return null;
  const genuine = isSignedBy(signedBytes(siteId, slot), Buffer.from(slot.signature, 'base64'), publicKey);
  return genuine ? { sequence: slot.sequence, hash: slot.hash } : null;
}

/** The newest head in the file that this installation signed, or null when there is none. */
export function readAuditHead(path: string, siteId: string, publicKey: KeyObject): AuditHead | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, 'latin1');
  const heads = [text.slice(0, slotBytes), text.slice(slotBytes, 2 * slotBytes)]
    .map((slot) => parseSlot(slot, siteId, publicKey))
    .filter((head) => head !== null);
  return heads.reduce<AuditHead | null>(
    (best, head) => (best === null || head.sequence > best.sequence ? head : best),
    null,
  );
}

export interface AuditHeadFile {
  /** Call after the commit of the entry, never before. */
  write(head: AuditHead): void;
  close(): void;
}

export function openAuditHeadFile(path: string, siteId: string, privateKey: KeyObject, log: Log): AuditHeadFile {
  const descriptor = openSync(path, existsSync(path) ? 'r+' : 'wx+', 0o600);
  let slot = 0;
  let syncTimer: NodeJS.Timeout | null = null;
  let syncing = false;
  let closed = false;
  function syncSoon(): void {
    if (syncTimer !== null || syncing || closed) return;
    syncTimer = setTimeout(() => {
      syncTimer = null;
      syncing = true;
      fdatasync(descriptor, (error) => {
        syncing = false;
        if (error) log.error('the audit head could not be flushed', error);
        if (closed) closeSync(descriptor);
      });
    }, maximumLagMs);
    syncTimer.unref();
  }
  return {
    write(head) {
      writeSync(descriptor, slotText(siteId, head, privateKey), slot * slotBytes, 'latin1');
      slot = 1 - slot;
      syncSoon();
    },
    close() {
      if (closed) return;
      closed = true;
      if (syncTimer !== null) clearTimeout(syncTimer);
      fdatasyncSync(descriptor);
      if (!syncing) closeSync(descriptor);
    },
  };
}

/** Writes a fresh head file for a copy of the store, both slots alike. */
export function auditHeadText(siteId: string, head: AuditHead, privateKey: KeyObject): string {
  return slotText(siteId, head, privateKey).repeat(2);
}
