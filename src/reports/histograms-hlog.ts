import { hlogHead, hlogInterval } from '../reduce/histogram.js';
import type { SecondHistogram } from '../reduce/per-second.js';
import type { Results } from './results.js';

/**
 * `histograms.hlog`: an HdrHistogram log of a run, one interval per second for each endpoint and metric, tagged
 * `endpoint.metric`, that other HDR tools read. `startedEpochS` is the epoch second of the run's start, `endpoints` the
 * names of the endpoints by their index.
 */
export function histogramsHlog(
  startedEpochS: number,
  endpoints: readonly string[],
  intervals: Iterable<SecondHistogram>,
): string {
  const tags = endpoints.map((name) => name.replaceAll(/[\s,\p{Cc}\p{Cf}]/gu, '_'));
  const lines = [hlogHead(startedEpochS)];
  for (const { epochS, endpoint, metric, histogram } of intervals) {
    lines.push(hlogInterval(histogram, epochS, epochS + 1, `${tags[endpoint]}.${metric}`));
  }
  return lines.join('');
}

/** The same as a report of a run. */
export function resultsHlog({ report, endpoints, secondHistograms }: Results): string {
  return histogramsHlog(Math.floor(Date.parse(report.run.started_at) / 1000), endpoints, secondHistograms());
}
