import { describe, expect, it } from 'vitest';
import type { ResultsReporter } from '../../src/reports/results.js';
import { resultsOn } from '../support/results.js';
import { sample } from '../support/samples.js';

const failed = sample({ outcome: 'http_5xx', origin: 'target', status: 500 });

/** What every form of a report has to be: pure, and sensible for runs that went wrong. */
export function reporterContract(reporter: ResultsReporter): void {
  describe.each([
    ['of a good run', resultsOn([sample(), sample({ seq: 1 })])],
    ['of one request', resultsOn([sample()])],
    ['without a success', resultsOn([failed, failed])],
    ['without a request', resultsOn([])],
  ])('%s', (_case, results) => {
    it('is the same text each time, and ends its last line', () => {
      const before = structuredClone(results.report);
      const text = reporter(results);
      expect(reporter(results)).toBe(text);
      expect(results.report).toEqual(before);
      expect(text.endsWith('\n')).toBe(true);
    });

    it('never shows what is not a number', () => {
      expect(reporter(results)).not.toMatch(/NaN|Infinity|undefined|9007199254740991|\[object/);
    });
  });
}
