import { describe, expect, it } from 'vitest';
import { perSecondFold } from '../../../src/reduce/per-second-percentiles.js';
import {
  type PercentileReport,
  percentileColumn,
  percentileCsv,
  percentileHlog,
  percentileJson,
  percentilePsText,
} from '../../../src/reports/percentile-stream.js';
import { requestBlock } from '../../../src/samples/request-block.js';
import { VERSION } from '../../../src/version.js';

/** Latencies in µs by the second they end in. */
function report(latencies: readonly (readonly [second: number, us: number])[], more: Partial<PercentileReport> = {}) {
  const fold = perSecondFold({ by: 'completion', population: 'ok', countsOnly: more.ops ?? false });
  const block = requestBlock(latencies.length);
  for (const [second, us] of latencies) {
    const row = block.count++;
    block.end[row] = second * 1e6;
    block.latency[row] = us;
    block.ok[row] = 1;
  }
  fold.add(block, { file: 'a.csv', timeFactor: 1e6 });
  const whole: PercentileReport = {
    by: 'completion',
    population: 'ok',
    timeFactor: 1e6,
    percentiles: [0.5, 0.999],
    ops: false,
    files: [{ file: 'a.csv', kind: 'seed', timeFactor: 1e6, rows: 3, failed: 0, leftOut: 0, rejected: 0, torn: 1 }],
    stream: fold.finish(),
    ...more,
  };
  return whole;
}

const text = (parts: Iterable<string>) => [...parts].join('');
const requests = [
  [7, 1],
  [7, 1500],
  [9, 2_000_000],
] as const;

it.each([
  [0.95, 'p95_ms'],
  [0.999, 'p99.9_ms'],
  [0.9999, 'p99.99_ms'],
  [0.07, 'p7_ms'],
  [0.29, 'p29_ms'],
  [0.58, 'p58_ms'],
  [0.005, 'p0.5_ms'],
  [1, 'p100_ms'],
])('the column of %d is %s', (p, name) => {
  expect(percentileColumn(p)).toBe(name);
});

describe('CSV', () => {
  it('has three decimals of a millisecond and an empty cell where there is no sample', () => {
    expect(text(percentileCsv(report(requests)))).toBe(
      'epoch_s,count,p50_ms,p99.9_ms\n7,2,0.001,1.500\n8,0,,\n9,1,2000.000,2000.000\n',
    );
  });

  it('of operations has counts, 0 included', () => {
    expect(text(percentileCsv(report(requests, { ops: true })))).toBe('epoch_s,ops\n7,2\n8,0\n9,1\n');
  });

  it('a latency of 0 is a value, not an empty cell', () => {
    expect(text(percentileCsv(report([[1, 0]])))).toBe('epoch_s,count,p50_ms,p99.9_ms\n1,1,0.000,0.000\n');
  });
});

describe('JSON', () => {
  it('is one object that names its schema and everything that decides the numbers', () => {
    expect(JSON.parse(text(percentileJson(report(requests))))).toEqual({
      schema: 'infer-bench/percentile/1',
      version: VERSION,
      by: 'completion',
      population: 'ok',
      time_factor: 1e6,
      percentiles: [0.5, 0.999],
      percentile_method: { method: 'hdr-nearest-rank', digits: 3, unit: 'us' },
      files: [
        { file: 'a.csv', kind: 'seed', time_factor: 1e6, requests: 3, failed: 0, left_out: 0, rejected: 0, torn: 1 },
      ],
      rows: [
        { epoch_s: 7, count: 2, p50_ms: 0.001, 'p99.9_ms': 1.5 },
        { epoch_s: 8, count: 0, p50_ms: null, 'p99.9_ms': null },
        { epoch_s: 9, count: 1, p50_ms: 2000, 'p99.9_ms': 2000 },
      ],
    });
  });

  it('of operations has no percentiles', () => {
    const parsed = JSON.parse(text(percentileJson(report(requests, { ops: true }))));
    expect(parsed.rows).toEqual([
      { epoch_s: 7, ops: 2 },
      { epoch_s: 8, ops: 0 },
      { epoch_s: 9, ops: 1 },
    ]);
    expect(parsed).not.toHaveProperty('percentiles');
    expect(parsed).not.toHaveProperty('percentile_method');
  });
});

it('an HdrHistogram log has a line per second that has a sample', () => {
  const lines = text(percentileHlog(report(requests))).split('\n');
  expect(lines.filter((line) => /^\d/.test(line)).map((line) => line.split(',').slice(0, 3))).toEqual([
    ['7.000', '1.000', '1.500'],
    ['9.000', '1.000', '2000.000'],
  ]);
  expect(lines[2]).toContain('StartTime: 7.000');
});

it('the lines of percentile-ps have no header', () => {
  expect(
    text(
      percentilePsText([
        { second: 5n, value: 3 },
        { second: 6n, value: 0 },
      ]),
    ),
  ).toBe('5,3\n6,0\n');
});
