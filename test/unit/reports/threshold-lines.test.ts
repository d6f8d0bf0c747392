import { describe, expect, it } from 'vitest';
import { crossedLine, thresholdLines } from '../../../src/reports/threshold-lines.js';
import type { ThresholdResult } from '../../../src/verdicts/threshold-result.js';
import { thresholdResult } from '../../support/threshold-results.js';

const PASSED = thresholdResult({ message: 'p(95) of latency is 181.4 ms, wanted < 200 ms' });
const failed = (state: ThresholdResult['state'], metric: string) =>
  thresholdResult({
    ...PASSED,
    expression: `${metric}: is long enough that nobody could show it in a single line of eighty columns`,
    metric,
    state,
  });

describe('the thresholds on the screen', () => {
  it('have a mark, what was found, and the line that k6 closes with', () => {
    expect(thresholdLines([PASSED])).toBe('  ✓ p(95)<200: p(95) of latency is 181.4 ms, wanted < 200 ms');
    const text = thresholdLines([PASSED, failed('fail', 'a'), failed('no_data', 'b'), failed('fail', 'a')]);
    expect(text.match(/✗/g)).toHaveLength(3);
    expect(text.split('\n').at(-1)).toBe("  thresholds on metrics 'a, b' have been crossed");
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('are crossed by failures alone', () => {
    expect(thresholdLines([])).toBe('');
    expect(crossedLine([PASSED, failed('inconclusive', 'a')])).toBeUndefined();
    expect(thresholdLines([failed('inconclusive', 'a')])).toContain('? a:');
  });
});
