import { createRequire } from 'node:module';
import type * as Hdr from 'hdr-histogram-js';
import {
  addPackedCounts,
  BUCKETS,
  bucketOf,
  type ExactFigures,
  HIGHEST_US,
  highestOf,
  lowestOf,
  type PackedHistogram,
  packCounts,
  wholeUs,
} from './buckets.js';

type HdrHistogram = Hdr.Float64Histogram;

const DIGITS = 3;

/** How percentiles are made, for every output that states it. */
export const PERCENTILE_METHOD = { method: 'hdr-nearest-rank', digits: DIGITS, unit: 'us' } as const;

/**
 * Durations in whole microseconds, bucketed to three significant digits (error at most 0.1 %). Percentiles come only
 * from here, and two of them have no sum: histograms are merged instead. Count, minimum, maximum and sum are exact.
 */
export interface Histogram {
  readonly count: number;
  /** Samples above 1 h, recorded as 1 h. */
  readonly overflow: number;
  /** Exact extremes and mean in µs; null when empty. */
  readonly minUs: number | null;
  readonly maxUs: number | null;
  readonly meanUs: number | null;
  readonly sumUs: number;
  /** Records a duration in µs, rounded to a whole one. Throws RangeError on what is no duration: negative, NaN, Infinity. */
  record(us: number): void;
  /**
   * The percentile of `p` in (0, 1]: the highest value of the bucket in which the running count reaches ceil(p · n),
   * never above the exact maximum; the exact maximum among samples above 1 h; null when empty. Source: HdrHistogram.
   */
  percentileUs(p: number): number | null;
  /** Calls back with each bucket in use, ascending: its lowest and highest value in µs, and how many samples are in it. */
  forEachBucket(visit: (lowestUs: number, highestUs: number, count: number) => void): void;
  /** Adds all samples of another histogram. */
  add(other: Histogram): void;
  reset(): void;
  /** The same content in a small form; `addPacked` brings it back. */
  pack(): PackedHistogram;
  addPacked(packed: PackedHistogram): void;
  /** HdrHistogram's own object with the same content, for files that other HDR tools read; the next call fills it anew. */
  readonly hdr: HdrHistogram;
}

/** The 1-based rank of percentile `p` among `n` sorted samples, ceil(p · n), free of the rounding of the product. */
export function nearestRank(p: number, n: number): number {
  const product = p * n;
  // 0.07 · 100 is 7.000000000000001 in doubles: one unit in the last place comes off before rounding up.
  return Math.max(1, Math.ceil(product - product * Number.EPSILON));
}

/** Places of the exact figures: an array of doubles, since a double in a closure is a new object at each change. */
const COUNT = 0;
const OVERFLOW = 1;
const SUM = 2;
const MIN = 3;
const MAX = 4;

/** An empty histogram. It holds about 190 kB; `reset` and reuse where many are needed in turn. */
export function histogram(): Histogram {
  // Doubles count to 2^53 and cost the same.
  const counts = new Float64Array(BUCKETS);
  const figures = new Float64Array(MAX + 1);
  let hdr: HdrHistogram | undefined;
  clearFigures();

  function clearFigures(): void {
    figures.fill(0);
    figures[MIN] = Number.POSITIVE_INFINITY;
    figures[MAX] = Number.NEGATIVE_INFINITY;
  }

  function exact(): ExactFigures {
    const [count, overflow, sumUs, minUs, maxUs] = figures as unknown as [number, number, number, number, number];
    return { count, overflow, sumUs, minUs, maxUs };
  }

  /** The first and the last bucket that may be in use; none when empty. */
  function range(): readonly [number, number] {
    return figures[COUNT] === 0 ? [0, -1] : [recordedBucket(figures[MIN]), recordedBucket(figures[MAX])];
  }

  function merge({ count, overflow, sumUs, minUs, maxUs }: ExactFigures): void {
    figures[COUNT] = (figures[COUNT] as number) + count;
    figures[OVERFLOW] = (figures[OVERFLOW] as number) + overflow;
    figures[SUM] = (figures[SUM] as number) + sumUs;
    figures[MIN] = Math.min(figures[MIN] as number, minUs);
    figures[MAX] = Math.max(figures[MAX] as number, maxUs);
  }

  return {
    get hdr() {
      hdr ??= emptyHdr();
      fillHdr(hdr, counts, range());
      hdr.maxValue = figures[COUNT] === 0 ? 0 : Math.min(figures[MAX] as number, HIGHEST_US);
      return hdr;
    },
    get count() {
      return figures[COUNT] as number;
    },
    get overflow() {
      return figures[OVERFLOW] as number;
    },
    get minUs() {
      return figures[COUNT] === 0 ? null : (figures[MIN] as number);
    },
    get maxUs() {
      return figures[COUNT] === 0 ? null : (figures[MAX] as number);
    },
    get sumUs() {
      return figures[SUM] as number;
    },
    get meanUs() {
      return figures[COUNT] === 0 ? null : (figures[SUM] as number) / (figures[COUNT] as number);
    },
    record(us) {
      const whole = wholeUs(us);
      let recorded = whole;
      if (whole > HIGHEST_US) {
        recorded = HIGHEST_US;
        figures[OVERFLOW] = (figures[OVERFLOW] as number) + 1;
      }
      const bucket = bucketOf(recorded);
      counts[bucket] = (counts[bucket] as number) + 1;
      figures[COUNT] = (figures[COUNT] as number) + 1;
      figures[SUM] = (figures[SUM] as number) + whole;
      if (whole < (figures[MIN] as number)) {
        figures[MIN] = whole;
      }
      if (whole > (figures[MAX] as number)) {
        figures[MAX] = whole;
      }
    },
    percentileUs(p) {
      const { count, overflow, minUs, maxUs } = exact();
      if (count === 0) {
        return null;
      }
      const rank = nearestRank(p, count);
      // Those above 1 h have no bucket of their own: the maximum is the one thing known of them.
      if (rank > count - overflow) {
        return maxUs;
      }
      let bucket = recordedBucket(minUs);
      let seen = counts[bucket] as number;
      while (seen < rank) {
        seen += counts[++bucket] as number;
      }
      // Of a bucket's values the highest is reported, which may lie above every sample.
      return Math.min(highestOf(bucket), maxUs);
    },
    forEachBucket(visit) {
      const [first, last] = range();
      for (let bucket = first; bucket <= last; bucket++) {
        const count = counts[bucket] as number;
        if (count > 0) {
          visit(lowestOf(bucket), highestOf(bucket), count);
        }
      }
    },
    add(other) {
      if (other.count > 0) {
        this.addPacked(other.pack());
      }
    },
    pack: () => packCounts(counts, exact()),
    addPacked(packed) {
      addPackedCounts(packed, counts);
      merge(packed);
    },
    reset() {
      const [first, last] = range();
      counts.fill(0, first, last + 1);
      clearFigures();
    },
  };
}

