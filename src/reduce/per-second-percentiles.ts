import { BenchError } from '../errors.js';
import type { QuickRows } from '../samples/plain-rows.js';
import type { RequestBlock } from '../samples/request-block.js';
import { US_PER_S } from '../units.js';
import { HIGHEST_US } from './buckets.js';
import type { Histogram } from './histogram.js';
import type { RowScanner } from './row-scanner.js';
import { secondHistograms } from './second-histograms.js';

/** Which moments of a request put it into a second. `intended` and `start` differ in what the block's start column holds. */
export const ATTRIBUTIONS = ['completion', 'intended', 'start', 'overlap'] as const;
export type Attribution = (typeof ATTRIBUTIONS)[number];

/** Above this, a stream of seconds is a mistake of units rather than a measurement. */
export const MAX_SECONDS = 10_000_000;

export interface PerSecondOptions {
  readonly by: Attribution;
  /** Requests that count: successes, or every one that was sent. */
  readonly population: 'ok' | 'all';
  /** Only counts are wanted. */
  readonly countsOnly: boolean;
  /** Counts plain rows without a block; what `overlap` asks for is none of it. */
  readonly scanner?: RowScanner | undefined;
}

/** Where a block comes from. */
export interface BlockSource {
  readonly file: string;
  /** Units per second of the block's times. */
  readonly timeFactor: number;
}

/** One second of the stream. */
export interface StreamSecond {
  readonly epochS: number;
  readonly count: number;
  /** Latencies of the second in µs; null when there are none. The object is reused for the next second. */
  readonly histogram: Histogram | null;
}

/** The seconds from the first to the last that a sent request fell into, those without a sample included. */
export interface PerSecondStream {
  /** Samples counted, once per second they fall into. */
  readonly samples: number;
  /** Samples above 1 h, for which a percentile is the maximum of its second. */
  readonly overlong: number;
  /** Null when there was no request at all. */
  readonly firstS: number | null;
  seconds(): Iterable<StreamSecond>;
}

/** Folds requests into whole seconds of their epoch, in any order. */
export interface PerSecondFold {
  add(block: RequestBlock, source: BlockSource): void;
  /** The same for rows where they are read; undefined without a scanner. */
  readonly quick: QuickRows | undefined;
  finish(): PerSecondStream;
}

/**
 * The second is floor(time / units per second); `overlap` takes every second with start < (s + 1)·tf and end >= s·tf.
 * Requests that the population leaves out stretch the stream, so that an outage shows as empty seconds.
 */
export function perSecondFold(options: PerSecondOptions): PerSecondFold {
  const { by, countsOnly, scanner } = options;
  const onlyOk = options.population === 'ok';
  const histograms = secondHistograms({ countsOnly, ...(scanner && { open: scanner.open }) });
  let firstS = Number.POSITIVE_INFINITY;
  let lastS = Number.NEGATIVE_INFINITY;
  let samples = 0;
  let overlong = 0;

  function stretch(from: number, to: number): boolean {
    const first = Math.min(firstS, from);
    const last = Math.max(lastS, to);
    if (last - first >= MAX_SECONDS) {
      return false;
    }
    firstS = first;
    lastS = last;
    return true;
  }

  function quickRows(scanner: RowScanner): QuickRows {
    return {
      take(bytes, from, to, { timeFactor, outcome }) {
        if (firstS > lastS) {
          // No second is open that a row could be counted in.
          return { end: from, rows: 0 };
        }
        const scan = scanner.scan(
          bytes,
          from,
          to,
          {
            timeFactor,
            by: by === 'completion' ? 'end' : 'start',
            outcome,
            countsOnly,
            earliestS: firstS,
            latestS: histograms.latest,
          },
          histograms.record,
        );
        samples += scan.rows;
        return scan;
      },
    };
  }

  return {
    quick: scanner && by !== 'overlap' ? quickRows(scanner) : undefined,
    add(block, source) {
      const { start, end, latency, ok } = block;
      const { timeFactor } = source;
      for (let row = 0; row < block.count; row++) {
        const startS = Math.floor((start[row] as number) / timeFactor);
        const endS = Math.floor((end[row] as number) / timeFactor);
        const from = by === 'completion' ? endS : startS;
        const to = by === 'completion' || by === 'overlap' ? endS : startS;
        if ((from < firstS || to > lastS) && !stretch(from, to)) {
          throw tooManySeconds(`${source.file}:${block.line[row]}`, { from, to, firstS, lastS });
        }
        if (onlyOk && ok[row] === 0) {
          continue;
        }
        const us = ((latency[row] as number) * US_PER_S) / timeFactor;
        overlong += us > HIGHEST_US ? 1 : 0;
        samples += to - from + 1;
        for (let second = from; second <= to; second++) {
          histograms.record(second, us);
        }
      }
    },
    finish: () => ({
      samples,
      overlong,
      firstS: firstS > lastS ? null : firstS,
      *seconds() {
        for (let epochS = firstS; epochS <= lastS; epochS++) {
          yield { epochS, count: histograms.countAt(epochS), histogram: histograms.at(epochS) ?? null };
        }
      },
    }),
  };
}

interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly firstS: number;
  readonly lastS: number;
}

function tooManySeconds(place: string, { from, to, firstS, lastS }: Stretch): BenchError {
  const far = firstS > lastS ? `covers the seconds ${from} to ${to}` : `is in second ${from < firstS ? from : to}`;
  const others = firstS > lastS ? '' : `, the rows before it in ${firstS} to ${lastS}`;
  return new BenchError(
    'usage',
    `${place}: this row ${far}${others}: that is more than ${MAX_SECONDS} seconds of output`,
    {
      hint: '--time-factor is the number of units per second: 1000 for ms, 1000000 for µs; all rows must have the same epoch and unit',
    },
  );
}
