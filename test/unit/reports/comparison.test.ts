import { describe, expect, it } from 'vitest';
import type { Figure } from '../../../src/reduce/block-figures.js';
import type { ComparisonReport, SideFacts } from '../../../src/reports/comparison.js';
import { COMPARISON_REPORTERS } from '../../../src/reports/comparisons.js';
import { compareSides } from '../../../src/verdicts/comparison.js';
import { judgeFailOn, readFailOn } from '../../../src/verdicts/fail-on.js';

const HOSTILE = `<script>alert(1)</script>|\u001b[31m=cmd()\n]]>`;
const side = (name: string, url = 'http://127.0.0.1:8000'): SideFacts => ({
  name,
  measured_s: 50,
  reasons: [],
  runs: [{ directory: `runs/${name}`, url, started_at: '2026-01-01T00:00:00Z', verdict: 'VALID', reasons: [] }],
});

function report(
  { name = 'head', url = undefined as string | undefined } = {},
  base: readonly (number | null)[] = [10, 11, 9, 10.5, 9.5, 10, 10.2, 9.9, 10.1, 10.3],
): ComparisonReport {
  const latency: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };
  const never = base.map(() => Number.POSITIVE_INFINITY);
  const figures = compareSides(
    [
      { figure: latency, whole: { base: base[0] ?? null, head: 12 }, base, head: base.map((ms) => ms && ms * 1.2) },
      {
        figure: { ...latency, of: 0.99 },
        whole: { base: base[0] ?? null, head: Number.POSITIVE_INFINITY },
        base,
        head: never,
      },
      {
        figure: { metric: 'error_rate' },
        whole: { base: 0, head: 0.01 },
        base: base.map(() => 0),
        head: base.map((_, at) => 0.01 + at / 1e5),
      },
      {
        figure: { metric: 'throughput' },
        whole: { base: null, head: null },
        base: base.map(() => null),
        head: base.map(() => null),
      },
    ],
    { design: { paired: true, serial: false }, minEffect: 0.02, seed: 1 },
  );
  const limit = readFailOn('p(95)>+10%');
  return {
    schema: 'infer-bench/comparison/1',
    version: '0.1.0',
    base: side('base'),
    min_effect_ratio: 0.02,
    confidence_ratio: 0.96,
    seed: 1,
    comparisons: [
      {
        head: side(name, url),
        unit: 'block',
        block_s: 10,
        paired: true,
        base_units_n: base.length,
        head_units_n: base.length,
        figures,
        fail_on: typeof limit === 'string' ? [] : [judgeFailOn(limit, figures[0])],
        plan_differences: [{ field: 'batch_size', base: '1', head: '4' }],
        host_differences: [],
        notes: [],
      },
    ],
  };
}

describe('a comparison', () => {
  it('on the screen has 80 columns, the difference, its interval and what it means', () => {
    const text = COMPARISON_REPORTERS.console(report());
    expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect(text).toMatch(/latency p95 +10\.00 ms +12\.00 ms +\+20\.0 % .*worse/);
    expect(text).toMatch(/latency p99 +10\.00 ms +never/);
    expect(text).toMatch(/error rate +0\.00 % +1\.00 % +\+1\.00 pp .*worse/);
    expect(text).toMatch(/throughput +- +- +- +- unclear/);
    expect(text).toContain('✗ p(95)>+10%: failed, +20.0 %');
    expect(text).toContain('10 pairs of blocks of 10 s; all intervals together hold at 96 %');
    expect(text).toContain('plans differ: batch_size 1 against 4');
  });

  it('says of what is unclear what it may hide, and of a limit how much more would tell', () => {
    const noisy = report({}, [10, 14, 8, 12, 7, 10, 13, 9, 11, 15, 9, 12]);
    const figure: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };
    const head = [12, 9, 13, 8, 11, 14, 9, 12, 8, 10, 13, 9];
    const values = { figure, whole: { base: 10, head: 10 }, base: noisy.comparisons[0]?.figures[0]?.base ?? [], head };
    const figures = compareSides([values], { design: { paired: true, serial: false }, minEffect: 0.02, seed: 1 });
    const [of] = noisy.comparisons as [ComparisonReport['comparisons'][0]];
    const limit = readFailOn('p(95)>+10%');
    const text = COMPARISON_REPORTERS.console({
      ...noisy,
      comparisons: [{ ...of, figures, fail_on: typeof limit === 'string' ? [] : [judgeFailOn(limit, figures[0])] }],
    });
    const least = figures[0]?.detectable.relative as number;
    expect(least).toBeGreaterThan(0.3);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      `would find a change of latency p95 by ${Number((100 * least).toPrecision(2))} %`,
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`measure about ${Math.ceil((10 * least) ** 2)} times as long`);
  });

  it('as Markdown is a table', () => {
    const text = COMPARISON_REPORTERS.markdown(report());
    expect(text).toMatch(/^\| latency p95 \| 10\.00 ms \| 12\.00 ms \| \+20\.0 % \| .* \| \*\*worse\*\* \|$/m);
  });

  it('as JSON has units, bounds that do not exist as null, and says what is infinite', () => {
    const [comparison] = JSON.parse(COMPARISON_REPORTERS.json(report())).comparisons;
    expect(comparison.figures[0]).toMatchObject({
      name: 'latency p95',
      unit: 'ms',
      base: 10,
      head: 12,
      change: 'worse',
    });
    expect(comparison.figures[0].difference_ratio.estimate).toBeCloseTo(0.2, 10);
    expect(comparison.figures[1]).toMatchObject({ head: null, head_infinite: true, change: 'worse' });
    expect(comparison.figures[3]).toMatchObject({ base: null, head: null, difference_ratio: null, change: 'unclear' });
    expect(comparison.fail_on[0].status).toBe('failed');
  });

  it('as HTML is one file without a script, with a plot of the intervals', () => {
    const page = COMPARISON_REPORTERS.html(report());
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|src=|href=(?!"#content")|url\(/i);
    expect(page).toContain('<svg');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it.each(['console', 'markdown', 'html'] as const)('keeps hostile names and URLs inert as %s', (format) => {
    const text = COMPARISON_REPORTERS[format](report({ name: HOSTILE, url: HOSTILE }));
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('alert(1)</script>|\u001b');
    if (format !== 'console') {
      expect(text).not.toContain('<script>');
    }
    expect(text.split('\n').some((line) => line.startsWith('=cmd') || line.startsWith(']]>'))).toBe(false);
  });

  it.each(['console', 'markdown', 'html', 'json'] as const)(
    'of a single unit says as %s that it tells nothing',
    (format) => {
      const text = COMPARISON_REPORTERS[format](report({}, [10]));
      expect(text).toContain('unclear');
      expect(text).not.toMatch(/NaN|Infinity|undefined|worse<|\| \*\*worse/);
    },
  );
});
