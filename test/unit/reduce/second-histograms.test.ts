import { describe, expect, it } from 'vitest';
import { BUCKETS } from '../../../src/reduce/buckets.js';
import { COUNT, COUNTS_BYTES, FIGURES_BYTES, MOST_OPEN, openSeconds } from '../../../src/reduce/open-seconds.js';
import { secondHistograms } from '../../../src/reduce/second-histograms.js';

describe('seconds being written', () => {
  it('count beyond 32 bits', () => {
    const open = openSeconds(new ArrayBuffer(FIGURES_BYTES + COUNTS_BYTES), 0, FIGURES_BYTES);
    const histograms = secondHistograms({ open });
    const recordMany = () => {
      histograms.record(8, 5);
      // As if a scanner had counted so many of 5 µs there.
      open.figures[COUNT] = MOST_OPEN;
      open.counts[5] = MOST_OPEN;
    };
    recordMany();
    recordMany();
    recordMany();
    histograms.record(8, 7);
    expect(histograms.countAt(8)).toBe(3 * MOST_OPEN + 1);
    const histogram = histograms.at(8);
    expect(histogram?.count).toBe(3 * MOST_OPEN + 1);
    expect([histogram?.percentileUs(0.999), histogram?.percentileUs(1)]).toEqual([5, 7]);
  });

  it('leave no count behind for the second that takes their place', () => {
    const open = openSeconds(new ArrayBuffer(FIGURES_BYTES + COUNTS_BYTES), 0, FIGURES_BYTES);
    const histograms = secondHistograms({ open });
    for (const us of [0, 1, 2048, 7_200_000_000]) {
      histograms.record(3, us);
    }
    histograms.record(11, 50);
    expect(open.counts.subarray(3 * BUCKETS, 4 * BUCKETS).reduce((sum, count) => sum + count)).toBe(1);
    expect([histograms.at(3)?.count, histograms.at(3)?.maxUs, histograms.at(3)?.overflow]).toEqual([
      4, 7_200_000_000, 1,
    ]);
    expect([histograms.at(11)?.count, histograms.at(11)?.minUs]).toEqual([1, 50]);
  });

  it('take no duration that is none', () => {
    expect(() => secondHistograms().record(1, Number.NaN)).toThrow(RangeError);
  });

  it('only counts are kept where only counts are wanted', () => {
    const histograms = secondHistograms({ countsOnly: true });
    for (const second of [5, 5, 6, 99, 5]) {
      histograms.record(second, 1);
    }
    expect([5, 6, 7, 99].map(histograms.countAt)).toEqual([3, 1, 0, 1]);
    expect(histograms.at(5)).toBeUndefined();
  });
});
