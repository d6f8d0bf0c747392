import { describe, expect, it } from 'vitest';
import { normal, random } from '../../../src/random.js';
import {
  criticalValue,
  midRanks,
  relabelledMaxima,
  serialInflation,
  shareBeyond,
  shiftOf,
  standardised,
  type Units,
} from '../../../src/verdicts/rank-tests.js';

const paired = (...differences: number[]): Units => ({ kind: 'paired', differences });
const apart = (base: number[], head: number[]): Units => ({ kind: 'apart', base, head });
const pValue = (units: Units) =>
  shareBeyond(relabelledMaxima([units], random(1, 'relabelling')), Math.abs(standardised(units)));

describe('ranks', () => {
  it('share the mean where values are equal, and skip what is not there', () => {
    expect(midRanks([10, 20, 20, Number.NaN, 5])).toEqual([2, 3.5, 3.5, 0, 1]);
  });
});

describe('exact p-values', () => {
  it('of pairs all on one side are 2 / 2^n', () => {
    expect(pValue(paired(1, 2, 3, 4, 5))).toBe(2 / 32);
    expect(pValue(paired(-1, -2, -3, -4, -5, -6, -7, -8))).toBe(2 / 256);
  });

  it("of Wilcoxon's own sum are those of his table: n = 8, T = 3 is 0.039 on both sides", () => {
    // Ranks 1 and 2 are negative: T = 3. Of 256 signings 5 have a sum of at most 3 ({}, 1, 2, 3, 1+2), and as many the other way.
    expect(pValue(paired(-1, -2, 3, 4, 5, 6, 7, 8))).toBe(10 / 256);
  });

  it('of two sides apart are 2 / C(10, 5) when they do not overlap', () => {
    expect(pValue(apart([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]))).toBe(2 / 252);
  });

  it('of equal sides are 1', () => {
    expect(pValue(paired(0, 0, 0, 0))).toBe(1);
    expect(pValue(apart([1, 1, 1], [1, 1, 1]))).toBe(1);
  });

  it('of figures that are looked at together are larger, of copies of one figure they are not', () => {
    const first = paired(1, 2, 3, 4, 5, 6, 7, 8);
    const second = paired(8, -1, 6, -3, 4, -5, 2, -7);
    const together = relabelledMaxima([first, second], random(1, 'relabelling'));
    const copies = relabelledMaxima([first, first], random(1, 'relabelling'));
    expect(shareBeyond(together, standardised(first))).toBeGreaterThan(2 / 256);
    expect(shareBeyond(copies, standardised(first))).toBe(2 / 256);
  });
});

describe('the critical value', () => {
  it('is passed by at most the share that was asked for', () => {
    const maxima = relabelledMaxima([paired(1, 2, 3, 4, 5, 6, 7, 8)], random(1, 'relabelling'));
    for (const alpha of [0.01, 0.05, 0.1]) {
      const critical = criticalValue(maxima, alpha);
      expect(maxima.filter((value) => value >= critical).length / maxima.length).toBeLessThanOrEqual(alpha);
    }
  });

  it('is out of reach where the relabellings are too few', () => {
    const maxima = relabelledMaxima([paired(1, 2, 3, 4)], random(1, 'relabelling'));
    expect(criticalValue(maxima, 0.05)).toBeGreaterThan(maxima.at(-1) as number);
  });

  it('is the same for the same seed where relabellings are drawn', () => {
    const units = paired(...Array.from({ length: 40 }, (_, index) => index - 11));
    const draw = (seed: number) => criticalValue(relabelledMaxima([units], random(seed, 'relabelling')), 0.05);
    expect(draw(3)).toBe(draw(3));
    // The normal limit of one figure.
    expect(Math.abs(draw(3) - 1.96)).toBeLessThan(0.08);
  });
});

describe('the shift', () => {
  it('is the median of all means of pairs, its bounds the k-th from the ends', () => {
    // The 36 means of 1 … 8 with T critical 3 (5 %, n = 8) leave out 3 at each end: 1, 1.5, 2 and 8, 7.5, 7.
    const units = paired(1, 2, 3, 4, 5, 6, 7, 8);
    const critical = criticalValue(relabelledMaxima([units], random(1, 'relabelling')), 0.05);
    const shift = shiftOf(units, critical);
    expect(shift?.estimate).toBe(4.5);
    expect([shift?.low, shift?.high]).toEqual([2, 7]);
  });

  it('of two sides is the median of all differences, its bounds those of the rank-sum table', () => {
    // 5 against 5 at 5 %: U = 2 is the critical value, so two differences are left out at each end.
    const base = [1, 2, 3, 4, 5];
    const head = [11, 13, 15, 17, 19];
    const units = apart(base, head);
    const critical = criticalValue(relabelledMaxima([units], random(1, 'relabelling')), 0.05);
    const differences = head.flatMap((b) => base.map((a) => b - a)).sort((a, b) => a - b);
    const shift = shiftOf(units, critical);
    expect(shift?.estimate).toBe(differences[12]);
    expect([shift?.low, shift?.high]).toEqual([differences[3 - 1 + 0], differences[25 - 3]]);
  });

  it('has no bounds where no critical value can be reached, and is none without units', () => {
    expect(shiftOf(paired(1, 2, 3), Number.POSITIVE_INFINITY)).toEqual({
      estimate: 2,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
    });
    expect(shiftOf(paired(Number.NaN), 2)).toBeUndefined();
  });

  it('excludes 0 exactly when its own statistic passes the critical value', () => {
    const source = random(9, 'service');
    for (let round = 0; round < 200; round++) {
      const units = paired(...Array.from({ length: 9 }, () => normal(source) + 0.6));
      const critical = criticalValue(relabelledMaxima([units], source), 0.05);
      const shift = shiftOf(units, critical);
      expect((shift?.low ?? 0) > 0 || (shift?.high ?? 0) < 0).toBe(Math.abs(standardised(units)) >= critical - 1e-9);
    }
  });
});

describe('alike neighbours', () => {
  const series = (r: number, seed: number) => {
    const source = random(seed, 'service');
    let state = normal(source);
    return Array.from({ length: 400 }, () => {
      state = r * state + Math.sqrt(1 - r * r) * normal(source);
      return state;
    });
  };
  const meanInflation = (r: number) =>
    Array.from({ length: 20 }, (_, seed) => serialInflation(paired(...series(r, seed)))).reduce((a, b) => a + b) / 20;

  it.each([0.3, 0.6])('widen the spread as those of an AR(1) series do: r = %d', (r) => {
    const exact = Math.sqrt((1 + r) / (1 - r));
    expect(Math.abs(meanInflation(r) / exact - 1)).toBeLessThan(0.08);
  });

  it('never narrow it', () => {
    expect(meanInflation(-0.5)).toBe(1);
    expect(serialInflation(paired(1, 2, 1, 2, 1, 2))).toBe(1);
  });

  it('are not taken to be independent where the series is too short to tell: 2 / 6 is added', () => {
    expect(serialInflation(paired(1, 1, 1, 1, 1, 1))).toBeCloseTo(Math.sqrt((1 + 1 / 3) / (1 - 1 / 3)), 10);
  });
});
