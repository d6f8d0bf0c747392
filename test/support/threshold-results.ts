import type { Results } from '../../src/reports/results.js';
import type { ThresholdResult } from '../../src/verdicts/threshold-result.js';

/** A threshold that was met, but for what is given. */
export function thresholdResult(given: Partial<ThresholdResult> = {}): ThresholdResult {
  const state = given.state ?? 'pass';
  return {
    expression: 'p(95)<200',
    metric: 'latency',
    endpoint: null,
    population: 'all_inf',
    aggregation: 'p(95)',
    operator: '<',
    limit: 200,
    unit: 'ms',
    value: 181.409,
    infinite: false,
    n: 1000,
    windows: null,
    message: 'p(95) is 181.4 ms',
    ...given,
    state,
    pass: state === 'pass',
  };
}

/** The same results with these thresholds. */
export function withThresholds(results: Results, ...thresholds: readonly ThresholdResult[]): Results {
  return { ...results, report: { ...results.report, thresholds } };
}

/** One threshold of each state. */
export const EACH_STATE: readonly ThresholdResult[] = [
  thresholdResult(),
  thresholdResult({
    expression: 'latency{endpoint:predict}: p(99)<200 over 10s for 3 windows',
    endpoint: 'predict',
    aggregation: 'p(99)',
    state: 'fail',
    value: 231.029,
    message: 'p(99) is 231 ms in 4 windows in a row',
    windows: {
      window_s: 10,
      judged_n: 6,
      violated_n: 4,
      skipped_n: 0,
      longest_n: 4,
      violated_at_epoch_s: [1_795_252_363],
    },
  }),
  thresholdResult({
    expression: 'error_rate<0.01',
    metric: 'error_rate',
    population: null,
    aggregation: 'value',
    unit: 'ratio',
    limit: 0.01,
    state: 'fail',
    value: 0.04567,
    message: '4.57 % of the requests failed',
  }),
  thresholdResult({
    expression: 'p(99.9)<500',
    aggregation: 'p(99.9)',
    state: 'fail',
    limit: 500,
    value: null,
    infinite: true,
    message: 'p(99.9) falls among requests that never succeeded',
  }),
  thresholdResult({
    expression: 'ttft: p(99)<500',
    metric: 'ttft',
    aggregation: 'p(99)',
    state: 'no_data',
    value: null,
    n: 0,
    message: 'no samples',
  }),
  thresholdResult({
    expression: 'p(99)<100',
    aggregation: 'p(99)',
    state: 'inconclusive',
    n: 20,
    message: 'p(99) needs 473 requests: 453 more',
  }),
];
