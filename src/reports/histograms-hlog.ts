import { hlogHead, hlogInterval } from '../reduce/histogram.js';
import type { SecondHistogram } from '../reduce/per-second.js';

/**
 * `histograms.hlog`: an HdrHistogram log of a run, one interval per second for each metric, tagged `endpoint.metric`, that
 * other HDR tools read. `startedEpochS` is the epoch second of the run's start.
 */
export function histogramsHlog(startedEpochS: number, endpoint: string, intervals: Iterable<SecondHistogram>): string {
  const lines = [hlogHead(startedEpochS)];
  for (const { epochS, metric, histogram } of intervals) {
    lines.push(hlogInterval(histogram, epochS, epochS + 1, `${endpoint.replaceAll(/[\s,]/g, '_')}.${metric}`));
  }
  return lines.join('');
}
