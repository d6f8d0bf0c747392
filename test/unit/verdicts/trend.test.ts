import { expect, it } from 'vitest';
import { slopeOf } from '../../../src/verdicts/trend.js';

it('is exact for a line, and says nothing of three values', () => {
  expect(slopeOf([1, 3, 5, 7, 9])).toEqual({ low: 2, high: 2 });
  expect(slopeOf([1, 2, 3])).toBeNull();
});

it("is Student's interval", () => {
  // By hand: slope 1.1143, t(4) = 2.776 from the table, 0.765 to 1.463.
  const { low, high } = slopeOf([1, 2, 4, 4, 5, 7]) as { low: number; high: number };
  expect(low).toBeCloseTo(0.765, 1);
  expect(high).toBeCloseTo(1.463, 1);
});

it('has zero inside for a series without a trend', () => {
  const { low, high } = slopeOf([5, 6, 5, 4, 5, 6, 5, 4, 5]) as { low: number; high: number };
  expect(low).toBeLessThan(0);
  expect(high).toBeGreaterThan(0);
});
