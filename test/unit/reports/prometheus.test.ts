import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { prometheus } from '../../../src/reports/prometheus.js';
import { HOSTILE, RUNS } from '../../contract/reporter.js';
import { resultsOn } from '../../support/results.js';
import { sample } from '../../support/samples.js';
import { describeWithTool } from '../../support/tools.js';

const linesOf = (text: string, name: string) =>
  text.split('\n').filter((line) => line.startsWith(`infer_bench_${name}`));

const STREAMS = resultsOn(
  [0, 1].map((seq) => sample({ seq, tokensOut: 3, chunks: 3, firstTokenUs: 2_000, lastTokenUs: 9_000 })),
);

describe("Prometheus' text", () => {
  it('has the figures of a run in base units', () => {
    const text = prometheus(RUNS['a good run']!);
    expect(linesOf(text, 'verdict')).toEqual([
      'infer_bench_verdict{status="VALID"} 1',
      'infer_bench_verdict{status="SUSPECT"} 0',
      'infer_bench_verdict{status="INCONCLUSIVE"} 0',
      'infer_bench_verdict{status="INVALID"} 0',
    ]);
    // Latencies of 5 to 44 ms, ten of each.
    expect(linesOf(text, 'latency_seconds')).toEqual([
      'infer_bench_latency_seconds{endpoint="sentiment",quantile="0.5"} 0.024015',
      'infer_bench_latency_seconds{endpoint="sentiment",quantile="0.9"} 0.040031',
      'infer_bench_latency_seconds{endpoint="sentiment",quantile="0.95"} 0.042015',
      'infer_bench_latency_seconds{endpoint="sentiment",quantile="0.99"} 0.044',
      'infer_bench_latency_seconds{endpoint="sentiment",quantile="0.999"} 0.044',
      'infer_bench_latency_seconds_sum{endpoint="sentiment"} 9.8',
      'infer_bench_latency_seconds_count{endpoint="sentiment"} 400',
    ]);
    expect(linesOf(text, 'run_start_time_seconds')).toEqual(['infer_bench_run_start_time_seconds 1795252353']);
    expect(text).not.toMatch(/threshold|tokens/);
  });

  it('counts by endpoint and outcome, and has a line for each threshold', () => {
    const text = prometheus(RUNS['two endpoints']!);
    expect(linesOf(text, 'requests_total')).toContain('infer_bench_requests_total{endpoint="predict",result="ok"} 200');
    expect(linesOf(text, 'failures_total')).toEqual([
      'infer_bench_failures_total{endpoint="predict",outcome="http_5xx",origin="target"} 1',
    ]);
    const thresholds = linesOf(prometheus(RUNS['thresholds of every state']!), 'threshold_passed');
    expect(thresholds.map((line) => line.slice(-1))).toEqual(['1', '0', '0', '0', '0', '0']);
  });

  it('has the times of streams, without sums that it does not know', () => {
    const text = prometheus(STREAMS);
    expect(linesOf(text, 'ttft_seconds').slice(-2)).toEqual([
      'infer_bench_ttft_seconds{quantile="0.999"} 0.002',
      'infer_bench_ttft_seconds_count 2',
    ]);
    // 7 ms from the first chunk to the last, over two tokens.
    expect(linesOf(text, 'tpot_seconds')[0]).toBe('infer_bench_tpot_seconds{quantile="0.5"} 0.0035');
    expect(text).not.toContain('itl_chunk');
    expect(prometheus(RUNS['a good run']!)).not.toMatch(/ttft|tpot/);
  });

  it('leaves out what has no value', () => {
    const text = prometheus(RUNS['no request']!);
    expect(text).not.toMatch(/quantile|error_ratio/);
    expect(linesOf(text, 'latency_seconds')).toEqual([
      'infer_bench_latency_seconds_sum{endpoint="sentiment"} 0',
      'infer_bench_latency_seconds_count{endpoint="sentiment"} 0',
    ]);
  });

  it('keeps hostile text inside of its quotes', () => {
    const text = prometheus(RUNS['hostile texts']!);
    expect(text).not.toContain(HOSTILE);
    const label = '[a-z_]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
    for (const line of text.trimEnd().split('\n')) {
      expect(line).toMatch(
        new RegExp(`^(# (HELP|TYPE) infer_bench_.*|infer_bench_\\w+(\\{${label}(,${label})*\\})? [\\d.e+-]+)$`),
      );
    }
  });
});

describeWithTool('promtool', "Prometheus' text for promtool", () => {
  const check = (input: string) => spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });

  it.each(Object.entries({ ...RUNS, streams: STREAMS }))('has nothing to object to of %s', (_name, results) => {
    expect(check(prometheus(results))).toMatchObject({ status: 0, stderr: '', stdout: '' });
  });

  it('is refused where it is wrong', () => {
    const text = prometheus(RUNS['a good run']!);
    expect(check(text.replaceAll('requests_total', 'requests')).status).not.toBe(0);
    expect(check(text.replaceAll('"', "'")).status).not.toBe(0);
  });
});
