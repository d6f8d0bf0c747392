import { isFewFor, SUMMARY_PERCENTILES, toMs } from '../reduce/distribution.js';
import type { Histogram } from '../reduce/histogram.js';
import { CONFIDENCE, fewestSamples, rankInterval } from './early-stopping.js';

/** How much the run's samples can say about one percentile of latency, population `ok`. */
export interface PercentileConfidence {
  /** As in `p99`. */
  readonly percentile: string;
  readonly confidence_ratio: number;
  readonly n: number;
  /** Samples without which nothing can be said of it, and how many of these are missing. */
  readonly needed_n: number;
  readonly missing_n: number;
  /** So few that it hangs on a handful: n < 5 / (1 − p). */
  readonly few: boolean;
  /** The interval in which the percentile lies, from order statistics; null where the samples do not bound it. */
  readonly low_ms: number | null;
  readonly high_ms: number | null;
}

/** For each percentile of the summary. */
export function confidenceOf(latency: Histogram): readonly PercentileConfidence[] {
  const n = latency.count;
  return SUMMARY_PERCENTILES.map((p) => {
    const needed = fewestSamples(p);
    const { low, high } = rankInterval(p, n);
    const at = (rank: number | null) => (rank === null ? null : toMs(latency.percentileUs(rank / n)));
    return {
      percentile: `p${Number((p * 100).toFixed(6))}`,
      confidence_ratio: CONFIDENCE,
      n,
      needed_n: needed,
      missing_n: Math.max(0, needed - n),
      few: isFewFor(p, n),
      low_ms: at(low),
      high_ms: at(high),
    };
  });
}
