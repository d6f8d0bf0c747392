import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workEndsUs } from '../../../src/server/stalls.js';

describe('a stall of 2 in every 10', () => {
  const endUs = workEndsUs({ stallUs: 2, everyUs: 10 });

  it.each([
    ['work that ends before it', 0, 5, 5],
    ['work that begins and ends after it', 11, 3, 14],
    ['work that it interrupts', 7, 3, 12],
    ['work that begins in it', 8.5, 3, 13],
    ['no work at all, in it', 9, 0, 10],
    ['no work at all, outside', 5, 0, 5],
    ['work over several', 1, 20, 25],
    ['work that ends as it begins, which is answered after it', 6, 2, 10],
  ])('moves %s', (_what, startUs, workUs, end) => {
    expect(endUs(startUs, workUs)).toBe(end);
  });

  it('never ends work early, and ends it in order', () => {
    const times = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(times, times, times, (startUs, workUs, laterUs) => {
        const end = endUs(startUs, workUs);
        expect(end).toBeGreaterThanOrEqual(startUs + workUs - 1e-6);
        expect(endUs(startUs + laterUs, workUs)).toBeGreaterThanOrEqual(end - 1e-6);
        // Never in a stall.
        expect(end % 10).toBeLessThan(8 + 1e-6);
      }),
    );
  });
});
