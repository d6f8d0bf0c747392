import { build, type Histogram as HdrHistogram, HistogramLogWriter, type Int32Histogram } from 'hdr-histogram-js';

/** The range of a recorded duration: 1 µs to 1 h. What is longer is recorded as 1 h and counted in `overflow`. */
export const HIGHEST_US = 3_600_000_000;
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
  /** Adds all samples of another histogram. */
  add(other: Histogram): void;
  reset(): void;
  /** The same content in a small form; `addPacked` brings it back. */
  pack(): PackedHistogram;
  addPacked(packed: PackedHistogram): void;
  /** HdrHistogram's own object, for files that other HDR tools read. */
  readonly hdr: HdrHistogram;
}

/** The 1-based rank of percentile `p` among `n` sorted samples, ceil(p · n), free of the rounding of the product. */
export function nearestRank(p: number, n: number): number {
  const product = p * n;
  // 0.07 · 100 is 7.000000000000001 in doubles: one unit in the last place comes off before rounding up.
  return Math.max(1, Math.ceil(product - product * Number.EPSILON));
}

/** An empty histogram. It holds about 95 kB; `reset` and reuse where many are needed in turn. */
export function histogram(): Histogram {
  // 32-bit counters: narrower ones wrap around, and a packed one is ten times slower.
  const hdr = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: DIGITS,
    bitBucketSize: 32,
    autoResize: false,
  }) as Int32Histogram;
  let count = 0;
  let overflow = 0;
  let minUs = Number.POSITIVE_INFINITY;
  let maxUs = Number.NEGATIVE_INFINITY;
  let sumUs = 0;
  let minNonZeroUs = Number.MAX_SAFE_INTEGER;

  /** The library's object with its own totals brought up to date: `record` passes them by. */
  function synced(): Int32Histogram {
    hdr.setTotalCount(count);
    hdr.maxValue = count === 0 ? 0 : Math.min(maxUs, HIGHEST_US);
    hdr.minNonZeroValue = minNonZeroUs;
    return hdr;
  }

  function mergeExact(exact: ExactFigures): void {
    count += exact.count;
    overflow += exact.overflow;
    sumUs += exact.sumUs;
    minUs = Math.min(minUs, exact.minUs);
    maxUs = Math.max(maxUs, exact.maxUs);
    minNonZeroUs = Math.min(minNonZeroUs, exact.minNonZeroUs);
  }

  return {
    get hdr() {
      return synced();
    },
    get count() {
      return count;
    },
    get overflow() {
      return overflow;
    },
    get minUs() {
      return count === 0 ? null : minUs;
    },
    get maxUs() {
      return count === 0 ? null : maxUs;
    },
    get sumUs() {
      return sumUs;
    },
    get meanUs() {
      return count === 0 ? null : sumUs / count;
    },
    record(us) {
      const whole = Math.round(us);
      // hdr-histogram-js would count NaN as 0 and Infinity as a sample.
      if (!(whole >= 0 && whole < Number.POSITIVE_INFINITY)) {
        throw new RangeError(`Not a duration: ${us} us`);
      }
      if (whole > HIGHEST_US) {
        overflow++;
      }
      // Ten times as fast as the library's recordValue, which does the same through logarithms and powers.
      hdr.incrementCountAtIndex(bucketOf(Math.min(whole, HIGHEST_US)));
      if (whole > 0 && whole < minNonZeroUs) {
        minNonZeroUs = Math.min(whole, HIGHEST_US);
      }
      count++;
      sumUs += whole;
      minUs = Math.min(minUs, whole);
      maxUs = Math.max(maxUs, whole);
    },
    percentileUs(p) {
      if (count === 0) {
        return null;
      }
      const rank = nearestRank(p, count);
      // Those above 1 h have no bucket of their own: the maximum is the one thing known of them.
      if (rank > count - overflow) {
        return maxUs;
      }
      // Searched from the bucket of the minimum: the library's own search passes all 23,000 from 0 on, up to 0.7 ms a call.
      let index = bucketOf(Math.min(minUs, HIGHEST_US));
      let seen = hdr.getCountAtIndex(index);
      while (seen < rank) {
        seen += hdr.getCountAtIndex(++index);
      }
      // Of a bucket's values the highest is reported, which may lie above every sample.
      return Math.min(hdr.highestEquivalentValue(hdr.valueFromIndex(index)), maxUs);
    },
    add(other) {
      const { hdr: otherHdr, count: otherCount, overflow: otherOverflow, sumUs: otherSumUs } = other;
      if (otherCount === 0) {
        return;
      }
      synced().add(otherHdr as Int32Histogram);
      mergeExact({
        count: otherCount,
        overflow: otherOverflow,
        sumUs: otherSumUs,
        minUs: other.minUs as number,
        maxUs: other.maxUs as number,
        minNonZeroUs: hdr.minNonZeroValue,
      });
    },
    pack() {
      const last = count === 0 ? -1 : bucketOf(Math.min(maxUs, HIGHEST_US));
      const bytes: number[] = [];
      let empty = count === 0 ? 0 : bucketOf(Math.min(minUs, HIGHEST_US));
      for (let index = empty; index <= last; index++) {
        const inBucket = hdr.getCountAtIndex(index);
        if (inBucket === 0) {
          empty++;
          continue;
        }
        pushVarint(bytes, empty);
        pushVarint(bytes, inBucket);
        empty = 0;
      }
      return { buckets: Uint8Array.from(bytes), count, overflow, sumUs, minUs, maxUs, minNonZeroUs };
    },
    addPacked(packed) {
      let index = -1;
      eachVarintPair(packed.buckets, (empty, inBucket) => {
        index += empty + 1;
        hdr.addToCountAtIndex(index, inBucket);
      });
      mergeExact(packed);
    },
    reset() {
      hdr.reset();
      count = 0;
      overflow = 0;
      sumUs = 0;
      minUs = Number.POSITIVE_INFINITY;
      maxUs = Number.NEGATIVE_INFINITY;
      minNonZeroUs = Number.MAX_SAFE_INTEGER;
    },
  };
}

