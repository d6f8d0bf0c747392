import { describe, expect, it } from 'vitest';
import { totals } from '../../../src/reduce/summary.js';
import type { Sample } from '../../../src/samples/sample.js';
import { judge } from '../../../src/verdicts/validity.js';
import { sample } from '../../support/samples.js';

function verdictOf(samples: readonly Sample[], facts: { issued?: number; rows?: number; interrupted?: boolean } = {}) {
  const whole = totals(() => 1e6);
  for (const one of samples) {
    whole.add(one);
  }
  const verdict = judge(whole.finish(), {
    issued: samples.length,
    rows: samples.length,
    interrupted: false,
    ...facts,
  });
  return { status: verdict.status, codes: verdict.reasons.map(({ code }) => code), reasons: verdict.reasons };
}

const many = (count: number, given: Partial<Sample> = {}) => Array.from({ length: count }, () => sample(given));
const failed = { outcome: 'http_5xx', origin: 'target' } as const;

describe('the verdict', () => {
  it.each([
    ['all fine', many(100), {}, 'VALID', []],
    ['exactly 1 % failed', [...many(99), ...many(1, failed)], {}, 'VALID', []],
    ['more than 1 % failed', [...many(98), ...many(2, failed)], {}, 'SUSPECT', ['errors']],
    ['everything failed', many(10, failed), {}, 'INVALID', ['no_success']],
    ['nothing was sent', [], {}, 'INVALID', ['no_success']],
    ['a row too few', many(10), { rows: 9 }, 'INVALID', ['accounting']],
    ['a request was counted twice', many(10), { issued: 9 }, 'INVALID', ['accounting']],
    ['stopped early', many(10), { interrupted: true }, 'INCONCLUSIVE', ['interrupted']],
    [
      'one failure of our own machine',
      [...many(999), sample({ outcome: 'local_fds', origin: 'local' })],
      {},
      'INVALID',
      ['local_faults'],
    ],
    [
      'stopped early and failing: the worst reason wins, all are listed',
      [...many(5), ...many(5, failed)],
      { interrupted: true },
      'INCONCLUSIVE',
      ['errors', 'interrupted'],
    ],
  ] as const)('%s', (_case, samples, facts, status, codes) => {
    const verdict = verdictOf(samples, facts);
    expect(verdict.status).toBe(status);
    expect(verdict.codes).toEqual(codes);
  });

  it('gives each reason its figure, its limit and advice', () => {
    const [reason] = verdictOf([...many(90), ...many(10, failed)]).reasons;
    expect(reason).toMatchObject({ value: 0.1, limit: 0.01 });
    expect(reason?.message).toContain('10.0 %');
    expect(reason?.advice.length).toBeGreaterThan(10);
  });
});
