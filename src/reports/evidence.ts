import { type Distribution, isFewFor, percentileField } from '../reduce/distribution.js';
import { formatMs, groupDigits } from '../units.js';
import type { Report } from './report.js';

/** A percentile in ms, with a star where it hangs on a handful of samples: fewer than 5 / (1 − p). */
export function starred(of: Distribution, p: number): string {
  const ms = of[percentileField(p)] ?? null;
  return ms === null ? '-' : `${formatMs(ms)}${isFewFor(p, of.n) ? '*' : ''}`;
}

/**
 * What the samples can say about the percentiles of latency, where that is not enough, and what pauses of this program did
 * to them: a sentence each, the first for the stars.
 */
export function evidence({
  confidence,
  latency,
  time_to_failure: failing,
  client_pauses: pauses,
}: Report): readonly string[] {
  const short = confidence.filter(({ missing_n }) => missing_n > 0);
  const needs = short.map(({ percentile, needed_n, missing_n }, index) => {
    const needed = groupDigits(needed_n);
    const what = index === 0 ? `needs ${needed} requests at 95 % confidence` : needed;
    return `${percentile} ${what}: ${groupDigits(missing_n)} more`;
  });
  const p99 = confidence.find(({ percentile }) => percentile === 'p99');
  const between =
    p99 && p99.low_ms !== null && p99.high_ms !== null
      ? [`p99 lies between ${formatMs(p99.low_ms)} and ${formatMs(p99.high_ms)} ms (95 % confidence)`]
      : [];
  const few = confidence.some((one) => one.few) ? ['* few samples'] : [];
  const paused = pauses
    ? [
        `${groupDigits(pauses.touched_n)} requests touched by pauses of this program: p99 ` +
          `${formatMs(latency.p99_ms ?? null)} ms with them, ${formatMs(pauses.latency_without.p99_ms ?? null)} without`,
      ]
    : [];
  // Without an answer there is no percentile of latency to doubt, but the others have their stars.
  const samples = latency.n > 0 ? [...few, ...needs] : failing.n > 0 ? few : [];
  return [samples.join('; '), ...between, ...paused].filter((line) => line !== '');
}
