import { describe, expect, it } from 'vitest';
import { totals } from '../../../src/reduce/summary.js';
import type { Sample } from '../../../src/samples/sample.js';
import { blockOf, sample } from '../../support/samples.js';

function fold(samples: readonly Sample[], windowUs = 10e6, endpoints: readonly string[] = []) {
  const fold = totals(() => ({ fromUs: 0, toUs: windowUs }), endpoints);
  fold.rows(blockOf(samples));
  return fold.finish();
}

describe('the counts of a run', () => {
  const sums = fold([
    sample({ seq: 0 }),
    sample({ seq: 1, outcome: 'http_5xx', origin: 'target' }),
    sample({ seq: 2, outcome: 'dropped', origin: 'local', startUs: undefined, endUs: undefined, intendedUs: 5 }),
    sample({ seq: 3, outcome: 'not_sent_stopped', startUs: undefined, endUs: undefined, intendedUs: 6 }),
    sample({ seq: 4, outcome: 'abandoned', origin: 'target', endUs: 40e6 }),
    sample({ seq: 5, phase: 'warmup' }),
  ]);

  it('obey the conservation law, the warm-up apart', () => {
    expect(sums.counts).toEqual({
      planned: 5,
      sent: 3,
      dropped: 1,
      not_sent: 1,
      ok: 1,
      failed: 1,
      abandoned: 1,
      warmup: 1,
    });
  });

  it('list the causes of failure', () => {
    expect(sums.failures.map(({ outcome, origin, count }) => [outcome, origin, count])).toEqual([
      ['http_5xx', 'target', 1],
      ['dropped', 'local', 1],
      ['not_sent_stopped', null, 1],
      ['abandoned', 'target', 1],
    ]);
  });

  it('put failed and abandoned over sent into the error ratio', () => {
    expect(sums.rates.error_ratio).toBeCloseTo(2 / 3);
  });
});

describe('what was sent', () => {
  const notSent = { startUs: undefined, endUs: undefined, bytesOut: 0, bytesIn: 0, status: undefined };
  const sums = fold(
    [
      sample({ seq: 0, endpoint: 0, bytesIn: 70 }),
      sample({ seq: 1, endpoint: 1, bytesOut: 0, bytesIn: 20 }),
      sample({ seq: 2, endpoint: 0, status: 503, outcome: 'http_5xx', origin: 'target', bytesIn: 6 }),
      sample({ seq: 3, endpoint: 0 }),
      sample({ seq: 4, endpoint: 1, status: undefined, outcome: 'abandoned', origin: 'target', bytesIn: 0 }),
      sample({ seq: 5, endpoint: 0, outcome: 'dropped', origin: 'local', ...notSent }),
      sample({ seq: 6, endpoint: 0, phase: 'warmup', status: 404 }),
    ],
    10e6,
    ['predict', 'health'],
  );

  it('is counted by status, what got none first, without what was dropped and the warm-up', () => {
    expect(sums.statuses).toEqual([
      { status: null, count: 1 },
      { status: 200, count: 3 },
      { status: 503, count: 1 },
    ]);
    expect(fold([]).statuses).toEqual([]);
  });

  it('has bytes at each endpoint, which add up to all', () => {
    expect(sums.endpoints.map(({ bytes }) => bytes)).toEqual([
      { out_bytes: 300, in_bytes: 126 },
      { out_bytes: 100, in_bytes: 20 },
    ]);
    expect(sums.bytes).toEqual({ out_bytes: 400, in_bytes: 146 });
  });
});

describe('latency', () => {
  it('runs from the intended start, service time from the real one', () => {
    const { latency, service_time, lag } = fold([sample({ intendedUs: 1_000, startUs: 4_000, endUs: 9_000 })]);
    expect([latency.p50_ms, service_time.p50_ms, lag.p50_ms]).toEqual([8, 5, 3]);
  });

  it('of failures is kept apart: they cannot make it look better', () => {
    const slow = Array.from({ length: 50 }, () => sample({ endUs: 100_000 }));
    const shed = Array.from({ length: 50 }, () => sample({ endUs: 100, outcome: 'http_429', origin: 'target' }));
    const { latency, latency_all_inf, time_to_failure } = fold([...slow, ...shed]);
    expect(latency.n).toBe(50);
    expect(latency.p50_ms).toBe(100);
    expect(time_to_failure.p50_ms).toBe(0.1);
    // Half of what was asked for never came: p50 still did, p90 is infinite.
    expect(latency_all_inf).toMatchObject({ n: 100, infinite_n: 50, p50_ms: 100, p90_ms: null });
    expect(latency_all_inf.infinite).toMatchObject({ p90_ms: true, p95_ms: true, p99_ms: true });
  });

  it('counts what was due and dropped as never answered', () => {
    const dropped = sample({
      outcome: 'dropped',
      origin: 'local',
      startUs: undefined,
      endUs: undefined,
      intendedUs: 0,
    });
    expect(fold([sample(), dropped]).latency_all_inf).toMatchObject({ n: 2, infinite_n: 1 });
  });

  it('and the error ratio leave out failures of this machine', () => {
    const { latency_all_inf, rates, time_to_failure } = fold([
      sample(),
      sample({ outcome: 'local_fds', origin: 'local' }),
    ]);
    expect(latency_all_inf).toMatchObject({ n: 1, infinite_n: 0 });
    expect(rates.error_ratio).toBe(0);
    expect(time_to_failure.n).toBe(0);
  });

  it('is null without a success, never 0', () => {
    const { latency, latency_all_inf, rates } = fold([sample({ outcome: 'http_5xx', origin: 'target' })]);
    expect([latency.n, latency.p50_ms, latency.mean_ms, latency.max_ms]).toEqual([0, null, null, null]);
    expect(latency_all_inf.infinite).toMatchObject({ p50_ms: true });
    expect(rates.error_ratio).toBe(1);
  });

  it('is null all over without any request', () => {
    const { latency, latency_all_inf, rates, counts } = fold([]);
    expect(latency.p95_ms).toBeNull();
    expect(latency_all_inf).toMatchObject({ n: 0, p50_ms: null, infinite: {} });
    expect(rates.error_ratio).toBeNull();
    expect(counts.planned).toBe(0);
  });
});

