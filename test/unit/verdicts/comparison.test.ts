import { describe, expect, it } from 'vitest';
import { normal, random } from '../../../src/random.js';
import type { Figure } from '../../../src/reduce/block-figures.js';
import {
  ALPHA,
  type Compared,
  compareSides,
  type Design,
  type FigureValues,
} from '../../../src/verdicts/comparison.js';
import type { Shift } from '../../../src/verdicts/rank-tests.js';
import {
  BLOCKS,
  differs,
  INTERLEAVED,
  oneRun,
  type SimulatedDesign,
  trial,
  WANDERING,
} from '../../support/simulated-comparisons.js';
import { OPEN_FIGURES } from '../../support/simulated-server.js';

const LATENCY: Figure = { metric: 'latency', of: 0.95, population: 'all_inf' };
const THROUGHPUT: Figure = { metric: 'throughput' };
const ERRORS: Figure = { metric: 'error_rate' };

const PAIRS: Design = { paired: true, serial: false };
const values = (figure: Figure, base: readonly (number | null)[], head: readonly (number | null)[]): FigureValues => ({
  figure,
  whole: { base: null, head: null },
  base,
  head,
});
const one = (of: FigureValues, design = PAIRS) =>
  compareSides([of], { design, minEffect: 0.02, seed: 1 })[0] as Compared;
const around = (middle: number, n = 10) =>
  Array.from({ length: n }, (_, index) => middle * (1 + (index - n / 2) / 1000));

describe('a difference', () => {
  it.each([
    ['worse: latency 10 % up', LATENCY, around(10), around(11), 'worse'],
    ['better: latency 10 % down', LATENCY, around(11), around(10), 'better'],
    ['worse: throughput 10 % down', THROUGHPUT, around(11), around(10), 'worse'],
    ['better: throughput 10 % up', THROUGHPUT, around(10), around(11), 'better'],
    ['same: 1 % up, surely, but below the minimal effect', LATENCY, around(10), around(10.1), 'same'],
    ['unclear: too few units', LATENCY, around(10, 3), around(20, 3), 'unclear'],
    ['unclear: without a value', LATENCY, [null, null], [1, 2], 'unclear'],
    ['worse: 1 % of requests fail', ERRORS, around(0), Array.from({ length: 10 }, (_, k) => 0.01 + k / 1e5), 'worse'],
    ['worse: the head never answers', LATENCY, around(10), around(10).map(() => Number.POSITIVE_INFINITY), 'worse'],
  ])('is %s', (_, figure, base, head, change) => {
    expect(one(values(figure, base, head)).change).toBe(change);
  });

  it('is none where nothing fails, beside figures that vary', () => {
    const both = [values(LATENCY, around(10), around(11)), values(ERRORS, around(0), around(0))];
    const compared = compareSides(both, { design: PAIRS, minEffect: 0.02, seed: 1 });
    expect(compared.map(({ change }) => change)).toEqual(['worse', 'same']);
  });

  it('is a ratio and an amount, each with its interval', () => {
    const { relative, absolute } = one(values(LATENCY, around(10), around(11)));
    expect(relative?.estimate).toBeCloseTo(0.1, 10);
    expect(absolute?.estimate).toBeCloseTo(1, 2);
    expect(relative?.low).toBeLessThanOrEqual(0.1 + 1e-12);
    expect(absolute?.high).toBeGreaterThanOrEqual(0.99);
  });

  it('has no ratio where a side is 0, and no end where one never answers', () => {
    expect(one(values(ERRORS, around(0), around(0.1))).relative).toBeNull();
    const never = one(
      values(
        LATENCY,
        around(10),
        around(10).map(() => Number.POSITIVE_INFINITY),
      ),
    );
    expect(never.relative?.estimate).toBe(Number.POSITIVE_INFINITY);
    const both = around(10).map(() => Number.POSITIVE_INFINITY);
    expect(one(values(LATENCY, both, both)).relative?.estimate).toBe(0);
  });

  it('does not depend on which pairs come first, nor on the unit', () => {
    const base = [10, 12, 9, 11, 13, 10.5, 9.5, 12.5];
    const head = [11, 12.5, 10, 12, 13, 11, 10, 13];
    const plain = one(values(LATENCY, base, head));
    const turned = one(values(LATENCY, [...base].reverse(), [...head].reverse()));
    const scaled = one(
      values(
        LATENCY,
        base.map((x) => x * 7),
        head.map((x) => x * 7),
      ),
    );
    expect(turned.relative).toEqual(plain.relative);
    expect(scaled.relative?.low).toBeCloseTo(plain.relative?.low as number, 10);
  });

  it('takes no notice of pairs of which one side has no value', () => {
    const whole = one(values(LATENCY, around(10), around(11)));
    const holey = one(values(LATENCY, [...around(10), null, 5], [...around(11), 11, null]));
    expect(holey.units_n).toBe(10);
    expect(holey.relative?.estimate).toBeCloseTo(whole.relative?.estimate as number, 12);
  });
});

