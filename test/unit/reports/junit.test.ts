import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { junit } from '../../../src/reports/junit.js';
import type { Results } from '../../../src/reports/results.js';
import type { Verdict } from '../../../src/verdicts/validity.js';
import { RUNS } from '../../contract/reporter.js';
import { describeWithTool } from '../../support/tools.js';

const XSD = fileURLToPath(new URL('../../fixtures/schemas/junit.xsd', import.meta.url));

function judged(status: Verdict['status']): Results {
  const results = RUNS['a good run']!;
  const reasons =
    status === 'VALID'
      ? []
      : [
          {
            code: 'errors',
            status,
            value: 0.2,
            limit: 0.01,
            seconds_n: null,
            at_epoch_s: [],
            message: '20.0 % failed',
            advice: 'look',
          } as const,
        ];
  return { ...results, report: { ...results.report, verdict: { status, reasons } } };
}

describe('JUnit XML', () => {
  it('is a passing test for a VALID run without thresholds', () => {
    const text = junit(judged('VALID'));
    expect(text).toContain('<testsuites name="infer-bench" tests="1" failures="0" errors="0" time="10">');
    expect(text).toContain('timestamp="2026-11-21T09:12:33"');
    expect(text).toMatch(/<testcase classname="infer-bench\.sentiment\.double-wave" name="the measurement[^>]*"\/>/);
  });

  it.each([
    ['SUSPECT', /<system-out>SUSPECT\nerrors: 20\.0 % failed\. To do: look\.<\/system-out>/, 'errors="0"'],
    ['INCONCLUSIVE', /<skipped message="INCONCLUSIVE: 20\.0 % failed"\/>/, 'skipped="1"'],
    ['INVALID', /<error type="INVALID" message="20\.0 % failed">errors: /, 'errors="1"'],
  ] as const)('says that a run is %s', (status, element, sum) => {
    expect(junit(judged(status))).toMatch(element);
    expect(junit(judged(status))).toContain(sum);
  });

  it('has a test for each threshold, and fails all that did not pass', () => {
    const text = junit(RUNS['thresholds of every state']!);
    expect(text).toContain('tests="7" failures="5" errors="0"');
    expect(text.match(/<testcase /g)).toHaveLength(7);
    expect([...text.matchAll(/<failure type="(\w+)"/g)].map(([, type]) => type)).toEqual([
      'fail',
      'fail',
      'fail',
      'no_data',
      'inconclusive',
    ]);
    expect(text).toContain('name="error_rate&#60;0.01"');
  });
});

describeWithTool('xmllint', 'JUnit XML for xmllint', () => {
  const lint = (input: string) =>
    spawnSync('xmllint', ['--noout', '--nonet', '--schema', XSD, '-'], { input, encoding: 'utf8' });

  it.each(Object.entries(RUNS))('is valid of %s', (_name, results) => {
    const { status, stderr } = lint(junit(results));
    expect(stderr).toContain('- validates');
    expect(status).toBe(0);
  });

  it.each(['VALID', 'SUSPECT', 'INCONCLUSIVE', 'INVALID'] as const)('is valid of a run that is %s', (status) => {
    expect(lint(junit(judged(status))).status).toBe(0);
  });

  it('refuses what is no JUnit XML', () => {
    const text = junit(RUNS['thresholds of every state']!);
    expect(lint(text.replaceAll('failure', 'failed')).status).not.toBe(0);
    expect(lint(text.replace(' tests="7"', '')).status).not.toBe(0);
    expect(lint(text.replace('</testsuite>', '')).status).not.toBe(0);
  });
});
