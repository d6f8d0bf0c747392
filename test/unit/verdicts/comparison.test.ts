import { describe, expect, it } from 'vitest';
import { figureValues, type SideBins } from '../../../src/commands/compared-runs.js';
import { normal, random } from '../../../src/random.js';
import type { Figure } from '../../../src/reduce/block-figures.js';
import { US_PER_S } from '../../../src/units.js';
import { type Compared, compareSides, type Design, type FigureValues } from '../../../src/verdicts/comparison.js';
import { emptySide, OPEN_FIGURES, type SimulatedServer, simulate } from '../../support/simulated-server.js';

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

/** No queue, on a machine whose speed wanders by 3 % with a memory of 5 s. */
const WANDERING: SimulatedServer = { serviceUs: 5000, spread: 0.3, slots: 'unlimited', wander: 0.03, memoryS: 5 };
/** One slot that is busy for 80 % of the time: a slow stretch is felt by all that queue behind it. */
const QUEUE: SimulatedServer = { serviceUs: 8000 * Math.exp(-0.125), spread: 0.5, slots: 1, wander: 0.01, memoryS: 2 };

const REPEATS = 200;
const PER_S = 100;

interface Measured {
  readonly server: SimulatedServer;
  /** Of two runs that are compared, arrivals are the same and the rest is not. */
  readonly repeat: number;
  readonly side: 0 | 1;
}

const noiseOf = ({ repeat, side }: Measured) => random(1 + repeat * 2 + side, 'service');

/** One run, cut into blocks of so many seconds. */
const oneRun = (seconds: number, blockS: number) => (measured: Measured) => {
  const into = emptySide(seconds / blockS);
  const arrivals = random(measured.repeat, 'arrivals');
  const run = { server: measured.server, perS: PER_S, seconds, arrivals, noise: noiseOf(measured) };
  simulate(run, into, { blockUs: blockS * US_PER_S });
  return into;
};

/** Runs of 10 s on a machine that gets slower by a fifth from the first to the last. */
const onDriftingMachine = (units: number) => (measured: Measured) => {
  const into = emptySide(units);
  const noise = noiseOf(measured);
  for (let unit = 0; unit < units; unit++) {
    const server = { ...measured.server, serviceUs: measured.server.serviceUs * (1 + (0.2 * unit) / units) };
    const arrivals = random(measured.repeat * units + unit, 'arrivals');
    simulate({ server, perS: PER_S, seconds: 10, arrivals, noise }, into, { first: unit });
  }
  return into;
};

function changes(base: SideBins, head: SideBins, design: Design): ReadonlySet<string> {
  const figures = OPEN_FIGURES.map((figure) => figureValues(figure, base, head, design.paired));
  return new Set(compareSides(figures, { design, minEffect: 0.02, seed: 1 }).map(({ change }) => change));
}

/** How many comparisons call equals different, and how many find a server whose service takes 5 % longer. */
function tried(server: SimulatedServer, measure: (measured: Measured) => SideBins, design: Design, repeats: number) {
  const seen = { alarms: 0, found: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const base = measure({ server, repeat, side: 0 });
    const equals = changes(base, measure({ server, repeat, side: 1 }), design);
    seen.alarms += Number(equals.has('worse') || equals.has('better'));
    const slower = { ...server, serviceUs: server.serviceUs * 1.05 };
    seen.found += Number(changes(base, measure({ server: slower, repeat, side: 1 }), design).has('worse'));
  }
  return seen;
}

describe(`of ${REPEATS} comparisons in virtual time at most 5 % call equals different and at least 95 % find 5 % more`, {
  timeout: 600_000,
}, () => {
  it('block by block, two runs of 300 s on a machine whose speed wanders', () => {
    const { alarms, found } = tried(WANDERING, oneRun(300, 10), { paired: true, serial: true }, REPEATS);
    expect(alarms).toBeLessThanOrEqual(0.05 * REPEATS);
    expect(found).toBeGreaterThanOrEqual(0.95 * REPEATS);
  });

  it('interleaved, 12 blocks of 10 s with a queue on a machine that drifts', () => {
    const { alarms, found } = tried(QUEUE, onDriftingMachine(12), PAIRS, REPEATS);
    expect(alarms).toBeLessThanOrEqual(0.05 * REPEATS);
    expect(found).toBeGreaterThanOrEqual(0.95 * REPEATS);
  });

  it('and a wrong unit is found out: seconds as if they were independent raise false alarms', () => {
    const slowlyWandering = { ...WANDERING, wander: 0.1, memoryS: 20 };
    const repeats = 20;
    expect(tried(slowlyWandering, oneRun(60, 1), PAIRS, repeats).alarms).toBeGreaterThan(0.3 * repeats);
  });
});
