import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { constant } from '../../../src/patterns/constant.js';
import { doubleWave } from '../../../src/patterns/double-wave.js';
import type { LoadPattern } from '../../../src/patterns/pattern.js';
import { stages } from '../../../src/patterns/stages.js';
import { step } from '../../../src/patterns/step.js';
import { random } from '../../../src/random.js';
import { arrivals, type Spacing } from '../../../src/schedule/arrivals.js';

const UNIFORM: Spacing = { kind: 'uniform' };
const draw = (curve: LoadPattern, spacing: Spacing, seed = 1) => arrivals(curve, spacing, random(seed, 'arrivals'));
const gapsS = (timesUs: Float64Array) => Array.from(timesUs, (us, index) => (us - (timesUs[index - 1] ?? 0)) / 1e6);

/** Kolmogorov and Smirnov's largest distance between the gaps and a distribution. */
function ksDistance(values: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  return sorted.reduce(
    (most, x, index) => Math.max(most, Math.abs(cdf(x) - index / n), Math.abs(cdf(x) - (index + 1) / n)),
    0,
  );
}

/** Its 1 % critical value for large samples. */
const ksLimit = (n: number) => 1.628 / Math.sqrt(n);

function moments(values: readonly number[]) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  const lag1 = values.slice(1).reduce((sum, x, index) => sum + (x - mean) * ((values[index] as number) - mean), 0);
  return { mean, cv: Math.sqrt(variance) / mean, autocorrelation: lag1 / values.length / variance };
}

describe('uniform arrivals', () => {
  it('of a constant rate come a full gap apart, the first a gap after the start', () => {
    const times = draw(constant({ level: 100, durationUs: 10e6 }), UNIFORM);
    expect(times.length).toBe(1000);
    for (const [index, us] of times.entries()) {
      expect(us).toBeCloseTo((index + 1) * 10_000, 3);
    }
  });

  it.each([
    // The n-th arrival of a ramp a→b over d: x = (a·d − √(d·(a²·d + 2n(b−a)))) / (a−b). Source: k6.
    ['up', 0, 50],
    ['down', 80, 10],
  ])('of a ramp %s lie on the inverse of its area', (_way, a, b) => {
    const d = 20;
    const times = draw(stages({ start: a, list: [{ durationUs: d * 1e6, target: b }] }), UNIFORM);
    expect(times.length).toBe(((a + b) / 2) * d);
    for (const [index, us] of times.entries()) {
      const n = index + 1;
      const x = (a * d - Math.sqrt(d * (a * a * d + 2 * n * (b - a)))) / (a - b);
      // Each cell of a millisecond is taken as level.
      expect(Math.abs(us / 1e6 - x)).toBeLessThan(0.0015);
    }
  });

  it('of a staircase keep each step exactly', () => {
    const times = draw(step({ stepLevel: 10, stepTimeUs: 1e6, durationUs: 5e6 }), UNIFORM);
    const perSecond = [0, 1, 2, 3, 4].map((s) => times.filter((us) => us > s * 1e6 && us <= (s + 1) * 1e6).length);
    expect(perSecond).toEqual([10, 20, 30, 40, 50]);
  });

  it('of the double wave are as many as its area', () => {
    const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
    // 2·120 s and two Gaussians of area (peak − min)·w·√π, w = 8 s.
    const area = 240 + (13 + 58) * 8 * Math.sqrt(Math.PI);
    expect(Math.abs(draw(curve, UNIFORM).length - area)).toBeLessThanOrEqual(1);
  });

  it('have no gap above twice the mean at a constant rate, also at 20,000/s', () => {
    const gaps = gapsS(draw(constant({ level: 20_000, durationUs: 2e6 }), UNIFORM));
    expect(Math.max(...gaps)).toBeLessThan(2 / 20_000);
    expect(gaps.length).toBe(40_000);
  });

  it('of a rate of 0 are none', () => {
    expect(draw(constant({ level: 0, durationUs: 10e6 }), UNIFORM).length).toBe(0);
  });
});

