import { createHistogram } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histogram, nearestRank } from '../../../src/reduce/histogram.js';

const durationsUs = fc.array(fc.nat({ max: 3_600_000_000 }), { minLength: 1, maxLength: 300 });
const share = fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true });

/** The nearest-rank percentile in exact arithmetic: p as the fraction that its double is. */
function exact(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(p * sorted.length * (1 - Number.EPSILON))) - 1] as number;
}

function filled(values: readonly number[]) {
  const of = histogram();
  for (const us of values) {
    of.record(us);
  }
  return of;
}

describe('percentiles', () => {
  it('are within 0.1 % + 1 us of the sorted samples, for all of p', () => {
    fc.assert(
      fc.property(durationsUs, share, (values, p) => {
        const got = filled(values).percentileUs(p) as number;
        const want = exact(values, p);
        expect(Math.abs(got - want)).toBeLessThanOrEqual(want / 1000 + 1);
      }),
    );
  });

  it('never pass the exact maximum', () => {
    fc.assert(
      fc.property(durationsUs, share, (values, p) => {
        expect(filled(values).percentileUs(p)).toBeLessThanOrEqual(Math.max(...values));
      }),
    );
  });

  it.each([
    // One sample of 100,000: its bucket reaches to 100,031.
    { values: [100_000], p: 0.95, want: 100_000 },
    { values: [1, 2, 3, 4], p: 0.95, want: 4 },
    { values: Array.from({ length: 100 }, (_, n) => n + 1), p: 0.99, want: 99 },
    { values: Array.from({ length: 100 }, (_, n) => n + 1), p: 0.07, want: 7 },
    { values: Array.from({ length: 100 }, (_, n) => n + 1), p: 0.55, want: 55 },
    { values: [0], p: 0.5, want: 0 },
  ])('$p of $values.length samples is $want', ({ values, p, want }) => {
    expect(filled(values).percentileUs(p)).toBe(want);
  });

  it('agree with the histogram of Node', () => {
    const values = Array.from({ length: 10_000 }, (_, n) => 1 + ((n * 7919) % 999_983));
    const of = filled(values);
    const node = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
    for (const us of values) {
      node.record(us);
    }
    for (const p of [0.5, 0.9, 0.95, 0.99, 0.999]) {
      expect(Math.abs((of.percentileUs(p) as number) / node.percentile(p * 100) - 1)).toBeLessThan(0.001);
    }
  });
});

it('ranks are not one too high where the product of doubles is', () => {
  for (const n of [100, 180, 200, 1000, 999_983]) {
    for (let mille = 1; mille <= 1000; mille++) {
      // Whole numbers: ceil(mille * n / 1000) without a fraction that could round.
      expect(nearestRank(mille / 1000, n)).toBe(Number((BigInt(mille) * BigInt(n) + 999n) / 1000n));
    }
  }
});

it('an empty histogram has no value, not 0', () => {
  const of = histogram();
  expect([of.count, of.minUs, of.maxUs, of.meanUs, of.percentileUs(0.5)]).toEqual([0, null, null, null, null]);
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('%d is not recorded but refused', (us) => {
  const of = histogram();
  expect(() => of.record(us)).toThrow(RangeError);
  expect(of.count).toBe(0);
});

it('what is longer than an hour is counted as such, with its exact maximum', () => {
  const of = filled([5, 7_200_000_000]);
  expect(of.overflow).toBe(1);
  expect(of.maxUs).toBe(7_200_000_000);
});

describe('merging', () => {
  const figures = (of: ReturnType<typeof histogram>) => ({
    count: of.count,
    min: of.minUs,
    max: of.maxUs,
    sum: of.sumUs,
    percentiles: [0.01, 0.5, 0.9, 0.99, 1].map((p) => of.percentileUs(p)),
  });

  it('parts gives the whole, in any order', () => {
    fc.assert(
      fc.property(fc.array(durationsUs, { minLength: 1, maxLength: 6 }), (parts) => {
        const whole = figures(filled(parts.flat()));
        for (const order of [parts, parts.toReversed()]) {
          const merged = histogram();
          for (const part of order) {
            merged.add(filled(part));
          }
          expect(figures(merged)).toEqual(whole);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('packed content comes back whole', () => {
    fc.assert(
      fc.property(durationsUs, durationsUs, (held, packed) => {
        const of = filled(held);
        of.addPacked(filled(packed).pack());
        expect(figures(of)).toEqual(figures(filled([...held, ...packed])));
      }),
      { numRuns: 25 },
    );
  });

  it('an empty histogram changes nothing', () => {
    const of = filled([1, 2, 3]);
    of.add(histogram());
    of.addPacked(histogram().pack());
    expect(figures(of)).toEqual(figures(filled([1, 2, 3])));
  });
});

it('a reset histogram is as good as new', () => {
  const of = filled([1, 2, 7_200_000_000]);
  of.reset();
  of.record(10);
  expect([of.count, of.overflow, of.minUs, of.maxUs, of.meanUs]).toEqual([1, 0, 10, 10, 10]);
});
