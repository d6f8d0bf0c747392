import { BenchError } from '../errors.js';
import type { PsRow } from '../samples/percentile-ps-reader.js';
import { MAX_SECONDS } from './per-second-percentiles.js';

/** One line of the original's output: the second is floor(window end / time factor). */
export interface PsLine {
  readonly second: bigint;
  readonly value: number;
}

/** The largest latency that the original's histogram takes, in units of the input. */
const HIGHEST = 2 ** 26 - 1;

/** Exact up to 255, then 128 steps for each doubling. */
const SUB_BUCKETS = 256;
const HALF = SUB_BUCKETS / 2;
const BUCKETS = bucketOf(HIGHEST) + 1;

const U64 = 1n << 64n;

/**
 * The response times that `percentile-ps` of the Prism project prints, to the digit and with its faults: of the rows
 * that share a start only the last survives; windows trail from the first start, hold what has start <= t and
 * end > t − tf, and stop at the last end, so that late requests are missing; without a request they print 0.
 * Histograms of 2 digits: rank ceil(q · n) in doubles, highest value of the bucket. Throws where the original's histogram
 * refuses a latency that it would record.
 */
export function percentilePsTimes(rows: Iterable<PsRow>, timeFactor: number, quantile: number): Iterable<PsLine> {
  const tf = BigInt(timeFactor);
  const byStart = new Map<bigint, PsRow>();
  let lastEnd = -1n;
  for (const row of rows) {
    byStart.set(row.start, row);
    lastEnd = row.end > lastEnd ? row.end : lastEnd;
  }
  const starts = BigUint64Array.from(byStart.keys()).sort();
  const first = starts[0];
  if (first === undefined || lastEnd < first) {
    return [];
  }
  const windows = Number((lastEnd - first) / tf) + 1;
  refuseTooMany(windows);

  // Row i is in the windows from[i] to to[i]. starts are sorted, and so is `from`.
  const from = new Float64Array(starts.length);
  const to = new Float64Array(starts.length);
  const kept = Array.from(starts, (start) => byStart.get(start) as PsRow);
  kept.forEach(({ start, end }, index) => {
    from[index] = Number(ceilDivide(start - first, tf));
    to[index] = Number(ceilDivide(end - first, tf));
  });
  // Below one time factor t − tf wraps around to a huge number, which hardly any end is above: the first window is empty.
  if (first < tf && (kept[0] as PsRow).end <= first - tf + U64) {
    from[0] = 1;
  }
  const refused = kept.find(
    ({ latency }, index) => latency > HIGHEST && (from[index] as number) <= Math.min(to[index] as number, windows - 1),
  );
  if (refused) {
    const { file, line, latency } = refused;
    const message = `${file}:${line}: latency ${latency} is above ${HIGHEST}, which percentile-ps cannot record`;
    throw new BenchError('usage', message, { hint: 'without --compat percentile-ps there is no such limit' });
  }
  const leaving = Uint32Array.from(starts.keys()).sort((a, b) => (to[a] as number) - (to[b] as number));

  return (function* lines() {
    const counts = new Float64Array(BUCKETS);
    let total = 0;
    let entered = 0;
    let left = 0;
    const firstSecond = first / tf;
    for (let window = 0; window < windows; window++) {
      for (; entered < kept.length && (from[entered] as number) <= window; entered++) {
        if ((to[entered] as number) >= window) {
          const bucket = bucketOf(Number((kept[entered] as PsRow).latency));
          counts[bucket] = (counts[bucket] as number) + 1;
          total++;
        }
      }
      for (; left < leaving.length && (to[leaving[left] as number] as number) < window; left++) {
        const index = leaving[left] as number;
        // One that ended before it could be in any window never came in.
        if ((to[index] as number) >= (from[index] as number)) {
          const bucket = bucketOf(Number((kept[index] as PsRow).latency));
          counts[bucket] = (counts[bucket] as number) - 1;
          total--;
        }
      }
      yield { second: firstSecond + BigInt(window), value: valueAt(counts, total, quantile) };
    }
  })();
}

/**
 * Its operations per second: windows from the first end, both bounds inclusive, so that an end on a boundary counts
 * twice; the last one may be partial, and equal ends print nothing.
 */
export function percentilePsOps(rows: Iterable<{ readonly end: bigint }>, timeFactor: number): Iterable<PsLine> {
  const tf = BigInt(timeFactor);
  const ends = BigUint64Array.from(Array.from(rows, (row) => row.end)).sort();
  const first = ends[0];
  if (first === undefined) {
    return [];
  }
  const windows = Number(ceilDivide((ends.at(-1) as bigint) - first, tf));
  refuseTooMany(windows);
  const counts = new Float64Array(windows);
  const count = (window: number) => {
    if (window >= 0 && window < windows) {
      counts[window] = (counts[window] as number) + 1;
    }
  };
  for (const end of ends) {
    const window = Number((end - first) / tf);
    count(window);
    if ((end - first) % tf === 0n) {
      count(window - 1);
    }
  }
  const firstSecond = first / tf;
  return Array.from(counts, (value, window) => ({ second: firstSecond + BigInt(window), value }));
}

function refuseTooMany(windows: number): void {
  if (windows > MAX_SECONDS) {
    throw new BenchError(
      'usage',
      `The input spans ${windows} windows, which is more than ${MAX_SECONDS} lines of output`,
      {
        hint: '--time-factor is the number of units per second: 1000 for ms, 1000000 for µs; all rows must have the same epoch and unit',
      },
    );
  }
}

/** The bucket of a value from 0 to HIGHEST. */
function bucketOf(value: number): number {
  const shift = Math.max(0, 24 - Math.clz32(value));
  return shift * HALF + (value >> shift);
}

/** The lowest value of a bucket, and how many values share it. */
function bucketRange(bucket: number): { readonly lowest: number; readonly width: number } {
  const shift = Math.max(0, Math.floor(bucket / HALF) - 1);
  return { lowest: (bucket - shift * HALF) * 2 ** shift, width: 2 ** shift };
}

function valueAt(counts: Float64Array, total: number, quantile: number): number {
  if (total === 0) {
    return 0;
  }
  const rank = Math.max(1, Math.ceil(Math.min(1, quantile) * total) || 0);
  let seen = 0;
  let bucket = -1;
  while (seen < rank && bucket < BUCKETS - 1) {
    seen += counts[++bucket] as number;
  }
  const { lowest, width } = bucketRange(bucket);
  return quantile === 0 ? lowest : lowest + width - 1;
}

/** ceil(a / b) for b > 0. */
function ceilDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a > 0n && a % b !== 0n ? quotient + 1n : quotient;
}
