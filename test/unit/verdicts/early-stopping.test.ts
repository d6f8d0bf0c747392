import { describe, expect, it } from 'vitest';
import { isFewFor } from '../../../src/reduce/distribution.js';
import { fewestSamples, rankInterval, samplesNeeded } from '../../../src/verdicts/early-stopping.js';

/** Totals h_min(t) + t of LoadGen's early stopping at a confidence of 99 %, by percentile. */
const OVER = [0, 1, 2, 3, 5, 10, 20, 50, 100];
const AT_99 = [
  [0.5, [7, 11, 14, 17, 22, 35, 59, 128, 237]],
  [0.9, [44, 64, 81, 97, 127, 197, 325, 681, 1246]],
  [0.95, [90, 130, 165, 198, 259, 398, 656, 1372, 2504]],
  [0.97, [152, 219, 277, 332, 433, 667, 1097, 2293, 4182]],
  [0.99, [459, 662, 838, 1001, 1307, 2010, 3304, 6898, 12571]],
  [0.999, [4603, 6636, 8403, 10042, 13105, 20140, 33097, 69058, 125826]],
] as const;

const OVER_AT_95 = [0, 1, 2, 5, 10];
const AT_95 = [
  [0.9, [29, 46, 61, 103, 167]],
  [0.95, [59, 93, 124, 208, 336]],
  [0.99, [299, 473, 628, 1049, 1693]],
  [0.999, [2995, 4742, 6294, 10511, 16959]],
] as const;

describe('samples that a percentile needs', () => {
  it.each(AT_99)('at 99 %% for p = %s are those of LoadGen', (p, totals) => {
    expect(OVER.map((over) => samplesNeeded(p, over, 0.99))).toEqual(totals);
  });

  it.each(AT_95)('at 95 %% for p = %s are those of LoadGen', (p, totals) => {
    expect(OVER_AT_95.map((over) => samplesNeeded(p, over))).toEqual(totals);
  });

  it('at 90 % for p99 are those of LoadGen', () => {
    expect(OVER_AT_95.map((over) => samplesNeeded(0.99, over, 0.9))).toEqual([230, 388, 531, 926, 1538]);
  });

  it('are at least those with one above', () => {
    expect([0.9, 0.95, 0.99, 0.999].map(fewestSamples)).toEqual([46, 93, 473, 4742]);
  });

  it('are few below five beyond the percentile', () => {
    expect([49, 50].map((n) => isFewFor(0.9, n))).toEqual([true, false]);
    expect([99, 100].map((n) => isFewFor(0.95, n))).toEqual([true, false]);
    expect([499, 500].map((n) => isFewFor(0.99, n))).toEqual([true, false]);
    expect([4999, 5000].map((n) => isFewFor(0.999, n))).toEqual([true, false]);
  });
});

describe('the interval of a percentile from order statistics', () => {
  it('is that of the sign test for a median: ranks 2 and 9 of ten (binomial table)', () => {
    // P[Bin(10, 1/2) ≤ 1] = 11/1024 = 0.0107, P[… ≤ 2] = 56/1024 = 0.0547.
    expect(rankInterval(0.5, 10)).toEqual({ low: 2, high: 9 });
  });

  it('has no upper end where no sample is surely beyond the percentile', () => {
    // P[Bin(100, 0.99) = 100] = 0.366: the largest of a hundred is often below p99.
    expect(rankInterval(0.99, 100)).toMatchObject({ high: null });
    expect(rankInterval(0.5, 1)).toEqual({ low: null, high: null });
    expect(rankInterval(0.5, 0)).toEqual({ low: null, high: null });
  });

  it('covers at least 95 % and no more than it must, by the binomial sums themselves', () => {
    for (const [n, p] of [
      [30, 0.5],
      [200, 0.9],
      [1000, 0.99],
    ] as const) {
      const logFactorial = [0];
      for (let k = 1; k <= n; k++) {
        logFactorial.push((logFactorial[k - 1] as number) + Math.log(k));
      }
      const [log, all] = [(k: number) => logFactorial[k] as number, n];
      const pmf = Array.from({ length: n + 1 }, (_, k) =>
        Math.exp(log(all) - log(k) - log(all - k) + k * Math.log(p) + (all - k) * Math.log1p(-p)),
      );
      const sum = (from: number, to: number) => pmf.slice(from, to).reduce((total, one) => total + one, 0);
      const { low, high } = rankInterval(p, n) as { low: number; high: number };
      expect(sum(low, high)).toBeGreaterThanOrEqual(0.95);
      expect(sum(0, low)).toBeLessThanOrEqual(0.025);
      expect(sum(0, low + 1)).toBeGreaterThan(0.025);
      expect(sum(high, n + 1)).toBeLessThanOrEqual(0.025);
      expect(sum(high - 1, n + 1)).toBeGreaterThan(0.025);
    }
  });

  it('is the normal one for ten million samples', () => {
    const n = 1e7;
    const { low, high } = rankInterval(0.99, n) as { low: number; high: number };
    const halfWidth = 1.959964 * Math.sqrt(n * 0.99 * 0.01);
    expect(Math.abs(low - (0.99 * n - halfWidth))).toBeLessThan(3);
    expect(Math.abs(high - (0.99 * n + halfWidth))).toBeLessThan(3);
  });
});
