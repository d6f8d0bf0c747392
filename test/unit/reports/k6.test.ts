import { describe, expect, it } from 'vitest';
import { k6 } from '../../../src/reports/k6.js';
import type { Results } from '../../../src/reports/results.js';
import { RUNS } from '../../contract/reporter.js';
import { thresholdResult, withThresholds } from '../../support/threshold-results.js';

/** Sixty requests with the figures of k6's own example, in its units. */
function example(): Results {
  const results = RUNS['a good run']!;
  const { report } = results;
  const of = { n: 60, mean_ms: 101.209, min_ms: 88.4, p50_ms: 99.7, max_ms: 1050.9, p90_ms: 160.9, p95_ms: 181.4 };
  return {
    ...results,
    report: {
      ...report,
      counts: { ...report.counts, sent: 60, ok: 60, failed: 0, abandoned: 0 },
      rates: { ...report.rates, window_s: 10.082 },
      bytes: { in_bytes: 512_000, out_bytes: 9 },
      latency: of,
      service_time: of,
    },
    seconds: results.seconds.map((second, index) => ({ ...second, users: 3 + (index % 5) })),
  };
}

const lineOf = (text: string, name: string) => text.split('\n').find((line) => line.trim().startsWith(name)) ?? '';

describe("k6's summary", () => {
  it('is laid out as k6 does it', () => {
    const results = withThresholds(
      example(),
      thresholdResult({ expression: 'p(95)<1500', value: 181.4 }),
      thresholdResult({ expression: 'p(99)<200', aggregation: 'p(99)', value: 231.029, state: 'fail' }),
    );
    expect(k6(results)).toBe(
      `  █ VERDICT

    infer-bench: VALID

  █ THRESHOLDS

    latency
    ✓ 'p(95)<1500' p(95)=181.4ms
    ✗ 'p(99)<200' p(99)=231.02ms

  █ TOTAL RESULTS

    checks_total.......: 60      5.9512/s
    checks_succeeded...: 100.00% 60 out of 60
    checks_failed......: 0.00%   0 out of 60

    CUSTOM
    latency........................: avg=101.2ms min=88.4ms med=99.7ms max=1.05s p(90)=160.9ms p(95)=181.4ms

    HTTP
    http_req_duration..............: avg=101.2ms min=88.4ms med=99.7ms max=1.05s p(90)=160.9ms p(95)=181.4ms
      { expected_response:true }...: avg=101.2ms min=88.4ms med=99.7ms max=1.05s p(90)=160.9ms p(95)=181.4ms
    http_req_failed................: 0.00%  0 out of 60
    http_reqs......................: 60     5.9512/s

    EXECUTION
    iterations.....................: 60     5.9512/s
    vus............................: 3      min=3       max=7
    vus_max........................: 60     min=60      max=60

    NETWORK (bodies)
    data_received..................: 512 kB 51 kB/s
    data_sent......................: 9 B    0 B/s
`.replace('5.951200', '5.9512'),
    );
  });

  it('cuts off and never rounds up: what is not all is not 100 %, and units change as in k6', () => {
    const found = (value: number, unit: 'ms' | 'ratio') =>
      lineOf(k6(withThresholds(example(), thresholdResult({ value, unit }))), '✓').replace(/.*=/, '');
    expect(found(0.99999, 'ratio')).toBe('99.99%');
    expect([0.5, 0.0049, 999.999, 1050.99, 59_999, 150_000, 3_723_000].map((ms) => found(ms, 'ms'))).toEqual([
      '500µs',
      '4.9µs',
      '999.99ms',
      '1.05s',
      '59.99s',
      '2m30s',
      '1h2m3s',
    ]);
  });

  it('gathers the thresholds of a metric, and marks what has no value', () => {
    const text = k6(RUNS['thresholds of every state']!);
    expect(text).toContain(`    latency
    ✓ 'p(95)<200' p(95)=181.4ms
    ✗ 'p(99.9)<500' p(99.9)=+Inf
    ✗ 'p(99)<100' p(99)=181.4ms

    latency{endpoint:predict}
    ✗ 'latency{endpoint:predict}: p(99)<200 over 10s for 3 windows' p(99)=231.02ms

    error_rate
    ✗ 'error_rate<0.01' value=4.56%

    ttft
    ✗ 'ttft: p(99)<500' p(99)=-
`);
  });

  it('has a line for each endpoint, and counts iterations by the main one', () => {
    const text = k6(RUNS['two endpoints']!);
    expect(lineOf(text, '{ endpoint:predict }')).toContain('avg=24ms');
    expect(lineOf(text, '{ endpoint:health }')).toContain('avg=25ms');
    expect(lineOf(text, 'iterations')).toContain(': 201 ');
    expect(lineOf(text, 'http_reqs')).toContain(': 401 ');
    expect(lineOf(text, 'http_req_failed')).toContain('0.24% 1 out of 401');
  });

  it('has dashes where there is nothing, and the names of gRPC where that is what was sent', () => {
    const text = k6(RUNS['no request']!);
    expect(lineOf(text, 'http_req_duration')).toMatch(/avg=- +min=- +med=- +max=-/);
    expect(lineOf(text, 'http_req_failed')).toMatch(/: - +0 out of 0/);
    const { report } = example();
    const grpc = k6({ ...example(), report: { ...report, run: { ...report.run, protocol: 'oip-grpc' } } });
    expect(grpc).toContain('    GRPC\n    grpc_req_duration');
  });

  it('counts what was dropped as k6 does, and has no users in an open run', () => {
    const { report } = example();
    const run = { ...report.run, model: 'open' as const, users_max: null };
    const text = k6({ ...example(), report: { ...report, run, counts: { ...report.counts, dropped: 5 } } });
    expect(lineOf(text, 'dropped_iterations')).toContain(': 5 ');
    expect(text).not.toContain('vus');
    expect(lineOf(text, 'lag')).not.toBe('');
  });
});
