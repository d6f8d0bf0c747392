import { describe, expect, it } from 'vitest';
import { steadyWindows } from '../../../src/reduce/steady-windows.js';
import { US_PER_S } from '../../../src/units.js';
import { unsteady } from '../../../src/verdicts/steadiness.js';
import { blockOf, sample } from '../../support/samples.js';

const windows = (latencies: readonly (number | null)[], throughputs: readonly number[] = latencies.map(() => 100)) =>
  latencies.map((latencyMs, at) => ({ latencyMs, throughputPerS: throughputs[at] as number }));

describe('a set of repeats', () => {
  it.each([
    ['of level windows is steady', [windows([50, 10, 10, 11])], undefined],
    ['that still rises at its end is not', [windows([10, 20, 30, 40, 50, 60])], 'mean latency'],
    ['whose throughput falls is not', [windows([10, 10, 10, 10], [100, 80, 60, 40])], 'throughput'],
    ['that wobbles is not', [windows([12, 8, 12, 8, 12, 8])], 'mean latency'],
    [
      'that wobbles for long is known well enough',
      [windows([...Array(200)].map((_, at) => 8 + 4 * (at % 2)))],
      undefined,
    ],
    ['of short runs is judged by all of them', [[10], [14], [6], [15]].map((ms) => windows(ms)), 'mean latency'],
    ['of short runs that agree is steady', [[10], [10.1], [9.9], [10]].map((ms) => windows(ms)), undefined],
    ['that is too short to tell is not judged', [windows([10, 20])], undefined],
    ['of which one run is not level is not', [windows([10, 10, 10]), windows([10, 20, 30])], 'mean latency'],
    ['in which nothing ended is not judged by its latency', [windows([null, null, null], [0, 0, 0])], undefined],
  ])('%s', (_, runs, figure) => {
    const reason = unsteady(runs);
    expect(reason?.status).toBe(figure === undefined ? undefined : 'INCONCLUSIVE');
    if (figure !== undefined) {
      expect(reason?.message).toContain(`${figure} is known to`);
    }
  });

  it('says how well its mean is known: ± t(n − 1)·s/√n', () => {
    // Mean 10, s² = 66 / 3, t(3) = 3.182: 3.182 · 4.690 / 2 / 10.
    expect(unsteady([windows([5, 8, 11, 16])])?.value).toBeCloseTo(0.746, 1);
  });
});

describe('windows of 5 s', () => {
  it('hold what ended ok in them after the warm-up, the whole ones only', () => {
    const took = (endS: number, ms: number) =>
      sample({ intendedUs: endS * US_PER_S - ms * 1000, startUs: endS * US_PER_S - ms * 1000, endUs: endS * US_PER_S });
    const fold = steadyWindows(2 * US_PER_S, 14 * US_PER_S);
    fold.rows(
      blockOf([
        took(1.5, 10),
        { ...took(2.5, 10), phase: 'warmup' },
        took(3, 10),
        took(6.9, 30),
        { ...took(4, 10), outcome: 'http_5xx', origin: 'target' },
        took(13, 10),
      ]),
    );
    expect(fold.finish()).toEqual([
      { throughputPerS: 0.4, latencyMs: 20 },
      { throughputPerS: 0, latencyMs: null },
    ]);
  });
});
