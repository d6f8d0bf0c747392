import type { Histogram } from '../reduce/histogram.js';
import type { LiveTotals } from '../reduce/live-totals.js';
import { US_PER_S } from '../units.js';
import { expositionText, type Labels, type MetricSample } from './prometheus.js';

/** A figure of a run that goes on, for whichever system collects it. */
export type LiveMetric = {
  /** In Prometheus' form, with its base unit. */
  readonly name: string;
  readonly help: string;
  /** OpenTelemetry's, of UCUM. What is counted is in braces: of a gauge in `1` its exporters for Prometheus make a `_ratio`. */
  readonly unit: 's' | '{request}' | '{user}';
} & (
  | {
      readonly type: 'counter' | 'gauge';
      readonly points: readonly { readonly labels: Labels; readonly value: number }[];
    }
  | { readonly type: 'histogram'; readonly points: readonly ({ readonly labels: Labels } & Buckets)[] }
);

/** Durations counted between bounds, in seconds; `counts` has one more than `boundsS`, for what is above the last. */
export interface Buckets {
  readonly boundsS: readonly number[];
  readonly counts: readonly number[];
  readonly sumS: number;
  readonly count: number;
}

/** From half a millisecond to a minute; answers of models are at both ends of it. */
const BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** The figures of a running run. */
export function liveMetrics(live: LiveTotals): readonly LiveMetric[] {
  const endpoints = live.endpoints();
  const durations = (name: string, help: string, points: readonly (readonly [Labels, Histogram])[]): LiveMetric => ({
    name: `infer_bench_live_${name}_seconds`,
    type: 'histogram',
    help,
    unit: 's',
    points: points.map(([labels, of]) => ({ labels, ...bucketsOf(of) })),
  });
  return [
    {
      name: 'infer_bench_live_requests_total',
      type: 'counter',
      help: 'Requests so far by endpoint and outcome, without the warm-up.',
      unit: '{request}',
      points: endpoints.flatMap(({ endpoint, outcomes }) =>
        outcomes.map(([outcome, value]) => ({ labels: { endpoint, outcome }, value })),
      ),
    },
    durations(
      'latency',
      'End minus intended start of ok requests.',
      endpoints.map(({ endpoint, latency }) => [{ endpoint }, latency]),
    ),
    durations(
      'service_time',
      'End minus start of ok requests.',
      endpoints.map(({ endpoint, serviceTime }) => [{ endpoint }, serviceTime]),
    ),
    durations('lag', 'Start minus intended start of all that was sent.', [[{}, live.lag]]),
    {
      name: 'infer_bench_live_users',
      type: 'gauge',
      help: 'Active users; in an open run, requests in flight.',
      unit: '{user}',
      points: [{ labels: {}, value: live.activeUsers() }],
    },
  ];
}

/** Live figures in Prometheus' text format. */
export function liveText(metrics: readonly LiveMetric[]): string {
  return expositionText(
    metrics.map((metric) => ({
      name: metric.name,
      type: metric.type,
      help: metric.help,
      samples: metric.type === 'histogram' ? metric.points.flatMap(histogramSamples) : metric.points,
    })),
  );
}

/** A bucket of ours that crosses a bound counts above it: it is at most 0.1 % wide. */
function bucketsOf(of: Histogram): Buckets {
  const counts: number[] = Array.from({ length: BOUNDS_S.length + 1 }, () => 0);
  let index = 0;
  of.forEachBucket((_lowestUs, highestUs, count) => {
    while (index < BOUNDS_S.length && highestUs > (BOUNDS_S[index] as number) * US_PER_S) {
      index++;
    }
    counts[index] = (counts[index] as number) + count;
  });
  return { boundsS: BOUNDS_S, counts, sumS: of.sumUs / US_PER_S, count: of.count };
}

/** Prometheus' buckets hold all that is at or below their bound. */
function histogramSamples({
  labels,
  boundsS,
  counts,
  sumS,
  count,
}: { readonly labels: Labels } & Buckets): readonly MetricSample[] {
  let atMost = 0;
  return [
    ...boundsS.map((boundS, index) => {
      atMost += counts[index] as number;
      return { labels: { ...labels, le: String(boundS) }, suffix: '_bucket' as const, value: atMost };
    }),
    { labels: { ...labels, le: '+Inf' }, suffix: '_bucket', value: count },
    { labels, suffix: '_sum', value: sumS },
    { labels, suffix: '_count', value: count },
  ];
}
