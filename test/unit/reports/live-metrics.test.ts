import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { liveTotals } from '../../../src/reduce/live-totals.js';
import { liveMetrics, liveText } from '../../../src/reports/live-metrics.js';
import { HOSTILE } from '../../contract/reporter.js';
import { blockOf, sample } from '../../support/samples.js';
import { describeWithTool } from '../../support/tools.js';

/** Answers after 0.4, 1 and 3 ms, and two failures, of two endpoints; one more in the warm-up. */
function live(endpoints = ['predict', 'health']) {
  const totals = liveTotals(endpoints);
  totals.rows(
    blockOf([
      sample({ phase: 'warmup', endUs: 70_000 }),
      sample({ intendedUs: 0, startUs: 100, endUs: 400 }),
      sample({ endUs: 1_000 }),
      sample({ endUs: 3_000, endpoint: 1 }),
      sample({ outcome: 'http_5xx', origin: 'target' }),
      sample({ outcome: 'dropped', startUs: undefined, endUs: undefined, firstByteUs: undefined }),
    ]),
  );
  totals.users(0, 7);
  return totals;
}

const linesOf = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(`infer_bench_live_${name}`));

describe('live metrics', () => {
  const text = liveText(liveMetrics(live()));

  it('count requests by endpoint and outcome, and users', () => {
    expect(linesOf(text, 'requests_total')).toEqual([
      'infer_bench_live_requests_total{endpoint="predict",outcome="ok"} 2',
      'infer_bench_live_requests_total{endpoint="predict",outcome="http_5xx"} 1',
      'infer_bench_live_requests_total{endpoint="predict",outcome="dropped"} 1',
      'infer_bench_live_requests_total{endpoint="health",outcome="ok"} 1',
    ]);
    expect(linesOf(text, 'users')).toEqual(['infer_bench_live_users 7']);
  });

  it('have durations in cumulative buckets of seconds', () => {
    const latency = linesOf(text, 'latency_seconds').filter((line) => line.includes('predict'));
    expect(latency.slice(0, 3)).toEqual([
      'infer_bench_live_latency_seconds_bucket{endpoint="predict",le="0.0005"} 1',
      'infer_bench_live_latency_seconds_bucket{endpoint="predict",le="0.001"} 2',
      'infer_bench_live_latency_seconds_bucket{endpoint="predict",le="0.0025"} 2',
    ]);
    expect(latency.slice(-3)).toEqual([
      'infer_bench_live_latency_seconds_bucket{endpoint="predict",le="+Inf"} 2',
      'infer_bench_live_latency_seconds_sum{endpoint="predict"} 0.0014',
      'infer_bench_live_latency_seconds_count{endpoint="predict"} 2',
    ]);
    expect(linesOf(text, 'service_time_seconds_sum')[0]).toMatch(/ 0\.0013$/);
    expect(linesOf(text, 'lag_seconds_count')).toEqual(['infer_bench_live_lag_seconds_count 4']);
  });

  it('are there before the first request', () => {
    expect(linesOf(liveText(liveMetrics(liveTotals(['predict']))), 'requests_total')).toEqual([
      'infer_bench_live_requests_total{endpoint="predict",outcome="ok"} 0',
    ]);
  });
});

describeWithTool('promtool', 'live metrics for promtool', () => {
  it.each([['predict'], [HOSTILE]])('are as they should be', (endpoint) => {
    const input = liveText(liveMetrics(live([endpoint, 'health'])));
    expect(spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });
});
