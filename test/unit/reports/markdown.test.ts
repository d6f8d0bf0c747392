import { describe, expect, it } from 'vitest';
import { markdown } from '../../../src/reports/markdown.js';
import { HOSTILE, RUNS } from '../../contract/reporter.js';

const rowsOf = (text: string, title: string) =>
  (text.split(`### ${title}\n\n`)[1] ?? '').split('\n\n')[0]?.trimEnd().split('\n') ?? [];

describe('report.md', () => {
  it('begins with the verdict, then its reasons, then the thresholds', () => {
    const text = markdown(RUNS['no success']!);
    expect(text).toMatch(/^## ❌ INVALID: sentiment, double-wave\n/);
    expect(text).toMatch(/^1\. \*\*INVALID\*\* `no_success`: none of 2 requests succeeded\. To do: .*\.$/m);
    expect(markdown(RUNS['a good run']!)).toMatch(/^## ✅ VALID/);
  });

  it('has a row for each threshold, with what was found', () => {
    const rows = rowsOf(markdown(RUNS['thresholds of every state']!), 'Thresholds');
    expect(rows.slice(2).map((row) => row.split(' | ')[0])).toEqual([
      '| ✅ pass',
      '| ❌ fail',
      '| ❌ fail',
      '| ❌ fail',
      '| ❌ no data',
      '| ❔ inconclusive',
    ]);
    expect(rows[2]).toBe('| ✅ pass | `p(95)<200` | 1,000 | p(95) is 181.4 ms |');
    expect(markdown(RUNS['a good run']!)).not.toContain('Thresholds');
  });

  it('has a row for each endpoint and one for all', () => {
    const text = markdown(RUNS['two endpoints']!);
    // The last answer of health comes after the end of the window.
    expect(rowsOf(text, 'Requests').slice(2)).toEqual([
      '| `predict` | 201 | 201 | 200 | 1 | 0 | 0 | 0 | 0.50 % | 20.0 |',
      '| `health` | 200 | 200 | 200 | 0 | 0 | 0 | 0 | 0.00 % | 19.9 |',
      '| all | 401 | 401 | 400 | 1 | 0 | 0 | 0 | 0.25 % | 39.9 |',
    ]);
    expect(rowsOf(text, 'Failures')[2]).toBe('| `http_5xx` | target | 1 | - |');
  });

  it('stars a percentile of few samples, and says how many more it takes', () => {
    const text = markdown(RUNS['two endpoints']!);
    const [all, , own] = rowsOf(text, 'Latency').slice(2);
    // 400 requests, and half of them at each endpoint: p99 needs 500 to be more than a handful, p95 100.
    expect(all).toMatch(/^\| latency \| 400 \|( [\d.]+ \|){4} [\d.]+\* \| [\d.]+\* \| [\d.]+ \|$/);
    expect(own).toMatch(/^\| latency of `predict` \| 200 \|/);
    expect(text).toMatch(/^\\\* few samples; p99 needs 473 requests at 95 % confidence: 73 more; p99\.9 4,742: /m);
  });

  it('has the time of failures where latency has none, and the rates', () => {
    const text = markdown(RUNS['no success']!);
    expect(rowsOf(text, 'Latency').at(-1)).toMatch(/^\| until failure \| 2 \| 10\.00 \|/);
    expect(text).toMatch(/^0\.2 sent\/s · 0\.0 ok\/s over 10 s · 0\.00 in flight$/m);
    expect(text).toContain('\n\\* few samples\n');
    expect(rowsOf(markdown(RUNS['a good run']!), 'Latency').join()).not.toContain('until failure');
  });

  it('shows what is not there as a dash', () => {
    expect(rowsOf(markdown(RUNS['no request']!), 'Latency')[2]).toBe('| latency | 0 | - | - | - | - | - | - | - |');
    expect(rowsOf(markdown(RUNS['no request']!), 'Requests')[2]).toContain('| - | 0.0 |');
  });

  it('keeps hostile text in its cell, without tags, spans and links', () => {
    const text = markdown(RUNS['hostile texts']!);
    const outside = text.replaceAll(/`[^`\n]*`/g, '');
    expect(outside).not.toMatch(/(?<!\\)[<@]|https?:\/\/|(?<!\\)\[/);
    for (const title of ['Thresholds', 'Latency', 'Requests', 'Failures']) {
      const cells = rowsOf(text, title).map((row) => row.split('|').length);
      expect(new Set(cells).size, title).toBe(1);
      expect(cells.length).toBeGreaterThan(2);
    }
    expect(text).not.toContain(HOSTILE);
    expect(text.split('\n').some((line) => line.startsWith('::'))).toBe(false);
  });
});
