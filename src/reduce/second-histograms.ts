import { type Histogram, histogram, type PackedHistogram } from './histogram.js';

/** Durations kept as they are before they are packed into histograms: 4 MB. */
const LOOSE_VALUES = 500_000;
/** Fewer loose values than this in a second are smaller than a packed histogram of them. */
const WORTH_PACKING = 64;

/** What a second holds: durations in µs as they came, and packed those that came before. */
interface Bin {
  count: number;
  loose: number[];
  packed: PackedHistogram | null;
}

/** A histogram for each second, for any number of seconds and rows in any order. */
export interface SecondHistograms {
  /** Records a duration in µs. */
  record(second: number, us: number): void;
  /** How many were recorded in a second. */
  countAt(second: number): number;
  /** The histogram of a second, undefined when nothing was recorded in it; the object is reused by the next call. */
  at(second: number): Histogram | undefined;
}

/**
 * Memory follows the number of seconds, not that of rows: what does not fit loosely is packed, through one histogram
 * that is reused. With `countsOnly` the durations are not kept.
 */
export function secondHistograms({ countsOnly = false } = {}): SecondHistograms {
  const bins = new Map<number, Bin>();
  const scratch = histogram();
  let loose = 0;
  let packAt = LOOSE_VALUES;
  // Rows come mostly in order: the bin of the last one saves most look-ups.
  let recentS = Number.NaN;
  let recent: Bin = { count: 0, loose: [], packed: null };

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

  return {
    record(second, us) {
      if (second !== recentS) {
        recentS = second;
        let bin = bins.get(second);
        if (!bin) {
          bin = { count: 0, loose: [], packed: null };
          bins.set(second, bin);
        }
        recent = bin;
      }
      recent.count++;
      if (!countsOnly) {
        recent.loose.push(us);
        if (++loose >= packAt) {
          packLoose();
        }
      }
    },
    countAt: (second) => bins.get(second)?.count ?? 0,
    at(second) {
      const bin = bins.get(second);
      return bin && !countsOnly ? load(bin) : undefined;
    },
  };
}
