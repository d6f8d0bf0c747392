import type { ChunkGaps } from '../samples/chunk-gaps.js';
import { DROPPED_CODE, OK_CODE, SAMPLE_CODES, WARMUP_CODE } from '../samples/outcomes.js';
import type { SampleBlock } from '../samples/sample.js';
import type { Sink } from '../samples/sink.js';
import { US_PER_S } from '../units.js';
import { toMs } from './distribution.js';
import { type Histogram, nearestRank } from './histogram.js';
import { REQUEST_TIMES_US } from './request-times.js';
import { type SecondHistograms, secondHistograms } from './second-histograms.js';

/** Durations that each request has one of, with the names of thresholds. */
const REQUEST_DURATIONS = ['latency', 'service_time', 'ttft', 'tpot'] as const;
/** All that a comparison looks at; of the gaps between the chunks of an answer there are many. */
export const DURATIONS = [...REQUEST_DURATIONS, 'itl_chunk'] as const;
export type DurationMetric = (typeof DURATIONS)[number];

/** One number of each block. */
export type Figure =
  | {
      readonly metric: DurationMetric;
      /** A percentile in (0, 1), the mean or the maximum. */
      readonly of: number | 'avg' | 'max';
      /** `all_inf`: what failed or was dropped never ended; of latency alone. */
      readonly population: 'ok' | 'all_inf';
    }
  /** ok requests, or the items in them, that ended in a second; the share of requests that failed. */
  | { readonly metric: 'throughput' | 'items' | 'error_rate' };

/** Whether more of a figure is worse. */
export function moreIsWorse({ metric }: Figure): boolean {
  return metric !== 'throughput' && metric !== 'items';
}

/** In ms, per second or a ratio; null where there are too few requests for it, Infinity among requests that never ended. */
export type FigureValue = number | null;

/** Requests in numbered bins, and the figures of each. */
export interface FigureBins {
  addOk(bin: number, of: SampleBlock, row: number): void;
  /** A request that failed, was dropped or left open. */
  addLost(bin: number): void;
  /** The gaps between the chunks of an ok answer. */
  addGaps(bin: number, gapsUs: readonly number[]): void;
  /** An ok request that ended in the bin, with so many items. */
  addEnded(bin: number, items: number): void;
  /** Measured time, for what is per second. */
  addTime(bin: number, us: number): void;
  valueOf(figure: Figure, bin: number): FigureValue;
  /** Requests that were lost, in all bins; and whether any answer told of tokens. */
  readonly lost: number;
  readonly streamed: boolean;
}

