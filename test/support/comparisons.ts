import type { Figure } from '../../src/reduce/block-figures.js';
import type { ComparisonReport, SideFacts } from '../../src/reports/comparison.js';
import { compareSides } from '../../src/verdicts/comparison.js';

/** Ten repeats that vary by a few percent. */
const REPEATS = [10, 11, 9, 10.5, 9.5, 10, 10.2, 9.9, 10.1, 10.3];

function side(name: string): SideFacts {
  const run = { directory: `runs/${name}`, url: `http://127.0.0.1/${name}`, started_at: '2026-01-01T00:00:00Z' };
  const facts = {
    name,
    measured_s: 50,
    reasons: [],
    runs: REPEATS.map(() => ({ ...run, verdict: 'VALID', reasons: [] })),
  };
  return facts as SideFacts;
}

/** A comparison of ten repeats a side in which figures came out better, worse, the same and unclear, one of them wildly. */
export function variedComparison(name: string): ComparisonReport {
  const latency: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };
  const compared = (figure: Figure, head: (value: number, index: number) => number) => ({
    figure,
    whole: { base: 10, head: head(10, 0) },
    base: REPEATS,
    head: REPEATS.map(head),
  });
  return {
    schema: 'infer-bench/comparison/1',
    version: '0.1.0',
    base: side('base'),
    min_effect_ratio: 0.02,
    confidence_ratio: 0.96,
    seed: 1,
    comparisons: [
      {
        head: side(name),
        unit: 'run',
        block_s: null,
        paired: true,
        base_units_n: 10,
        head_units_n: 10,
        figures: compareSides(
          [
            compared({ ...latency, of: 0.5 }, (value) => value * 1.2),
            compared(latency, (value) => value * 0.8),
            compared({ ...latency, of: 0.99 }, (value) => value * 1.001),
            compared(
              { metric: 'service_time', of: 0.95, population: 'ok' },
              (value, index) => value * (index % 2 === 0 ? 30 : 0.1),
            ),
          ],
          { design: { paired: true, serial: false }, minEffect: 0.02, seed: 1 },
        ),
        fail_on: [],
        plan_differences: [],
        host_differences: [{ field: 'kernel', base: '"Linux 6.1.0"', head: '"Linux 6.6.0"' }],
        notes: [],
      },
    ],
  };
}
