import { describe, expect, it } from 'vitest';
import { vegeta } from '../../../src/reports/vegeta.js';
import { RUNS } from '../../contract/reporter.js';

describe("vegeta's report", () => {
  it('is laid out as vegeta does it', () => {
    const { report } = RUNS['no success']!;
    const latency = {
      n: 665,
      min_ms: 0.762,
      mean_ms: 113.172,
      p50_ms: 108.2734,
      p90_ms: 131.9,
      p95_ms: 999.999,
      p99_ms: 1042.5,
      max_ms: 150_250,
    };
    const text = vegeta({
      ...RUNS['no success']!,
      report: {
        ...report,
        latency,
        counts: { ...report.counts, sent: 1200, ok: 665, failed: 535 },
        rates: { ...report.rates, window_s: 100, sent_per_s: 120, ok_per_s: 65.874 },
        bytes: { in_bytes: 3_714_690, out_bytes: 0 },
        statuses: [
          { status: null, count: 35 },
          { status: 200, count: 665 },
          { status: 503, count: 500 },
        ],
        failures: [{ outcome: 'http_5xx', origin: 'target', count: 535, example: 'Service Unavailable' }],
      },
    });
    expect(text).toBe(`Verdict       [status]                          INVALID
Requests      [total, rate, throughput]         1200, 120.00, 65.87
Duration      [total, attack, wait]             -, 1m40s, -
Latencies     [min, mean, 50, 90, 95, 99, max]  762µs, 113.172ms, 108.273ms, 131.9ms, 999.999ms, 1.043s, 2m30.25s
Bytes In      [total, mean]                     3714690, 3095.57
Bytes Out     [total, mean]                     0, 0.00
Success       [ratio]                           55.42%
Status Codes  [code:count]                      0:35  200:665  503:500
Error Set:
http_5xx: Service Unavailable
`);
  });

  it('does not take the OK of gRPC for a request without an answer', () => {
    const results = RUNS['a good run']!;
    const { report } = results;
    const statuses = [
      { status: null, count: 2 },
      { status: 0, count: 398 },
    ];
    const text = vegeta({ ...results, report: { ...report, run: { ...report.run, protocol: 'oip-grpc' }, statuses } });
    expect(text).toMatch(/^Status Codes {2}\[code:count\] +none:2 {2}0:398$/m);
  });

  it('has dashes where nothing was sent or answered', () => {
    const text = vegeta(RUNS['no request']!);
    expect(text).toContain('max]  -, -, -, -, -, -, -\n');
    expect(text).toContain('[ratio]                           -\n');
  });
});
