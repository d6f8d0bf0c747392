import { OK_CODE, WARMUP_CODE } from '../samples/outcomes.js';
import type { SampleBlock } from '../samples/sample.js';
import { US_PER_MS, US_PER_S } from '../units.js';

/** Of so many seconds each, as perf_analyzer's: long enough to hold a few requests, short enough that a run has some. */
export const STEADY_WINDOW_US = 5 * US_PER_S;

/** What ended `ok` in a window. */
export interface SteadyWindow {
  readonly throughputPerS: number;
  /** Mean latency; null where nothing ended. */
  readonly latencyMs: number | null;
}

/** Folds the measured part of a run, µs from its start, into windows of 5 s by end; what is left at its end is in none. */
export function steadyWindows(fromUs: number, toUs: number) {
  const windows = Array.from({ length: Math.max(0, Math.floor((toUs - fromUs) / STEADY_WINDOW_US)) }, () => ({
    n: 0,
    latencyUs: 0,
  }));
  return {
    rows(block: SampleBlock): void {
      for (let row = 0; row < block.length; row++) {
        const endUs = block.endUs[row] as number;
        const window = windows[Math.floor((endUs - fromUs) / STEADY_WINDOW_US)];
        if (window && block.outcome[row] === OK_CODE && block.phase[row] !== WARMUP_CODE) {
          window.n++;
          window.latencyUs += endUs - (block.intendedUs[row] as number);
        }
      }
    },
    finish(): readonly SteadyWindow[] {
      return windows.map(({ n, latencyUs }) => ({
        throughputPerS: (n * US_PER_S) / STEADY_WINDOW_US,
        latencyMs: n === 0 ? null : latencyUs / n / US_PER_MS,
      }));
    },
  };
}
