import type { ThresholdResult } from '../verdicts/threshold-result.js';
import { wrap } from './layout.js';

const MARKS = { pass: '✓', fail: '✗', no_data: '✗', inconclusive: '?' } as const;

/** The thresholds of a run in 80 columns of plain text, with k6's closing line when one failed; '' when there are none. */
export function thresholdLines(results: readonly ThresholdResult[]): string {
  const lines = results.flatMap(({ state, expression, message }) => [
    wrap(`${MARKS[state]} ${expression}`, '    '),
    wrap(message, '      '),
  ]);
  const crossed = crossedLine(results);
  return [...(lines.length > 0 ? ['  thresholds'] : []), ...lines, ...(crossed ? [wrap(crossed, '  ')] : [])].join(
    '\n',
  );
}

/** The line that k6 closes with, for those who look for it in logs; undefined when no threshold failed. */
export function crossedLine(results: readonly ThresholdResult[]): string | undefined {
  const failed = results.filter(({ state }) => state === 'fail' || state === 'no_data');
  const metrics = [...new Set(failed.map(({ metric }) => metric))];
  return metrics.length === 0 ? undefined : `thresholds on metrics '${metrics.join(', ')}' have been crossed`;
}
