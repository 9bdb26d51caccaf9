import { expect, it } from 'vitest';
import { receiveFromMany } from '../soak/manyReceptions.ts';

/** The full count is in tests/soak; here is a sample with a fixed seed. */
it('sixteen associations at once lose nothing and count nothing twice', async () => {
  expect(await receiveFromMany(60, 20, 'sample')).toEqual({ sent: 1280, kept: 980, duplicates: 300 });
});
