import { describe, expect, it } from 'vitest';
import type { Results, ResultsReporter } from '../../src/reports/results.js';
import { resultsOn } from '../support/results.js';
import { sample } from '../support/samples.js';
import { EACH_STATE, thresholdResult, withThresholds } from '../support/threshold-results.js';

const failed = (seq: number) => sample({ seq, outcome: 'http_5xx', origin: 'target', status: 500 });
const many = Array.from({ length: 400 }, (_, seq) =>
  sample({ seq, endpoint: seq % 2, startUs: seq * 25_000, endUs: seq * 25_000 + 5_000 + (seq % 40) * 1_000 }),
);

/** What a hostile server, URL, file name or threshold may hold. */
export const HOSTILE =
  '=cmd|"/c calc"!A1 <script>alert(1)</script>]]>--> `x` |y| @all ::error::z %0A\u001b[31m\u0007\u202e\r\n::warning::w\u0000\ufffe &amp; \'"';

/** A run whose every text is hostile. */
export function hostileResults(): Results {
  const results = resultsOn([...many, failed(400), failed(401)], [HOSTILE, `${HOSTILE}2`]);
  const { report } = results;
  return {
    ...results,
    report: {
      ...report,
      run: {
        ...report.run,
        url: `http://h/${HOSTILE}`,
        dataset: HOSTILE,
        directory: HOSTILE,
        protocol: HOSTILE,
        pattern: HOSTILE,
        endpoint: HOSTILE,
        files: [HOSTILE],
      },
      failures: report.failures.map((cause) => ({ ...cause, example: HOSTILE })),
      verdict: {
        status: 'INVALID',
        reasons: [
          {
            code: 'local_faults',
            status: 'INVALID',
            value: 1,
            limit: 0,
            seconds_n: null,
            at_epoch_s: [],
            message: HOSTILE,
            advice: HOSTILE,
          },
          {
            code: 'errors',
            status: 'SUSPECT',
            value: 1,
            limit: 0,
            seconds_n: null,
            at_epoch_s: [],
            message: HOSTILE,
            advice: HOSTILE,
          },
        ],
      },
      thresholds: [thresholdResult({ expression: HOSTILE, message: HOSTILE, endpoint: HOSTILE, state: 'fail' })],
      notes: [HOSTILE],
    },
  };
}

/** Runs that went well and runs that went wrong, by what they are. */
export const RUNS: Readonly<Record<string, Results>> = {
  'a good run': resultsOn(many.map((one) => ({ ...one, endpoint: 0 }))),
  'two endpoints': resultsOn([...many, failed(400)], ['predict', 'health']),
  'one request': resultsOn([sample()]),
  'no success': resultsOn([failed(0), failed(1)]),
  'no request': resultsOn([]),
  'thresholds of every state': withThresholds(resultsOn(many, ['predict', 'health']), ...EACH_STATE),
  'hostile texts': hostileResults(),
};

/** What every form of a run's results has to be: pure, sensible for runs that went wrong, inert whatever a server said. */
export function reporterContract(reporter: ResultsReporter): void {
  describe.each(Object.entries(RUNS))('of %s', (_name, results) => {
    it('is the same text each time, and ends its last line', () => {
      const before = structuredClone(results.report);
      const text = reporter(results);
      expect(reporter(results)).toBe(text);
      expect(results.report).toEqual(before);
      expect(text).toMatch(/^$|\n$/);
    });

    it('never shows what is not a number, nor a control character', () => {
      const text = reporter(results);
      expect(text).not.toMatch(/NaN|Infinity|undefined|9007199254740991|\[object/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through.
      expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(text.replaceAll('\r\n', '\n')).not.toContain('\r');
    });
  });
}