describe('rates', () => {
  it('are over the measured window, what ended after it left out', () => {
    const { rates } = fold(
      [sample({ startUs: 0, endUs: 1e6, batch: 4 }), sample({ startUs: 9e6, endUs: 11e6, batch: 4 })],
      10e6,
    );
    expect(rates).toMatchObject({
      window_s: 10,
      sent_per_s: 0.2,
      completed_per_s: 0.1,
      ok_per_s: 0.1,
      ok_items_per_s: 0.4,
    });
    // 1 s and the 1 s of the other that lies inside the window.
    expect(rates.in_flight_mean).toBeCloseTo(0.2);
  });

  it('are 0 for a window of no length', () => {
    expect(fold([], 0).rates).toMatchObject({ window_s: 0, sent_per_s: 0 });
  });
});

it('keeps the first text that explains an outcome', () => {
  const whole = totals(() => ({ fromUs: 0, toUs: 1e6 }));
  whole.rows(blockOf([sample({ outcome: 'http_4xx', origin: 'target' })]));
  whole.explain('http_4xx', 'first');
  whole.explain('http_4xx', 'second');
  expect(whole.finish().failures[0]?.example).toBe('first');
});

describe('several endpoints', () => {
  const sums = fold(
    [
      sample({ endUs: 20_000 }),
      sample({ endUs: 40_000, outcome: 'http_5xx', origin: 'target' }),
      sample({ outcome: 'dropped', origin: 'local', startUs: undefined, endUs: undefined, intendedUs: 5 }),
      sample({ outcome: 'local_fds', origin: 'local' }),
      sample({ endpoint: 1, endUs: 1_000, batch: 0 }),
      sample({ endpoint: 1, endUs: 2_000, batch: 0 }),
      sample({ endpoint: 1, phase: 'warmup' }),
    ],
    2e6,
    ['predict', 'health'],
  );

  it('have counts, errors and latencies of their own', () => {
    const [predict, health] = sums.endpoints;
    expect(predict).toMatchObject({
      endpoint: 'predict',
      counts: { planned: 4, sent: 3, dropped: 1, not_sent: 0, ok: 1, failed: 2, abandoned: 0 },
      ok_per_s: 0.5,
      error_ratio: 0.5,
      latency: { n: 1, p50_ms: 20 },
      latency_all_inf: { n: 3, infinite_n: 2 },
      service_time: { n: 1, max_ms: 20 },
    });
    expect(predict?.failures).toEqual([
      { outcome: 'http_5xx', origin: 'target', count: 1 },
      { outcome: 'local_fds', origin: 'local', count: 1 },
      { outcome: 'dropped', origin: 'local', count: 1 },
    ]);
    expect(health).toMatchObject({ endpoint: 'health', error_ratio: 0, latency: { n: 2, p50_ms: 1, max_ms: 2 } });
  });

  it('come to the whole together', () => {
    const sum = (count: 'planned' | 'sent' | 'ok' | 'failed') =>
      sums.endpoints.reduce((total, { counts }) => total + counts[count], 0);
    for (const count of ['planned', 'sent', 'ok', 'failed'] as const) {
      expect(sum(count)).toBe(sums.counts[count]);
    }
    expect(sums.latency.n).toBe(3);
    expect(sums.rates.ok_items_per_s).toBe(0.5);
  });

  it('are not told apart where there is one', () => {
    expect(fold([sample()], 1e6, ['predict']).endpoints).toEqual([]);
  });
});

describe('a cache', () => {
  it('has the ok answers that were hits and misses apart; others are in neither', () => {
    const { cache, latency } = fold([
      sample({ cache: 'hit', endUs: 1_000 }),
      sample({ cache: 'hit', endUs: 3_000 }),
      sample({ cache: 'hit', endUs: 5_000, phase: 'warmup' }),
      sample({ cache: 'miss', intendedUs: 0, startUs: 1_000, endUs: 50_000 }),
      sample({ cache: 'miss', outcome: 'schema_mismatch', origin: 'target' }),
      sample({ endUs: 7_000 }),
    ]);
    expect(cache).toMatchObject({
      hit_ratio: 2 / 3,
      hit: { n: 2, latency: { n: 2, p50_ms: 1, max_ms: 3 } },
      miss: { n: 1, latency: { p50_ms: 50 }, service_time: { p50_ms: 49 } },
    });
    expect(latency.n).toBe(4);
  });

  it('that nobody tells of is null; one that never hit has no times of hits', () => {
    expect(fold([sample()]).cache).toBeNull();
    expect(fold([sample({ cache: 'miss' })]).cache).toMatchObject({
      hit_ratio: 0,
      hit: { n: 0, latency: { p50_ms: null } },
    });
  });
});