function recordedBucket(us: number | undefined): number {
  return bucketOf(Math.min(us as number, HIGHEST_US));
}

/** The library, loaded when it is first needed: its 30 ms are more than many a reduction takes, and few files need it. */
function library(): typeof Hdr {
  return require('hdr-histogram-js');
}
const require = createRequire(import.meta.url);

function emptyHdr(): HdrHistogram {
  return library().build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
    bitBucketSize: 64,
    autoResize: false,
  }) as HdrHistogram;
}

/** Puts flat counts into the library's object, whose buckets are the same. */
function fillHdr(hdr: HdrHistogram, counts: Float64Array, [first, last]: readonly [number, number]): void {
  hdr.reset();
  let total = 0;
  for (let bucket = last; bucket >= first; bucket--) {
    const count = counts[bucket] as number;
    if (count > 0) {
      hdr.addToCountAtIndex(bucket, count);
      total += count;
      // As the library itself has it of a histogram that it decodes.
      hdr.minNonZeroValue = bucket > 0 ? lowestOf(bucket) : hdr.minNonZeroValue;
    }
  }
  hdr.setTotalCount(total);
}

/**
 * The beginning of an HdrHistogram log (.hlog): version, start time, unit and legend. Intervals follow with
 * `hlogInterval`. `startedEpochS` is the log's start in epoch seconds.
 */
export function hlogHead(startedEpochS: number): string {
  return hlogText((log) => {
    log.outputLogFormatVersion();
    log.outputComment('[Unit: recorded values are whole microseconds, Interval_Max is in milliseconds]');
    log.outputStartTime(startedEpochS * 1000);
    log.outputLegend();
  });
}

/**
 * A histogram's percentile distribution (.hgrm), values in ms, five steps for each halving of the distance to 100 %. None
 * is above the exact maximum, where the library prints the end of its bucket.
 */
export function hgrmText(histogram: Histogram): string {
  const ticksPerHalving = 5;
  const usPerMs = 1000;
  const { hdr } = histogram;
  const maxMs = hdr.maxValue / usPerMs;
  return hdr
    .outputPercentileDistribution(ticksPerHalving, usPerMs)
    .replace(/^ *[\d.]+(?= [\d.]+ )/gm, (value) =>
      Number(value) > maxMs ? maxMs.toFixed(3).padStart(value.length) : value,
    );
}

/** One line of an HdrHistogram log: what a histogram holds of the interval between two epoch seconds. A tag has no comma. */
export function hlogInterval(histogram: Histogram, fromEpochS: number, toEpochS: number, tag?: string): string {
  const usPerMs = 1000;
  const { hdr } = histogram;
  if (tag !== undefined) {
    hdr.tag = tag;
  }
  return hlogText((log) => log.outputIntervalHistogram(hdr, fromEpochS, toEpochS, usPerMs));
}

function hlogText(write: (log: Hdr.HistogramLogWriter) => void): string {
  let text = '';
  write(
    new (library().HistogramLogWriter)((part) => {
      text += part;
    }),
  );
  return text;
}
