/**
 * Why an object can't leave without its person: no image; text burned in, or usual in pixels of its kind; a coding whose
 * inside can't be cleaned; overlays in the bits of coded pixels; too long to be held; damaged; not the object it should be.
 */
export const notDeidentifiableReasons = [
  'notAnImage',
  'burnedIn',
  'mayShowText',
  'coding',
  'overlayInPixels',
  'tooLong',
  'damaged',
  'other',
] as const;
export type NotDeidentifiableReason = (typeof notDeidentifiableReasons)[number];

/** Nothing of the object may leave. Says why, never whose. */
export class NotDeidentifiable extends Error {
  readonly reason: NotDeidentifiableReason;
  constructor(reason: NotDeidentifiableReason) {
    super(`an object can't be de-identified: ${reason}`);
    this.name = 'NotDeidentifiable';
    this.reason = reason;
  }
}