export function figureBins(bins: number): FigureBins {
  const durations = Object.fromEntries(DURATIONS.map((metric) => [metric, secondHistograms()])) as Record<
    DurationMetric,
    SecondHistograms
  >;
  const [ok, lost, ended, items, timeUs] = Array.from({ length: 5 }, () => new Float64Array(bins)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let streamed = false;

  return {
    addOk(bin, of, row) {
      add(ok, bin, 1);
      for (const metric of REQUEST_DURATIONS) {
        const us = REQUEST_TIMES_US[metric](of, row);
        if (!Number.isNaN(us)) {
          durations[metric].record(bin, us);
          streamed ||= metric === 'ttft';
        }
      }
    },
    addLost: (bin) => add(lost, bin, 1),
    addGaps(bin, gapsUs) {
      for (const us of gapsUs) {
        durations.itl_chunk.record(bin, us);
      }
    },
    addEnded(bin, itemsOf) {
      add(ended, bin, 1);
      add(items, bin, itemsOf);
    },
    addTime: (bin, us) => add(timeUs, bin, us),
    valueOf(figure, bin) {
      const perS = (sum: Float64Array) => (timeUs[bin] ? ((sum[bin] as number) * US_PER_S) / timeUs[bin] : null);
      switch (figure.metric) {
        case 'throughput':
          return perS(ended);
        case 'items':
          return perS(items);
        case 'error_rate': {
          const judged = (ok[bin] as number) + (lost[bin] as number);
          return judged === 0 ? null : (lost[bin] as number) / judged;
        }
        default:
          return durationOf(
            durations[figure.metric].at(bin),
            figure.of,
            figure.population === 'all_inf' ? (lost[bin] as number) : 0,
          );
      }
    },
    get lost() {
      return lost.reduce((sum, one) => sum + one, 0);
    },
    get streamed() {
      return streamed;
    },
  };
}

function add(column: Float64Array, bin: number, by: number): void {
  column[bin] = (column[bin] as number) + by;
}

/** A figure of `ok` durations with `infinite` requests above them, ms. A percentile needs 1/(1 − p) requests: of fewer it is the maximum. */
function durationOf(ok: Histogram | undefined, of: number | 'avg' | 'max', infinite: number): FigureValue {
  const n = (ok?.count ?? 0) + infinite;
  if (n === 0) {
    return null;
  }
  if (typeof of === 'string') {
    return infinite > 0 ? Number.POSITIVE_INFINITY : toMs((of === 'avg' ? ok?.meanUs : ok?.maxUs) ?? null);
  }
  if (n * (1 - of) < 1 - 1e-9) {
    return null;
  }
  const rank = nearestRank(of, n);
  return ok && rank <= ok.count ? toMs(ok.percentileUs(rank / ok.count)) : Number.POSITIVE_INFINITY;
}

/** The measured window of a run, cut into equal blocks; what is left at the end belongs to the last one. µs from its start. */
export interface BlockCut {
  readonly fromUs: number;
  readonly toUs: number;
  readonly blockUs: number;
}

/** How many whole blocks a window has; 1 where it is shorter than one. */
export function blockCount({ fromUs, toUs, blockUs }: BlockCut): number {
  return Math.max(1, Math.floor((toUs - fromUs) / blockUs));
}

/** Where the blocks of a run go: the first of its bins, and the single bin of all that a side measured. */
export interface BlockBins {
  readonly bins: FigureBins;
  readonly first: number;
  readonly side: FigureBins;
}

/**
 * Folds a run's samples into blocks by intended start, so that the blocks together are the run's own population;
 * throughput by the end, inside of the window, and so are the gaps of chunks, whose file knows no other time. The warm-up
 * is left out, failures of this machine are in no population.
 * Several runs that go to the same bins are merged there, request by request.
 */
export function blockFold(
  cut: BlockCut,
  { bins, first, side }: BlockBins,
): Pick<Sink, 'rows'> & { gaps(answer: ChunkGaps): void } {
  const { fromUs, toUs, blockUs } = cut;
  const blocks = blockCount(cut);
  for (let block = 0; block < blocks; block++) {
    bins.addTime(first + block, block === blocks - 1 ? toUs - fromUs - block * blockUs : blockUs);
  }
  side.addTime(0, toUs - fromUs);

  function binAt(us: number): number {
    return first + Math.max(0, Math.min(blocks - 1, Math.floor((us - fromUs) / blockUs)));
  }

  function take(of: SampleBlock, row: number): void {
    const code = of.outcome[row] as number;
    const bin = binAt(of.intendedUs[row] as number);
    if (code === OK_CODE) {
      const endUs = of.endUs[row] as number;
      bins.addOk(bin, of, row);
      side.addOk(0, of, row);
      if (endUs <= toUs) {
        bins.addEnded(binAt(endUs), of.batch[row] as number);
        side.addEnded(0, of.batch[row] as number);
      }
    } else if (SAMPLE_CODES[code] === 1 || code === DROPPED_CODE) {
      bins.addLost(bin);
      side.addLost(0);
    }
  }

  return {
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        if (block.phase[row] !== WARMUP_CODE) {
          take(block, row);
        }
      }
    },
    gaps({ phase, endUs, gapsUs }) {
      if (phase !== 'warmup') {
        bins.addGaps(binAt(endUs), gapsUs);
        side.addGaps(0, gapsUs);
      }
    },
  };
}
