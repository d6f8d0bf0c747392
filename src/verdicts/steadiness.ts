import type { SteadyWindow } from '../reduce/steady-windows.js';
import { formatPercent } from '../units.js';
import { studentT } from './trend.js';
import type { Reason } from './validity.js';

/** Successive windows this near their mean are steady, or a mean that is known so well. */
const MAX_OFF_RATIO = 0.1;
const MAX_HALF_WIDTH_RATIO = 0.05;
const LAST_WINDOWS = 3;

/** Why a set of repeats, or a single run, is no steady state. */
export interface SetReason extends Pick<Reason, 'status' | 'value' | 'limit' | 'message' | 'advice'> {
  readonly code: 'unstable';
}

/**
 * Judges the windows of all runs of a set that claims a steady state, for throughput and for latency: either the last
 * three windows of each run are within 10 % of their mean (as perf_analyzer has it), or the mean of all windows has a
 * 95 % interval of ± 5 % or less (batch means). Sets of fewer than three windows are not judged.
 */
export function unsteady(runs: readonly (readonly SteadyWindow[])[]): SetReason | undefined {
  const figures = {
    throughput: runs.map((windows) => windows.map(({ throughputPerS }) => throughputPerS)),
    'mean latency': runs.map((windows) => windows.flatMap(({ latencyMs }) => latencyMs ?? [])),
  };
  const worst = Object.entries(figures)
    .map(([name, of]) => ({ name, n: of.flat().length, half: halfWidthRatio(of.flat()), level: of.every(isLevel) }))
    .filter(({ n, half, level }) => n >= LAST_WINDOWS && !level && half > MAX_HALF_WIDTH_RATIO)
    .sort((a, b) => b.half - a.half)[0];
  return (
    worst && {
      code: 'unstable',
      status: 'INCONCLUSIVE',
      value: worst.half,
      limit: MAX_HALF_WIDTH_RATIO,
      message:
        `${worst.name} is known to ± ${formatPercent(worst.half)} only, and its last windows of 5 s are not within ` +
        `${MAX_OFF_RATIO * 100} %`,
      advice: 'measure longer, at a lower load or after a --warmup',
    }
  );
}

/** Whether the last windows of a run are alike. */
function isLevel(windows: readonly number[]): boolean {
  const last = windows.slice(-LAST_WINDOWS);
  const mean = meanOf(last);
  return last.length === LAST_WINDOWS && last.every((value) => Math.abs(value - mean) <= MAX_OFF_RATIO * mean);
}

/** Half of the 95 % interval of the mean, as a ratio of it; Infinity where nothing is known. */
function halfWidthRatio(values: readonly number[]): number {
  const n = values.length;
  const mean = meanOf(values);
  if (n < 2 || mean === 0) {
    return Number.POSITIVE_INFINITY;
  }
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return (studentT(n - 1) * Math.sqrt(square / (n - 1) / n)) / mean;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
