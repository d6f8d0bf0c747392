import { addPackedCounts, BUCKETS, HIGHEST_US, highestOf, lowestOf } from '../reduce/buckets.js';
import { toMs } from '../reduce/distribution.js';
import { type Histogram, nearestRank } from '../reduce/histogram.js';
import { US_PER_MS } from '../units.js';
import type { Results } from './results.js';

/** One percentile of a spectrum; null where it is of requests that never succeeded, or nothing was measured. */
export interface SpectrumPoint {
  /** In [0, 1). */
  readonly p: number;
  readonly latencyMs: number | null;
  readonly serviceMs: number | null;
  /** Of all requests that were due: failures and dropped ones take for ever. */
  readonly allInfMs: number | null;
}

const POINTS_PER_NINE = 10;

/**
 * The percentile spectrum, p = 1 − 10^(−k/10) as far as there are requests, and the maximum: the points are evenly spaced
 * on an axis of log 1 / (1 − p). Source: HdrHistogram's percentile output.
 */
export function spectrum({ latency, serviceTime, report }: Results): readonly SpectrumPoint[] {
  const { n, infinite_n } = report.latency_all_inf;
  const most = Math.max(latency.count, n);
  if (latency.count === 0) {
    return [];
  }
  const steps = Math.max(1, Math.ceil(POINTS_PER_NINE * Math.log10(most)));
  const ps = Array.from({ length: steps }, (_, k) => 1 - 10 ** (-k / POINTS_PER_NINE));
  // Half a request from the end the nearest rank is the last one.
  return [...ps, 1 - 1 / (2 * most)].map((p) => {
    const rank = nearestRank(p, n);
    return {
      p,
      latencyMs: at(latency, p),
      serviceMs: at(serviceTime, p),
      allInfMs: infinite_n > 0 && rank <= latency.count ? at(latency, rank / latency.count) : null,
    };
  });
}

function at(of: Histogram, p: number): number | null {
  return toMs(p === 0 ? of.minUs : of.percentileUs(p));
}

/** Durations of at least `fromMs` and less than `toMs`. */
export interface Bin {
  readonly fromMs: number;
  readonly toMs: number;
  readonly latency: number;
  readonly service: number;
}

/** As many bins as a reader takes in, at most. */
const MOST_BINS = 60;
/** More than this between the shortest and the longest, and equal steps would leave most in the first one. */
const WIDE_RATIO = 20;
const STEPS_PER_DECADE = [50, 40, 25, 20, 10, 8, 5, 4];

/** A histogram of latency and service time in bins with round edges; on a logarithmic axis where they differ much. */
export function bins({ latency, serviceTime }: Results): { readonly isLog: boolean; readonly bins: readonly Bin[] } {
  if (latency.count === 0) {
    return { isLog: false, bins: [] };
  }
  const lowUs = Math.max(1, Math.min(latency.minUs as number, serviceTime.minUs as number));
  const highUs = Math.max(lowUs, Math.min(latency.maxUs as number, HIGHEST_US));
  const isLog = highUs / lowUs > WIDE_RATIO;
  const edges = isLog ? logEdges(lowUs, highUs) : evenEdges(lowUs, highUs);
  const [ofLatency, ofService] = [latency, serviceTime].map((of) => countsBetween(of, edges)) as [number[], number[]];
  return {
    isLog,
    bins: ofLatency.map((count, index) => ({
      fromMs: (edges[index] as number) / US_PER_MS,
      toMs: (edges[index + 1] as number) / US_PER_MS,
      latency: count,
      service: ofService[index] as number,
    })),
  };
}

function logEdges(lowUs: number, highUs: number): readonly number[] {
  const decades = Math.log10(highUs / lowUs);
  const perDecade = STEPS_PER_DECADE.find((steps) => steps * decades <= MOST_BINS - 2) ?? 4;
  const first = Math.floor(perDecade * Math.log10(lowUs));
  const last = Math.floor(perDecade * Math.log10(highUs)) + 1;
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** ((first + index) / perDecade));
}

function evenEdges(lowUs: number, highUs: number): readonly number[] {
  // A bin narrower than the buckets of the histogram would be full or empty by accident.
  const least = Math.max(1, (highUs - lowUs) / (MOST_BINS - 2), highUs / 500);
  const magnitude = 10 ** Math.floor(Math.log10(least));
  const step = ([1, 2, 5, 10].find((digit) => digit * magnitude >= least) as number) * magnitude;
  const first = Math.floor(lowUs / step);
  const last = Math.floor(highUs / step) + 1;
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** How many of a histogram lie from each edge to the next; a bucket is where its middle is. */
function countsBetween(of: Histogram, edges: readonly number[]): number[] {
  const counts = new Float64Array(BUCKETS);
  addPackedCounts(of.pack(), counts);
  const found = new Array<number>(edges.length - 1).fill(0);
  let bin = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0) {
      const middleUs = (lowestOf(bucket) + highestOf(bucket)) / 2;
      while (bin < found.length - 1 && middleUs >= (edges[bin + 1] as number)) {
        bin++;
      }
      found[bin] = (found[bin] as number) + count;
    }
  }
  return found;
}
