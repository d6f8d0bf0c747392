import { describe, expect, it } from 'vitest';
import { githubAnnotations } from '../../../src/reports/github.js';
import { RUNS, reporterContract } from '../../contract/reporter.js';
import { thresholdResult, withThresholds } from '../../support/threshold-results.js';

/** What GitHub's runner makes of a line: the command, its properties and its data, unescaped. */
function parsed(line: string) {
  const [, level, properties = '', message = ''] = /^::(\w+) (.*?)::(.*)$/.exec(line) ?? [];
  const unescaped = (text: string) => text.replace(/%(25|0D|0A|3A|2C)/g, (code) => decodeURIComponent(code));
  return {
    level,
    ...Object.fromEntries(properties.split(',').map((one) => one.split('=', 2).map(unescaped) as [string, string])),
    message: unescaped(message),
  };
}
const linesOf = (text: string) => text.trimEnd().split('\n');

describe("GitHub's annotations", () => {
  reporterContract(githubAnnotations);

  it('are none where all is well', () => {
    expect(githubAnnotations(withThresholds(RUNS['a good run']!, thresholdResult()))).toBe('');
  });

  it('are an error for each threshold that did not pass', () => {
    const lines = linesOf(githubAnnotations(RUNS['thresholds of every state']!));
    expect(lines.map(parsed).map(({ level }) => level)).toEqual(Array(5).fill('error'));
    expect(lines[0]).toBe(
      '::error title=Threshold fail%3A latency{endpoint%3Apredict}%3A p(99)<200 over 10s for 3 windows::' +
        'p(99) is 231 ms in 4 windows in a row',
    );
    expect(parsed(lines[3] as string)).toEqual({
      level: 'error',
      title: 'Threshold no data: ttft: p(99)<500',
      message: 'no samples',
    });
  });

  it('are an error for each reason of an INVALID run, a warning for other doubts', () => {
    expect(linesOf(githubAnnotations(RUNS['no success']!)).map(parsed)).toContainEqual({
      level: 'error',
      title: 'INVALID: no_success',
      message: expect.stringMatching(/^none of 2 requests succeeded\. To do: /),
    });
    expect(linesOf(githubAnnotations(RUNS['hostile texts']!)).map((line) => parsed(line).level)).toEqual([
      'error',
      'warning',
      'error',
    ]);
  });

  it('hold a percent sign as it is, and hostile text on its own line', () => {
    const message = '50% of %0A, 3:2';
    const [line] = linesOf(
      githubAnnotations(withThresholds(RUNS['a good run']!, thresholdResult({ state: 'fail', message }))),
    );
    expect(line).toContain('::50%25 of %250A, 3:2');
    expect(parsed(line as string).message).toBe(message);
    const lines = linesOf(githubAnnotations(RUNS['hostile texts']!));
    expect(lines).toHaveLength(3);
    expect(lines.every((one) => /^::(error|warning) title=[^:,\n]*::/.test(one))).toBe(true);
  });
});