describe('arrivals of any curve', () => {
  it('are in order and in range, and as many as the area within one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ durationUs: fc.integer({ min: 1, max: 3_000_000 }), target: fc.nat({ max: 300 }) }), {
          minLength: 1,
          maxLength: 5,
        }),
        (list) => {
          const curve = stages({ start: 0, list });
          const times = draw(curve, UNIFORM);
          let from = 0;
          const area = list.reduce((sum, { durationUs, target }) => {
            const added = ((from + target) / 2) * (durationUs / 1e6);
            from = target;
            return sum + added;
          }, 0);
          expect(Math.abs(times.length - Math.floor(area))).toBeLessThanOrEqual(1);
          for (const [index, us] of times.entries()) {
            expect(us).toBeGreaterThanOrEqual(times[index - 1] ?? 0);
            expect(us).toBeLessThanOrEqual(curve.durationUs);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('Poisson arrivals', () => {
  const RATES = [50, 500, 2000];
  const SEEDS = Array.from({ length: 20 }, (_, seed) => seed + 1);

  it.each(RATES)('at %d/s pass the Kolmogorov-Smirnov test on 20 seeds', (rate) => {
    const passed = SEEDS.filter((seed) => {
      const gaps = gapsS(draw(constant({ level: rate, durationUs: (10_000 / rate) * 1e6 }), { kind: 'poisson' }, seed));
      return ksDistance(gaps, (x) => 1 - Math.exp(-rate * x)) < ksLimit(gaps.length);
    });
    // At 1 % each a single miss may come by chance; the seeds are fixed, so this never changes.
    expect(passed.length).toBeGreaterThanOrEqual(19);
  });

  it('have independent gaps, a coefficient of variation of 1 and counts as dispersed as their mean', () => {
    const times = draw(constant({ level: 1000, durationUs: 20e6 }), { kind: 'poisson' }, 7);
    const { cv, autocorrelation } = moments(gapsS(times));
    expect(Math.abs(cv - 1)).toBeLessThan(0.03);
    expect(Math.abs(autocorrelation)).toBeLessThan(3 / Math.sqrt(times.length));
    const counts = Array.from({ length: 200 }, (_, bin) => times.filter((us) => Math.floor(us / 1e5) === bin).length);
    const mean = counts.reduce((a, b) => a + b) / counts.length;
    const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
    // χ² with 199 degrees of freedom: 99 % band by its normal approximation.
    expect(Math.abs(chiSquare - 199)).toBeLessThan(2.576 * Math.sqrt(2 * 199));
  });

  it('follow a varying rate', () => {
    const curve = doubleWave({ min: 2, peakOne: 15, peakTwo: 60, durationUs: 120e6 });
    const times = draw(curve, { kind: 'poisson' }, 3);
    const area = 240 + 71 * 8 * Math.sqrt(Math.PI);
    expect(Math.abs(times.length - area)).toBeLessThan(3 * Math.sqrt(area));
    expect(times.filter((us) => us > 70e6 && us < 90e6).length).toBeGreaterThan(times.length / 2);
  });

  it('are the same for a seed', () => {
    const curve = constant({ level: 100, durationUs: 5e6 });
    expect(draw(curve, { kind: 'poisson' }, 5)).toEqual(draw(curve, { kind: 'poisson' }, 5));
    expect(draw(curve, { kind: 'poisson' }, 5)).not.toEqual(draw(curve, { kind: 'poisson' }, 6));
  });

  it.each([
    ['even gaps', (n: number) => Array.from({ length: n }, () => 1 / 500)],
    ['gaps of a uniform distribution', (n: number) => Array.from({ length: n }, (_, i) => ((i * 0.618034) % 1) / 250)],
    [
      'timers of a whole millisecond',
      (n: number) =>
        gapsS(draw(constant({ level: 500, durationUs: (n / 500) * 1e6 }), { kind: 'poisson' })).map(
          (s) => Math.ceil(s * 1000) / 1000,
        ),
    ],
    [
      'gaps around another rate',
      (n: number) => gapsS(draw(constant({ level: 540, durationUs: (n / 540) * 1e6 }), { kind: 'poisson' })),
    ],
    [
      'arrivals squeezed into two thirds of each second',
      (n: number) =>
        gapsS(draw(constant({ level: 750, durationUs: (n / 750) * 1e6 }), { kind: 'poisson' })).map((s, i) =>
          i % 500 === 0 ? s + 1 / 3 : s,
        ),
    ],
  ])('are told from %s', (_wrong, wrong) => {
    const gaps = wrong(10_000);
    expect(ksDistance(gaps, (x) => 1 - Math.exp(-500 * x))).toBeGreaterThan(ksLimit(gaps.length));
  });
});

describe.each([0.25, 0.5, 1, 2])('gamma arrivals of CV %d', (cv) => {
  it('have it, and the rate', () => {
    const times = draw(constant({ level: 1000, durationUs: 40e6 }), { kind: 'gamma', cv }, 11);
    const found = moments(gapsS(times));
    expect(Math.abs(found.cv / cv - 1)).toBeLessThan(0.05);
    expect(Math.abs(found.mean * 1000 - 1)).toBeLessThan(0.03);
  });
});
