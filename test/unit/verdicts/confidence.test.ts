import { expect, it } from 'vitest';
import { histogram } from '../../../src/reduce/histogram.js';
import { confidenceOf } from '../../../src/verdicts/confidence.js';

it('tells how many samples a percentile lacks, and between which samples it lies', () => {
  const latency = histogram();
  for (let ms = 1; ms <= 322; ms++) {
    latency.record(ms * 1000);
  }
  const all = confidenceOf(latency);
  expect(all.map(({ percentile, needed_n, missing_n, few }) => [percentile, needed_n, missing_n, few])).toEqual([
    ['p50', 8, 0, false],
    ['p90', 46, 0, false],
    ['p95', 93, 0, false],
    // "p99 needs 473 requests at 95 % confidence: 151 more"
    ['p99', 473, 151, true],
    ['p99.9', 4742, 4420, true],
  ]);
  const [p50, , , p99] = all;
  // Ranks 161 ± (1.96 · √(322 · ¼) and a half), outwards to whole ones; buckets of 1024 and more are up to 0.1 % wide.
  expect(p50?.low_ms).toBeCloseTo(143, 0);
  expect(p50?.high_ms).toBeCloseTo(180, 0);
  expect(p99?.high_ms).toBeNull();
});

it('has no value without a sample', () => {
  expect(confidenceOf(histogram()).every(({ low_ms, high_ms }) => low_ms === null && high_ms === null)).toBe(true);
});
