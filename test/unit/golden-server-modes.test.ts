import { describe, expect, it } from 'vitest';
import { type Mode, serviceOf } from '../support/golden-server-modes.js';

/** Latencies of arrivals that come evenly, sorted. */
function latencies(mode: Mode, count: number, gapMs: number): readonly number[] {
  const service = serviceOf(mode);
  return Array.from({ length: count }, (_, index) => service(index * gapMs, index, 0) - index * gapMs).sort(
    (a, b) => a - b,
  );
}

/** Nearest rank. */
function at(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(share * sorted.length) - 1] as number;
}

describe('modes of the golden server', () => {
  it('single stall: the reference experiment of an open loop, 100/s for 10 s and one stall of 2 s', () => {
    const sorted = latencies({ kind: 'single stall', ms: 5, atMs: 4_000, stallMs: 2_000 }, 1_000, 10);
    // Exact values of the experiment: 5, 1005, 1505, 1905, 2005 ms.
    expect([0.5, 0.9, 0.95, 0.99, 1].map((share) => at(sorted, share))).toEqual([5, 1_005, 1_505, 1_905, 2_005]);
  });

  it('periodic stall: 5 ms up to 80 %, above 5 + 1000 (q − 0.8) / 0.2', () => {
    const sorted = latencies({ kind: 'periodic stall', ms: 5, everyMs: 5_000, stallMs: 1_000 }, 4_000, 5);
    expect(at(sorted, 0.5)).toBeCloseTo(5, 9);
    expect(at(sorted, 0.799)).toBeCloseTo(5, 9);
    for (const share of [0.9, 0.95, 0.99, 1]) {
      const theoryMs = 5 + (1_000 * (share - 0.8)) / 0.2;
      // One gap of the arrivals is as near as ranks come.
      expect(Math.abs(at(sorted, share) - theoryMs)).toBeLessThanOrEqual(5 + 1e-9);
    }
  });

  it('bimodal: exactly every tenth is slow', () => {
    const sorted = latencies({ kind: 'bimodal', ms: 5, slowMs: 50, slowEvery: 10 }, 1_000, 10);
    expect(sorted.filter((ms) => ms > 20)).toHaveLength(100);
    expect([at(sorted, 0.9), at(sorted, 0.901)].map(Math.round)).toEqual([5, 50]);
  });

  it('lognormal: the median, and 84.1 % below median · e^sigma', () => {
    const sorted = latencies({ kind: 'lognormal', medianMs: 10, sigma: 0.5, seed: 7 }, 20_000, 1);
    expect(at(sorted, 0.5)).toBeGreaterThan(9.8);
    expect(at(sorted, 0.5)).toBeLessThan(10.2);
    const below = sorted.filter((ms) => ms < 10 * Math.exp(0.5)).length / sorted.length;
    expect(below).toBeGreaterThan(0.83);
    expect(below).toBeLessThan(0.853);
  });

  it('constant, freeze and load', () => {
    expect(serviceOf({ kind: 'constant', ms: 5 })(100, 3, 9)).toBe(105);
    expect(serviceOf({ kind: 'freeze', ms: 5, atMs: 50, freezeMs: 2_000 })(100, 3, 9)).toBe(105);
    expect(serviceOf({ kind: 'load', ms: 5, perRequestMs: 2 })(100, 3, 9)).toBe(123);
  });
});
