import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { ServerShare } from '../../../src/reduce/server-share.js';
import { json } from '../../../src/reports/json.js';
import type { Little } from '../../../src/verdicts/little.js';
import type { Goodput } from '../../../src/verdicts/thresholds.js';
import { RUNS } from '../../contract/reporter.js';
import { reportOn } from '../../support/reports.js';
import { sample } from '../../support/samples.js';

type Schema = Readonly<Record<string, unknown>>;

const SCHEMA = JSON.parse(
  readFileSync(new URL('../../../schemas/summary.schema.json', import.meta.url), 'utf8'),
) as Schema;
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(SCHEMA);

/** A summary that has every part that one can have. */
const streamed = reportOn(
  [
    sample({ paused: true }),
    sample({ cache: 'hit', tokensOut: 5, chunks: 3, firstTokenUs: 4_000, lastTokenUs: 8_000 }),
    sample({ cache: 'miss', tokensOut: 5, chunks: 3, firstTokenUs: 4_000, lastTokenUs: 8_000, endpoint: 1 }),
    sample({ outcome: 'http_5xx', origin: 'target', endpoint: 1 }),
    sample({ outcome: 'dropped', startUs: undefined, endUs: undefined, firstByteUs: undefined }),
  ],
  [['http_5xx', 'down']],
  { ceiling_per_s: 10_000, headroom_ratio: 12.5, calibrated_at: '2026-11-20T08:00:00.000Z' },
  ['openai-chat', 'models'],
);
const SUMMARIES: readonly (readonly [string, unknown])[] = [
  ...Object.entries(RUNS).map(([name, { report }]) => [name, report] as const),
  [
    'streams and a cache',
    {
      ...streamed,
      little: { of: 'users', in_system_mean: 4, expected_mean: 3.9, ratio: 4 / 3.9 } satisfies Little,
      correct_rate: 0.75,
      server_side: {
        success_n: 4,
        fail_n: 0,
        inferences_n: 16,
        executions_n: 4,
        batch_mean: 4,
        queue_mean_ms: 1.5,
        compute_input_mean_ms: 0.5,
        compute_infer_mean_ms: 5,
        compute_output_mean_ms: 0.25,
        cache_hits_n: 1,
        cache_misses_n: 3,
        cache_mean_ms: 0.125,
        rest_mean_ms: 0,
      } satisfies ServerShare,
      goodput: {
        slo: ['latency<200'],
        good_per_s: 0.2,
        good_n: 2,
        attempted_n: 4,
        good_ratio: 0.5,
      } satisfies Goodput,
    },
  ],
].map(([name, report]) => [name as string, JSON.parse(json(report as object))]);

/** The objects of a JSON value, itself first, each with the way to it. */
function objectsOf(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) {
    return [];
  }
  const inner = Object.entries(value).flatMap(([key, one]) =>
    objectsOf(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return Array.isArray(value) ? inner : [path, ...inner];
}

function at(value: unknown, path: readonly (string | number)[]): Record<string, unknown> {
  return path.reduce((inner, key) => (inner as Record<string | number, unknown>)[key], value) as Record<
    string,
    unknown
  >;
}

describe('the schema of summary.json', () => {
  it.each(SUMMARIES)('holds for the summary of %s', (_name, summary) => {
    validate(summary);
    expect(validate.errors).toBeNull();
  });

  it('knows every field: one more is refused, wherever it is', () => {
    const [, summary] = SUMMARIES.at(-1)!;
    const places = objectsOf(summary).filter((path) => path[0] !== 'definitions');
    expect(places.length).toBeGreaterThan(25);
    for (const path of places) {
      const more = structuredClone(summary);
      at(more, path).something_new = 1;
      expect(validate(more), path.join('.')).toBe(false);
    }
  });

  it('wants every field: one less is refused, wherever it is', () => {
    const [, summary] = SUMMARIES.at(-1)!;
    const loose = new Set(['definitions', 'infinite']);
    for (const path of objectsOf(summary).filter((keys) => !loose.has(String(keys.at(-1))))) {
      for (const key of Object.keys(at(summary, path))) {
        const less = structuredClone(summary);
        delete at(less, path)[key];
        expect(validate(less), `${path.join('.')}.${key}`).toBe(false);
      }
    }
  });

  it('describes nothing that no summary has', () => {
    const seen = new Set(SUMMARIES.flatMap(([, one]) => objectsOf(one).flatMap((path) => Object.keys(at(one, path)))));
    const described = new Set<string>();
    JSON.stringify(SCHEMA, (key, value) => {
      if (key === 'properties') {
        for (const name of Object.keys(value)) {
          described.add(name);
        }
      }
      return value;
    });
    expect(described.size).toBeGreaterThan(80);
    expect([...described].filter((name) => !seen.has(name))).toEqual([]);
  });

  it.each([
    ['a negative count', (one: Record<string, never>) => ({ ...one, due_n: -1 })],
    ['text for a number', (one: Record<string, never>) => ({ ...one, late_n: '3' })],
    ['another version', (one: Record<string, never>) => ({ ...one, schema: 'infer-bench/summary/2' })],
    ['an unknown verdict', (one: Record<string, never>) => ({ ...one, verdict: { status: 'FINE', reasons: [] } })],
  ])('refuses %s', (_what, change) => {
    expect(validate(change(structuredClone(SUMMARIES[0]![1]) as Record<string, never>))).toBe(false);
  });
});
