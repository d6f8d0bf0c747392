import { describe, expect, it } from 'vitest';
import { latencyHgrm, serviceHgrm } from '../../../src/reports/hgrm.js';
import { RUNS } from '../../contract/reporter.js';
import { resultsOn } from '../../support/results.js';
import { sample } from '../../support/samples.js';

describe('a .hgrm file', () => {
  /** Answers after 1 to 1000 ms, sent 1 ms late. */
  const results = resultsOn(
    Array.from({ length: 1000 }, (_, seq) =>
      sample({ seq, intendedUs: 0, startUs: 1000, endUs: (seq + 1) * 1000 + 1000 }),
    ),
  );
  const rowsOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => /^ *\d/.test(line))
      .map((line) => line.trim().split(/ +/).map(Number));

  it('has the head, the rows and the foot of wrk2', () => {
    const lines = latencyHgrm(results).trimEnd().split('\n');
    expect(lines[0]).toBe('       Value     Percentile TotalCount 1/(1-Percentile)');
    expect(lines[1]).toBe('');
    expect(lines[2]).toMatch(/^ {3,}2\.000 0\.000000000000 {10}1 {11}1\.00$/);
    expect(lines.slice(-3)).toEqual([
      expect.stringMatching(/^#\[Mean {4}= {6}501\.\d{3}, StdDeviation {3}= {6}288\.\d{3}\]$/),
      '#[Max     =     1001.000, Total count    =         1000]',
      expect.stringMatching(/^#\[Buckets = +\d+, SubBuckets {5}= +2048\]$/),
    ]);
  });

  it('has percentiles within 0.1 % of the exact ones, and none above the maximum', () => {
    const rows = rowsOf(serviceHgrm(results));
    expect(rows.length).toBeGreaterThan(40);
    for (const [valueMs, percentile, total] of rows as [number, number, number][]) {
      const exactMs = Math.max(1, Math.ceil(percentile * 1000 - 1e-9));
      expect(total).toBeGreaterThanOrEqual(exactMs);
      expect(Math.abs(valueMs - total)).toBeLessThanOrEqual(total / 1000);
      expect(valueMs).toBeLessThanOrEqual(1000);
    }
    expect(rows.at(-1)).toEqual([1000, 1, 1000]);
  });

  it('has no row without a sample', () => {
    expect(rowsOf(latencyHgrm(RUNS['no success']!))).toEqual([]);
  });
});