describe('the least difference that would be found', () => {
  /** Pairs whose logarithms differ by `effect`, give or take 10 %. */
  const pairs = (repeat: number, effect: number, n: number) => {
    const source = random(repeat, 'service');
    const base = Array.from({ length: n }, () => 10 + source.below(5));
    return one(
      values(
        LATENCY,
        base,
        base.map((ms) => ms * Math.exp(effect + 0.1 * normal(source))),
      ),
    );
  };
  const repeats = Array.from({ length: 100 }, (_, repeat) => repeat);
  const meanLeast = (n: number) =>
    repeats.reduce((sum, repeat) => sum + (pairs(repeat, 0, n).detectable.relative as number), 0) / repeats.length;

  it('is that of a normal test on as many pairs', () => {
    // (2.05 for 96 % + 1.645 for 95 %) standard errors; a rank test of normal values needs 2 % more.
    const expected = Math.expm1(((2.05 + 1.645) * 0.1 * 1.02) / Math.sqrt(40));
    const mean = meanLeast(40);
    expect(mean / expected).toBeGreaterThan(0.9);
    expect(mean / expected).toBeLessThan(1.1);
  });

  it('is found in 9 of 10 cases', () => {
    const least = Math.log1p(meanLeast(20));
    const found = (effect: number) => repeats.filter((repeat) => pairs(1000 + repeat, effect, 20).change === 'worse');
    expect(found(least).length).toBeGreaterThanOrEqual(90);
    // And half of it is not: the figure is no mere upper bound.
    expect(found(least / 2).length).toBeLessThan(80);
  });

  it('is none where the units are too few, do not vary, or never end', () => {
    expect(pairs(1, 0, 4).detectable).toEqual({ relative: null, absolute: null });
    expect(one(values(ERRORS, around(0), around(0))).detectable.absolute).toBeNull();
    const never = around(10).map(() => Number.POSITIVE_INFINITY);
    expect(one(values(LATENCY, around(10), never)).detectable).toEqual({ relative: null, absolute: null });
  });
});

describe('blocks of one run that are alike', () => {
  const series: Design = { paired: true, serial: true };
  const alike = (seed: number, effect: number) => {
    const source = random(seed, 'service');
    let state = 0;
    const head = Array.from({ length: 12 }, () => {
      state = 0.5 * state + normal(source);
      return 10 * Math.exp(effect + 0.02 * state);
    });
    return values(LATENCY, around(10, 12), head);
  };

  it('have wider intervals around the same difference, and a difference that is plain is found in ten of them', () => {
    const apart = one(alike(1, 0.2));
    const together = one(alike(1, 0.2), series);
    expect(together.relative?.estimate).toBe(apart.relative?.estimate);
    expect(together.relative?.low).toBeLessThan(apart.relative?.low as number);
    expect(together.relative?.high).toBeGreaterThan(apart.relative?.high as number);
    expect(together.change).toBe('worse');
  });

  it('have p-values that go with their intervals', () => {
    const effects = [0, 0.01, 0.02, 0.03, 0.04, 0.06];
    const all = effects.flatMap((effect) => [1, 2, 3, 4, 5].map((seed) => one(alike(seed, effect), series)));
    const excludes0 = ({ relative }: Compared) => (relative as Shift).low > 0 || (relative as Shift).high < 0;
    expect(all.filter(excludes0).length).toBeGreaterThan(5);
    expect(all.filter(excludes0).length).toBeLessThan(25);
    expect(all.map(({ p_value }) => (p_value as number) <= ALPHA)).toEqual(all.map(excludes0));
  });
});

it('has p-values that go with intervals also where values are tied, whose statistic has other steps', () => {
  const compared = Array.from({ length: 100 }, (_, seed) => {
    const source = random(seed, 'service');
    const base = around(10).map(() => 10);
    const head = (step: number) => base.map(() => 10.2 + step * Math.round((0.3 * normal(source)) / step));
    const both = [values(LATENCY, base, head(1e-9)), values(THROUGHPUT, base, head(0.1))];
    return compareSides(both, { design: PAIRS, minEffect: 0.02, seed: 1 });
  }).flat();
  const excludes0 = compared.map(({ relative }) => (relative as Shift).low > 0);
  expect(excludes0).toContain(true);
  expect(excludes0).toContain(false);
  expect(compared.map(({ p_value }) => (p_value as number) <= ALPHA)).toEqual(excludes0);
});

const REPEATS = 40;

/** How many comparisons call equals different, and how many find a server whose service takes 5 % longer. */
function tried(design: SimulatedDesign, repeats = REPEATS) {
  const trials = Array.from({ length: repeats }, (_, repeat) => trial(design, repeat)(OPEN_FIGURES));
  return {
    alarms: trials.filter(({ equal }) => equal.some(differs)).length,
    found: trials.filter(({ slower }) => slower.some(({ change }) => change === 'worse')).length,
  };
}

describe(`of ${REPEATS} comparisons in virtual time at most 5 % call equals different and at least 95 % find 5 % more`, {
  timeout: 600_000,
}, () => {
  // bench/compare-power.ts does 200 of each of more designs.
  it.each([BLOCKS, INTERLEAVED])('$name', (design) => {
    const { alarms, found } = tried(design);
    expect(alarms).toBeLessThanOrEqual(0.05 * REPEATS);
    expect(found).toBeGreaterThanOrEqual(0.95 * REPEATS);
  });

  it('and a wrong unit is found out: seconds as if they were independent raise false alarms', () => {
    const slowlyWandering = { ...WANDERING, wander: 0.1, memoryS: 20 };
    const seconds: SimulatedDesign = { ...BLOCKS, server: slowlyWandering, measure: oneRun(60, 1), design: PAIRS };
    expect(tried(seconds, 10).alarms).toBeGreaterThan(0.3 * 10);
  });
});
