import { type Histogram, histogram, type PackedHistogram } from './histogram.js';

/** So many histograms are open at a time; 95 kB each. */
const OPEN = 32;

/** A histogram for each second, for any number of seconds: those not in use rest in a packed form. */
export interface SecondHistograms {
  record(second: number, us: number): void;
  /** The histogram of a second, undefined when nothing was recorded in it; good until the next call. */
  at(second: number): Histogram | undefined;
}

/**
 * Rows may come in any order, so no second is ever final; memory follows the number of seconds, not that of rows. The
 * least recently used histogram is packed when another is needed.
 */
export function secondHistograms(): SecondHistograms {
  // A Map iterates in the order of insertion: the first entry is the least recently used.
  const open = new Map<number, Histogram>();
  const packed = new Map<number, PackedHistogram>();
  let lastSecond = Number.NaN;
  let lastHistogram: Histogram | undefined;

  function take(second: number): Histogram {
    const held = open.get(second);
    if (held) {
      open.delete(second);
      open.set(second, held);
      return held;
    }
    const fresh = open.size < OPEN ? histogram() : packOldest();
    const rested = packed.get(second);
    if (rested) {
      fresh.addPacked(rested);
      packed.delete(second);
    }
    open.set(second, fresh);
    return fresh;
  }

  function packOldest(): Histogram {
    const [second, oldest] = open.entries().next().value as [number, Histogram];
    packed.set(second, oldest.pack());
    open.delete(second);
    oldest.reset();
    return oldest;
  }

  function last(second: number): Histogram {
    if (second !== lastSecond || !lastHistogram) {
      lastHistogram = take(second);
      lastSecond = second;
    }
    return lastHistogram;
  }

  return {
    record: (second, us) => last(second).record(us),
    at: (second) => (open.has(second) || packed.has(second) ? last(second) : undefined),
  };
}
