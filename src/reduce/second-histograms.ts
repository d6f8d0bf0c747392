import {
  BUCKETS,
  bucketOf,
  type ExactFigures,
  HIGHEST_US,
  type PackedHistogram,
  packCounts,
  wholeUs,
} from './buckets.js';
import { type Histogram, histogram } from './histogram.js';
import {
  COUNT,
  COUNTS_BYTES,
  FIGURES,
  FIGURES_BYTES,
  freePlace,
  MAX_US,
  MIN_US,
  MOST_OPEN,
  type OpenSeconds,
  OVERFLOW,
  openSeconds,
  placeOf,
  SECOND,
  SUM_US,
} from './open-seconds.js';

/** Late durations kept as they are before they are packed into histograms: 4 MB. */
const LOOSE_VALUES = 500_000;
/** Fewer loose values than this in a second are smaller than a packed histogram of them. */
const WORTH_PACKING = 64;

/** What a second holds besides what is counted while it is open. */
interface Bin {
  count: number;
  loose: number[];
  packed: PackedHistogram | null;
}

/** A histogram for each second, for any number of seconds and rows in any order. */
export interface SecondHistograms {
  /** Records a duration in µs. Throws RangeError on what is none. */
  record(second: number, us: number): void;
  /** How many were recorded in a second. */
  countAt(second: number): number;
  /** The histogram of a second, undefined when nothing was recorded in it; the object is reused by the next call. */
  at(second: number): Histogram | undefined;
  /** The latest second that was ever open, −Infinity before the first: what is not open and not above it is late. */
  readonly latest: number;
}

export interface SecondHistogramsOptions {
  /** Only counts are wanted: durations are not kept. */
  readonly countsOnly?: boolean;
  /** Where the seconds being written are counted; others may count there too. */
  readonly open?: OpenSeconds;
}

/**
 * Memory follows the number of seconds, not that of rows. Rows come mostly in order: a second is opened when it is the
 * latest so far, counted in flat arrays, and packed when one much later takes its place. Rows of other seconds are kept
 * loosely until there are many, and then packed.
 */
export function secondHistograms(options: SecondHistogramsOptions = {}): SecondHistograms {
  const { countsOnly = false } = options;
  const { figures, counts } =
    options.open ?? openSeconds(new ArrayBuffer(FIGURES_BYTES + COUNTS_BYTES), 0, FIGURES_BYTES);
  const bins = new Map<number, Bin>();
  const scratch = histogram();
  let latest = Number.NEGATIVE_INFINITY;
  let loose = 0;
  let packAt = LOOSE_VALUES;
  let recentS = Number.NaN;
  let recent: Bin = { count: 0, loose: [], packed: null };

  function binOf(second: number): Bin {
    if (second !== recentS) {
      recentS = second;
      let bin = bins.get(second);
      if (!bin) {
        bin = { count: 0, loose: [], packed: null };
        bins.set(second, bin);
      }
      recent = bin;
    }
    return recent;
  }

  function recordLate(second: number, us: number): void {
    const bin = binOf(second);
    bin.count++;
    if (!countsOnly) {
      bin.loose.push(us);
      if (++loose >= packAt) {
        packLoose();
      }
    }
  }

  function packLoose(): void {
    for (const bin of bins.values()) {
      if (bin.loose.length >= WORTH_PACKING) {
        loose -= bin.loose.length;
        bin.packed = load(bin).pack();
        bin.loose = [];
      }
    }
    // In proportion to the seconds, or a shuffled input would have all of them packed for every few rows of each.
    packAt = loose + Math.max(LOOSE_VALUES, bins.size * WORTH_PACKING);
  }

  function load(bin: Bin): Histogram {
    scratch.reset();
    if (bin.packed) {
      scratch.addPacked(bin.packed);
    }
    for (const us of bin.loose) {
      scratch.record(us);
    }
    return scratch;
  }

  function open(place: number, second: number): void {
    close(place);
    figures[place * FIGURES + SECOND] = second;
  }

  function close(place: number): void {
    const at = place * FIGURES;
    const count = figures[at + COUNT] as number;
    if (count > 0) {
      const bin = binOf(figures[at + SECOND] as number);
      bin.count += count;
      if (!countsOnly) {
        bin.packed = packPlace(place, bin.packed, {
          count,
          overflow: figures[at + OVERFLOW] as number,
          sumUs: figures[at + SUM_US] as number,
          minUs: figures[at + MIN_US] as number,
          maxUs: figures[at + MAX_US] as number,
        });
      }
    }
    freePlace(figures, place);
  }

  /** Takes what a place has counted out of it, on top of what was packed before. */
  function packPlace(place: number, before: PackedHistogram | null, exact: ExactFigures): PackedHistogram {
    const flat = counts.subarray(place * BUCKETS, (place + 1) * BUCKETS);
    const packed = packCounts(flat, exact);
    flat.fill(0, bucketOf(Math.min(exact.minUs, HIGHEST_US)), bucketOf(Math.min(exact.maxUs, HIGHEST_US)) + 1);
    if (before === null) {
      return packed;
    }
    scratch.reset();
    scratch.addPacked(before);
    scratch.addPacked(packed);
    return scratch.pack();
  }

  return {
    record(second, us) {
      const whole = wholeUs(us);
      const place = placeOf(second);
      const at = place * FIGURES;
      if (figures[at + SECOND] !== second) {
        if (second <= latest) {
          recordLate(second, whole);
          return;
        }
        latest = second;
        open(place, second);
      } else if ((figures[at + COUNT] as number) >= MOST_OPEN) {
        open(place, second);
      }
      figures[at + COUNT] = (figures[at + COUNT] as number) + 1;
      if (countsOnly) {
        return;
      }
      let recorded = whole;
      if (whole > HIGHEST_US) {
        recorded = HIGHEST_US;
        figures[at + OVERFLOW] = (figures[at + OVERFLOW] as number) + 1;
      }
      const bucket = place * BUCKETS + bucketOf(recorded);
      counts[bucket] = (counts[bucket] as number) + 1;
      figures[at + SUM_US] = (figures[at + SUM_US] as number) + whole;
      if (whole < (figures[at + MIN_US] as number)) {
        figures[at + MIN_US] = whole;
      }
      if (whole > (figures[at + MAX_US] as number)) {
        figures[at + MAX_US] = whole;
      }
    },
    countAt(second) {
      const at = placeOf(second) * FIGURES;
      const open = figures[at + SECOND] === second ? (figures[at + COUNT] as number) : 0;
      return open + (bins.get(second)?.count ?? 0);
    },
    at(second) {
      const place = placeOf(second);
      if (figures[place * FIGURES + SECOND] === second) {
        close(place);
      }
      const bin = bins.get(second);
      return bin && !countsOnly ? load(bin) : undefined;
    },
    get latest() {
      return latest;
    },
  };
}