/** HdrHistogram's index of a whole number below 2^32 at 3 digits: exact up to 2047, then 1024 steps for each doubling. */
function bucketOf(value: number): number {
  const shift = Math.max(0, 21 - Math.clz32(value));
  return shift * 1024 + (value >>> shift);
}

interface ExactFigures {
  readonly count: number;
  readonly overflow: number;
  readonly sumUs: number;
  readonly minUs: number;
  readonly maxUs: number;
  readonly minNonZeroUs: number;
}

/**
 * A histogram at rest, in memory only: some hundred bytes instead of 95 kB, with the exact figures beside the buckets.
 * About as small as the library's compressed text and ten times as fast.
 */
export interface PackedHistogram extends ExactFigures {
  /** For each bucket in use, ascending: how many empty ones precede it, and its count; base 128, lowest digit first. */
  readonly buckets: Uint8Array;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) + 128);
  }
  bytes.push(rest);
}

function eachVarintPair(bytes: Uint8Array, visit: (first: number, second: number) => void): void {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte % 128) * scale;
      if (byte < 128) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    visit(next(), next());
  }
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

/** One line of an HdrHistogram log: what a histogram holds of the interval between two epoch seconds. */
export function hlogInterval(histogram: Histogram, fromEpochS: number, toEpochS: number): string {
  const usPerMs = 1000;
  return hlogText((log) => log.outputIntervalHistogram(histogram.hdr, fromEpochS, toEpochS, usPerMs));
}

function hlogText(write: (log: HistogramLogWriter) => void): string {
  let text = '';
  write(
    new HistogramLogWriter((part) => {
      text += part;
    }),
  );
  return text;
}
