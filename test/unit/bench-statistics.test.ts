import { describe, expect, it } from 'vitest';
import { medianOf, quantile, slopeOf, spreadOf } from '../../bench/harness/statistics.js';

describe('statistics of the benchmarks', () => {
  it('quantiles are nearest ranks: values that were seen', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0, 0.5, 0.9, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([1, 50, 90, 99, 100]);
    // 0.07 · 100 is 7.000000000000001 in doubles.
    expect(quantile(hundred, 0.07)).toBe(7);
  });

  it('medians and spreads', () => {
    expect(medianOf([3, 1, 2])).toBe(2);
    expect(medianOf([4, 1, 2, 3])).toBe(2.5);
    expect(spreadOf([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3, n: 3 });
    expect(() => spreadOf([])).toThrow(RangeError);
  });

  it('the slope of least squares', () => {
    expect(slopeOf([1, 2, 3, 4].map((x) => [x, 7 - 2 * x]))).toBeCloseTo(-2, 12);
    // By hand: means 1 and 2, Σ(x−x̄)(y−ȳ) = 1, Σ(x−x̄)² = 2.
    expect(
      slopeOf([
        [0, 2],
        [1, 1],
        [2, 3],
      ]),
    ).toBeCloseTo(0.5, 12);
  });
});
