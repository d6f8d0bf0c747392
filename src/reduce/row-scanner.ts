import { AREA_BYTES, type ReadAreas } from '../samples/chunks.js';
import { loadScanner } from '../samples/scanner-module.js';
import { BUCKETS } from './buckets.js';
import { COUNTS_BYTES, FIGURES_BYTES, MOST_OPEN, OPEN_SECONDS, type OpenSeconds, openSeconds } from './open-seconds.js';

/** Rows of seconds that are not open, at most so many at a time. */
const LATE_ROWS = 16_384;
const LATE_BYTES = LATE_ROWS * 2 * Float64Array.BYTES_PER_ELEMENT;

/** Where things are in the scanner's memory; below are its own data, and it may look 64 bytes further than an area. */
const FIGURES_AT = 1024;
const LATE_AT = FIGURES_AT + FIGURES_BYTES;
const COUNTS_AT = LATE_AT + LATE_BYTES;
const AREAS_AT = COUNTS_AT + COUNTS_BYTES;
const MEMORY_BYTES = AREAS_AT + 2 * AREA_BYTES + 64;

/** What the rows of a scan are. */
export interface ScanOptions {
  /** Units per second of the file's times. */
  readonly timeFactor: number;
  /** The moment that puts a row into a second. */
  readonly by: 'start' | 'end';
  /** There is a fourth column, which is `ok` in the rows that are taken. */
  readonly outcome: boolean;
  readonly countsOnly: boolean;
  /** Seconds that rows may lie in without being looked at first. */
  readonly earliestS: number;
  readonly latestS: number;
}

/** The scanner in WebAssembly, with the seconds that it counts in. */
export interface RowScanner {
  readonly open: OpenSeconds;
  /** Where the bytes must lie that it reads. */
  readonly areas: ReadAreas;
  /**
   * Counts rows of [from, to), where bytes[to - 1] is a line feed, up to the first one that it is not sure of. Returns
   * the index after the last one taken, and calls `late` for those of seconds that are not open. Bytes outside of the
   * areas are not looked at.
   */
  scan(
    bytes: Uint8Array,
    from: number,
    to: number,
    options: ScanOptions,
    late: (second: number, us: number) => void,
  ): Scan;
}

/** What came of a scan. */
export interface Scan {
  readonly end: number;
  readonly rows: number;
}

/** The scanner; undefined where it was not built or the processor has no SIMD. */
export function rowScanner(): RowScanner | undefined {
  const module = loadScanner(MEMORY_BYTES);
  if (!module) {
    return undefined;
  }
  const { memory } = module;
  module.layOut(FIGURES_AT, COUNTS_AT, LATE_AT, OPEN_SECONDS, BUCKETS, LATE_ROWS, MOST_OPEN);
  const lateRows = new Float64Array(memory, LATE_AT, LATE_ROWS * 2);
  return {
    open: openSeconds(memory, FIGURES_AT, COUNTS_AT),
    areas: [new Uint8Array(memory, AREAS_AT, AREA_BYTES), new Uint8Array(memory, AREAS_AT + AREA_BYTES, AREA_BYTES)],
    scan(bytes, from, to, options, late) {
      if (bytes.buffer !== memory) {
        return { end: from, rows: 0 };
      }
      const { timeFactor, by, outcome, countsOnly, earliestS, latestS } = options;
      const { byteOffset } = bytes;
      const stop = module.scan(
        byteOffset + from,
        byteOffset + to,
        timeFactor,
        by === 'end',
        outcome,
        countsOnly,
        earliestS,
        latestS,
      );
      for (let row = 0; row < module.lateRows.value; row++) {
        late(lateRows[2 * row] as number, lateRows[2 * row + 1] as number);
      }
      return { end: stop - byteOffset, rows: module.rows.value };
    },
  };
}
