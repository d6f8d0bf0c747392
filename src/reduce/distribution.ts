import { US_PER_MS } from '../units.js';
import { type Histogram, nearestRank } from './histogram.js';

/** The percentiles of every summary. */
export const SUMMARY_PERCENTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

type PercentileField = `p${number}_ms`;

/** A population's durations in ms; null where there is no sample. */
export interface Distribution {
  readonly n: number;
  readonly min_ms: number | null;
  readonly mean_ms: number | null;
  readonly max_ms: number | null;
  readonly [percentile: PercentileField]: number | null;
}

/** The same over a population in which failures never ended: percentiles that fall among them are null here and true in `infinite`. */
export interface AllInfDistribution {
  readonly n: number;
  /** Requests of `n` that have no finite latency. */
  readonly infinite_n: number;
  readonly infinite: Readonly<Record<PercentileField, true>>;
  readonly [percentile: PercentileField]: number | null;
}

/** The field of a percentile: 0.95 → `p95_ms`, 0.999 → `p99.9_ms`. */
export function percentileField(p: number): PercentileField {
  return `p${Number((p * 100).toFixed(6))}_ms`;
}

export function distribution(of: Histogram): Distribution {
  return {
    n: of.count,
    min_ms: toMs(of.minUs),
    mean_ms: toMs(of.meanUs),
    ...Object.fromEntries(SUMMARY_PERCENTILES.map((p) => [percentileField(p), toMs(of.percentileUs(p))])),
    max_ms: toMs(of.maxUs),
  };
}

/** The distribution of `ok` with `infinite` requests above all of them. */
export function allInfDistribution(ok: Histogram, infinite: number): AllInfDistribution {
  const n = ok.count + infinite;
  const cells = SUMMARY_PERCENTILES.map((p) => {
    const us = percentileAmongUs(p, ok, infinite);
    const finite = us !== Number.POSITIVE_INFINITY;
    return { field: percentileField(p), ms: finite ? toMs(us) : null, finite };
  });
  return {
    n,
    infinite_n: infinite,
    ...Object.fromEntries(cells.map(({ field, ms }) => [field, ms])),
    infinite: Object.fromEntries(cells.filter(({ finite }) => !finite).map(({ field }) => [field, true])),
  };
}

/**
 * The percentile of `p` in [0, 1] in µs, by nearest rank, of durations with so many infinite ones above them: Infinity
 * where it falls among these, null where there is none at all.
 */
export function percentileAmongUs(p: number, finite: Histogram, infinite: number): number | null {
  const n = finite.count + infinite;
  const rank = nearestRank(p, n);
  if (n > 0 && rank > finite.count) {
    return Number.POSITIVE_INFINITY;
  }
  return n === 0 ? null : finite.percentileUs(rank / finite.count);
}

/** µs as ms with three decimals, which is all there is. */
export function toMs(us: number | null): number | null {
  return us === null ? null : Math.round(us) / US_PER_MS;
}

/** The durations of requests as those of an item, of `batch` in each: all of them divided, to the nanosecond. */
export function perItem(requests: Distribution, batch: number): Distribution {
  const { n, ...durations } = requests;
  const divided = Object.entries(durations).map(([field, ms]) => [
    field,
    ms === null ? null : Math.round((ms / batch) * 1e6) / 1e6,
  ]);
  return { n, ...Object.fromEntries(divided) };
}

/** Below this many samples a percentile hangs on a handful of them: 5 / (1 − p). p90 50, p95 100, p99 500. */
export function isFewFor(p: number, n: number): boolean {
  // The product is free of 1 − 0.9 = 0.09999999999999998.
  return n < Math.round(5 / (1 - p));
}
