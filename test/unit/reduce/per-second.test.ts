import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { perSecond } from '../../../src/reduce/per-second.js';
import { secondHistograms } from '../../../src/reduce/second-histograms.js';
import type { Sample } from '../../../src/samples/sample.js';
import { blockOf, sample } from '../../support/samples.js';

/** The run starts half a second into an epoch second. */
const STARTED_EPOCH_US = 1_700_000_000_500_000;

function fold(samples: readonly Sample[], users: readonly (readonly [atUs: number, users: number])[] = []) {
  const bySecond = perSecond(STARTED_EPOCH_US);
  bySecond.rows(blockOf(samples));
  for (const [atUs, active] of users) {
    bySecond.users(atUs, active);
  }
  return bySecond.finish();
}

describe('a second', () => {
  it('is one of the epoch, counted by intended start, start and completion', () => {
    const rows = fold([sample({ intendedUs: 100_000, startUs: 700_000, endUs: 1_600_000 })]);
    expect(
      rows.map(({ epoch_s, planned, sent, completed, in_flight }) => [epoch_s, planned, sent, completed, in_flight]),
    ).toEqual([
      [1_700_000_000, 1, 0, 0, 0],
      [1_700_000_001, 0, 1, 0, 1],
      [1_700_000_002, 0, 0, 1, 0],
    ]);
    expect(rows[2]).toMatchObject({ ok: 1, p95_ms: 1500, max_ms: 1500, service_p95_ms: 900, lag_p50_ms: null });
    expect(rows[1]).toMatchObject({ p95_ms: null, max_ms: null, lag_p50_ms: 600, lag_max_ms: 600 });
  });

  it('without a sample is empty and still there', () => {
    const rows = fold([sample({ startUs: 0 }), sample({ startUs: 3e6 })]);
    expect(rows.length).toBe(4);
    expect(rows[1]).toMatchObject({ planned: 0, completed: 0, p50_ms: null, max_ms: null, lag_p99_ms: null });
  });

  it('keeps failures and drops out of its percentiles', () => {
    const [row] = fold([
      sample(),
      sample({ outcome: 'http_5xx', origin: 'target', endUs: 400_000 }),
      sample({ outcome: 'dropped', origin: 'local', intendedUs: 1, startUs: undefined, endUs: undefined }),
    ]);
    expect(row).toMatchObject({ planned: 3, sent: 2, completed: 2, ok: 1, failed: 1, dropped: 1, p95_ms: 10 });
  });

  it('has the users of its end, held until they change', () => {
    const rows = fold(
      [sample({ startUs: 0 }), sample({ startUs: 4e6 })],
      [
        [0, 2],
        [400_000, 3],
        [2_600_000, 1],
      ],
    );
    expect(rows.map(({ users }) => users)).toEqual([3, 3, 3, 1, 1]);
  });
});

it('no sample at all gives no row', () => {
  expect(fold([])).toEqual([]);
});

describe('histograms by second', () => {
  it('lose nothing, whatever the order and however many are at rest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 80 }), fc.integer({ min: 1, max: 1_000_000 })), { maxLength: 400 }),
        (rows) => {
          const seconds = secondHistograms();
          const exact = new Map<number, number[]>();
          for (const [second, us] of rows) {
            seconds.record(second, us);
            exact.set(second, [...(exact.get(second) ?? []), us]);
          }
          for (const [second, values] of exact) {
            const of = seconds.at(second);
            expect(of?.count).toBe(values.length);
            expect(of?.maxUs).toBe(Math.max(...values));
            expect(of?.sumUs).toBe(values.reduce((sum, us) => sum + us, 0));
          }
          expect(seconds.at(1000)).toBeUndefined();
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the histograms of several endpoints', () => {
  const samples = [
    sample({ endUs: 10_000 }),
    sample({ endpoint: 1, endUs: 1_000 }),
    sample({ endpoint: 1, startUs: 1e6, endUs: 1_002_000 }),
    sample({ endpoint: 1, outcome: 'http_5xx', origin: 'target' }),
  ];
  const listed = (endpoints: number) => {
    const bySecond = perSecond(STARTED_EPOCH_US, endpoints);
    bySecond.rows(blockOf(samples));
    const found: unknown[] = [];
    for (const { epochS, endpoint, metric, histogram } of bySecond.histograms()) {
      found.push([epochS - 1_700_000_000, endpoint, metric, histogram.count]);
    }
    return { found, rows: bySecond.finish() };
  };

  it('are apart, in order of time', () => {
    expect(listed(2).found).toEqual([
      [0, 0, 'latency', 1],
      [0, 0, 'service', 1],
      [0, 1, 'latency', 1],
      [0, 1, 'service', 1],
      [1, 1, 'latency', 1],
      [1, 1, 'service', 1],
    ]);
  });

  it('leave the rows of the whole as they are', () => {
    expect(listed(2).rows).toEqual(listed(1).rows);
    expect(listed(1).found[0]).toEqual([0, 0, 'latency', 2]);
  });
});
