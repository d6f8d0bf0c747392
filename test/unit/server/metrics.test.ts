import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../src/server/metrics.js';
import { totalsKeeper } from '../../../src/server/totals.js';

function bench() {
  const keeper = totalsKeeper();
  const slots = { waiting: () => 3, inService: () => 2 };
  const metrics = createMetrics(new Map([['oip', { totals: keeper.totals, slots }]]));
  return { keeper, metrics, lines: () => metrics.text().trimEnd().split('\n') };
}

describe('the metrics', () => {
  it('count requests by way, endpoint and code', () => {
    const { metrics, lines } = bench();
    metrics.count('http', '/v2/models/{model}/infer', 200);
    metrics.count('http', '/v2/models/{model}/infer', 200);
    metrics.count('http', '/v2/models/{model}/infer', 'reset');
    metrics.count('grpc', '/a "quoted\\\n" path', 14);
    expect(lines().filter((line) => line.startsWith('infer_bench_requests_total'))).toEqual([
      'infer_bench_requests_total{via="http",endpoint="/v2/models/{model}/infer",code="200"} 2',
      'infer_bench_requests_total{via="http",endpoint="/v2/models/{model}/infer",code="reset"} 1',
      'infer_bench_requests_total{via="grpc",endpoint="/a \\"quoted\\\\\\n\\" path",code="14"} 1',
    ]);
  });

  it('tell of queue, batches, cache, faults and times', () => {
    const { keeper, lines } = bench();
    keeper.batch(4, 5_000);
    keeper.request({ kind: 'served', items: 3, queuedUs: 700, serviceUs: 5_000 }, 5_700, 0);
    keeper.request({ kind: 'served', items: 1, queuedUs: 0, serviceUs: 5_000 }, 5_000, 0);
    keeper.batch(1, 20_000_000);
    keeper.lookup(true, 1);
    keeper.lookup(false, 1);
    keeper.lookup(false, 1);
    for (const kind of ['full', 'error', 'reset', 'reset'] as const) {
      keeper.request({ kind }, 0, 0);
    }
    const all = lines();
    for (const line of [
      'queue_depth{server="oip"} 3',
      'requests_in_service{server="oip"} 2',
      'items_total{server="oip"} 4',
      'cache_hits_total{server="oip"} 1',
      'cache_misses_total{server="oip"} 2',
      'refused_total{server="oip"} 1',
      'faults_total{server="oip",kind="error"} 1',
      'faults_total{server="oip",kind="reset"} 2',
      'batch_items_bucket{server="oip",le="1"} 1',
      'batch_items_bucket{server="oip",le="2"} 1',
      'batch_items_bucket{server="oip",le="4"} 2',
      'batch_items_bucket{server="oip",le="+Inf"} 2',
      'batch_items_sum{server="oip"} 5',
      'batch_items_count{server="oip"} 2',
      // A value that is equal to a bound is in its bucket.
      'service_seconds_bucket{server="oip",le="0.0025"} 0',
      'service_seconds_bucket{server="oip",le="0.005"} 1',
      'service_seconds_bucket{server="oip",le="10"} 1',
      'service_seconds_bucket{server="oip",le="+Inf"} 2',
      'service_seconds_sum{server="oip"} 20.005',
      'queue_seconds_bucket{server="oip",le="0.0005"} 1',
      'queue_seconds_bucket{server="oip",le="0.001"} 2',
    ]) {
      expect(all).toContain(`infer_bench_${line}`);
    }
  });

  it('are in the text format: each family is described once, before its samples, which it names', () => {
    const { metrics, lines } = bench();
    metrics.count('http', '/', 200);
    let family = '';
    const families: string[] = [];
    for (const line of lines()) {
      const [, help] = /^# HELP (\S+) \S.*\.$/.exec(line) ?? [];
      if (help !== undefined) {
        family = help;
        families.push(family);
      } else if (line.startsWith('#')) {
        expect(line).toMatch(new RegExp(`^# TYPE ${family} (counter|gauge|histogram)$`));
      } else {
        expect(line).toMatch(new RegExp(`^${family}(_bucket|_sum|_count)?\\{([a-z]+="[^"]*",?)+\\} [0-9.e+-]+$`));
      }
    }
    expect(new Set(families).size).toBe(families.length);
    expect(families.length).toBeGreaterThan(8);
  });
});
