import { histogram } from '../../src/reduce/histogram.js';
import type { PerSecondRow, SecondHistogram } from '../../src/reduce/per-second.js';
import type { Results } from '../../src/reports/results.js';
import type { ThresholdResult } from '../../src/verdicts/threshold-result.js';
import { resultsOn, STARTED_EPOCH_S } from './results.js';
import { sample } from './samples.js';
import { thresholdResult } from './threshold-results.js';

/** Patterns of a second's durations, used again and again: recording millions one by one is not what tests are about. */
const SHAPES = 60;

export interface LongOptions {
  readonly seconds: number;
  readonly requestsPerS: number;
}

/**
 * Results of an open run of any length whose load swells, with a stall, an outage without a success, and drops: made
 * from a few packed histograms, so that ten million requests take a moment.
 */
export function longResults({ seconds: length, requestsPerS }: LongOptions): Results {
  const shapes = Array.from({ length: SHAPES }, (_, shape) => {
    const latency = histogram();
    const service = histogram();
    for (let request = 0; request < requestsPerS; request++) {
      // A log-normal-like spread without randomness: quantiles of a logistic curve.
      const p = (request + 0.5) / requestsPerS;
      const us = 4_000 * (p / (1 - p)) ** 0.35 * (1 + 0.6 * Math.sin((2 * Math.PI * shape) / SHAPES));
      service.record(us);
      latency.record(us + (request % 97 === 0 ? 900 : 40));
    }
    return { latency: latency.pack(), service: service.pack() };
  });
  const outage = (second: number) =>
    second >= Math.floor(length * 0.6) && second < Math.floor(length * 0.6 + length / 40);
  const whole = { latency: histogram(), service: histogram(), lag: histogram() };
  const scratch = histogram();
  const rows: PerSecondRow[] = [];
  const shapeAt = (second: number) => shapes[Math.floor((second * SHAPES) / length) % SHAPES]!;
  for (let second = 0; second < length; second++) {
    const isOut = outage(second);
    if (!isOut) {
      whole.latency.addPacked(shapeAt(second).latency);
      whole.service.addPacked(shapeAt(second).service);
    }
    for (let lag = 0; lag < 8; lag++) {
      whole.lag.record(40 + lag);
    }
    scratch.reset();
    scratch.addPacked(shapeAt(second).latency);
    const ms = (us: number | null) => (us === null || isOut ? null : us / 1000);
    rows.push({
      epoch_s: STARTED_EPOCH_S + second,
      planned: requestsPerS,
      sent: requestsPerS - (isOut ? 7 : 0),
      completed: requestsPerS - (isOut ? 7 : second % 3),
      ok: isOut ? 0 : requestsPerS - (second % 3),
      failed: isOut ? requestsPerS - 7 : 0,
      dropped: isOut ? 7 : 0,
      in_flight: 5 + (second % 7),
      users: 5 + (second % 7),
      p50_ms: ms(scratch.percentileUs(0.5)),
      p90_ms: ms(scratch.percentileUs(0.9)),
      p95_ms: ms(scratch.percentileUs(0.95)),
      p99_ms: ms(scratch.percentileUs(0.99)),
      max_ms: ms(scratch.maxUs),
      service_p95_ms: ms(scratch.percentileUs(0.95)),
      lag_p50_ms: 0.04,
      lag_p99_ms: 0.3 + (second % 11) / 50,
      lag_max_ms: 0.9 + (second % 13) / 10,
    });
  }
  const few = resultsOn([sample(), sample({ seq: 1, outcome: 'http_5xx', origin: 'target', status: 503 })]);
  const of = (p: number, from = whole.latency) => (from.percentileUs(p) as number) / 1000;
  const distribution = (from = whole.latency) => ({
    n: from.count,
    min_ms: (from.minUs as number) / 1000,
    mean_ms: Math.round(from.meanUs as number) / 1000,
    p50_ms: of(0.5, from),
    p90_ms: of(0.9, from),
    p95_ms: of(0.95, from),
    p99_ms: of(0.99, from),
    'p99.9_ms': of(0.999, from),
    max_ms: (from.maxUs as number) / 1000,
  });
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  const dropped = rows.reduce((sum, row) => sum + row.dropped, 0);
  const planned = length * requestsPerS;
  const report: Results['report'] = {
    ...few.report,
    run: {
      ...few.report.run,
      model: 'open',
      users_max: null,
      rate_max_per_s: requestsPerS,
      pacing: 'precise',
      spacing: 'uniform',
      think_time_ms: null,
      duration_s: length,
    },
    counts: { ...few.report.counts, planned, sent: planned - dropped, ok: whole.latency.count, failed, dropped },
    rates: { ...few.report.rates, window_s: length, error_ratio: failed / planned },
    latency: distribution(),
    service_time: distribution(whole.service),
    lag: distribution(whole.lag),
    latency_all_inf: {
      n: whole.latency.count + failed + dropped,
      infinite_n: failed + dropped,
      p50_ms: of(0.5),
      p90_ms: of(0.92),
      p95_ms: of(0.975),
      p99_ms: null,
      'p99.9_ms': null,
      infinite: { p99_ms: true, 'p99.9_ms': true },
    },
    thresholds: [
      threshold({ expression: 'p(95)<20', limit: 20, value: of(0.975), n: planned }),
      threshold({
        expression: 'latency{population:ok}: p(99)<12 over 10s for 3 windows',
        aggregation: 'p(99)',
        limit: 12,
        value: of(0.99),
        n: planned,
        state: 'fail',
        pass: false,
        message: '4 windows in a row are above 12 ms, 3 were allowed',
        windows: {
          window_s: Math.max(1, Math.floor(length / 60)),
          judged_n: 60,
          violated_n: 4,
          skipped_n: 1,
          longest_n: 4,
          violated_at_epoch_s: [0, 1, 2, 3].map(
            (k) => STARTED_EPOCH_S + Math.floor(length * 0.2) + k * Math.max(1, Math.floor(length / 60)),
          ),
        },
      }),
      threshold({
        expression: 'error_rate<0.05',
        metric: 'error_rate',
        population: null,
        aggregation: 'value',
        limit: 0.05,
        unit: 'ratio',
        value: failed / planned,
        n: planned,
      }),
    ],
  };
  return {
    ...few,
    report,
    seconds: rows,
    generator: rows.map(({ epoch_s }, second) => ({
      epochS: epoch_s,
      loopDelayP99Ms: 1.1 + (second % 5) / 10,
      loopBusyRatio: 0.4,
      cpuRatio: 0.5,
      gcMs: second % 4,
      openFds: 90,
      handshakes: 0,
      handshakeP99Ms: null,
      wallOffsetMs: null,
    })),
    latency: whole.latency,
    serviceTime: whole.service,
    lag: whole.lag,
    byEndpoint: [{ endpoint: 'sentiment', latency: whole.latency, serviceTime: whole.service }],
    *secondHistograms(): Iterable<SecondHistogram> {
      for (let second = 0; second < length; second++) {
        for (const metric of ['latency', 'service'] as const) {
          if (!outage(second)) {
            scratch.reset();
            scratch.addPacked(shapeAt(second)[metric]);
            yield { epochS: STARTED_EPOCH_S + second, endpoint: 0, metric, histogram: scratch };
          }
        }
      }
    },
  };
}

/** A threshold that passed, but for what is given. */
export function threshold(given: Partial<ThresholdResult> = {}): ThresholdResult {
  return thresholdResult({ value: 10, n: 100, message: 'p(95) is 10 ms', ...given });
}
