import type { ThresholdResult, ThresholdState } from '../verdicts/threshold-result.js';
import { wrap } from './layout.js';

const MARKS: Readonly<Record<ThresholdState, string>> = { pass: '✓', fail: '✗', no_data: '✗', inconclusive: '?' };

/**
 * The thresholds of a run in 80 columns: ✓ or ✗, what was asked and what came of it, and k6's closing line when one
 * failed; '' when there are none. `paint` colours a mark.
 */
export function thresholdLines(
  results: readonly ThresholdResult[],
  paint: (mark: string, state: ThresholdState) => string = (mark) => mark,
): string {
  const lines = results.map(({ state, expression, message }) => {
    const mark = MARKS[state];
    return wrap(`${mark} ${expression}: ${message}`).replace(mark, paint(mark, state));
  });
  const crossed = crossedLine(results);
  return [...lines, ...(crossed ? [wrap(crossed)] : [])].join('\n');
}

/** The line that k6 closes with, for those who look for it in logs; undefined when no threshold failed. */
export function crossedLine(results: readonly ThresholdResult[]): string | undefined {
  const failed = results.filter(({ state }) => state === 'fail' || state === 'no_data');
  const metrics = [...new Set(failed.map(({ metric }) => metric))];
  return metrics.length === 0 ? undefined : `thresholds on metrics '${metrics.join(', ')}' have been crossed`;
}
