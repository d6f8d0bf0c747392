import { describe, expect, it } from 'vitest';
import type { Reporter } from '../../src/reports/report.js';
import { reportOn } from '../support/reports.js';
import { sample } from '../support/samples.js';

const failed = sample({ outcome: 'http_5xx', origin: 'target', status: 500 });

/** What every form of a report has to be: pure, and sensible for runs that went wrong. */
export function reporterContract(reporter: Reporter): void {
  describe.each([
    ['of a good run', reportOn([sample(), sample({ seq: 1 })])],
    ['of one request', reportOn([sample()])],
    ['without a success', reportOn([failed, failed])],
    ['without a request', reportOn([])],
  ])('%s', (_case, report) => {
    it('is the same text each time, and ends its last line', () => {
      const before = structuredClone(report);
      const text = reporter(report);
      expect(reporter(report)).toBe(text);
      expect(report).toEqual(before);
      expect(text.endsWith('\n')).toBe(true);
    });

    it('never shows what is not a number', () => {
      expect(reporter(report)).not.toMatch(/NaN|Infinity|undefined|9007199254740991|\[object/);
    });
  });
}
