import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bins, spectrum } from '../../../src/reports/html-distribution.js';
import { resultsOn } from '../../support/results.js';
import { sample } from '../../support/samples.js';

const taking = (us: readonly number[]) => resultsOn(us.map((one, seq) => sample({ seq, endUs: one })));

describe('the percentile spectrum', () => {
  it('has a point for each tenth of a nine, and ends with the maximum', () => {
    const points = spectrum(taking(Array.from({ length: 1_000 }, (_, index) => index + 1)));
    const at = (p: number) => points.find((point) => Math.abs(point.p - p) < 1e-9);
    expect(at(0)?.latencyMs).toBe(0.001);
    expect(at(0.9)?.latencyMs).toBe(0.9);
    expect(at(0.99)?.latencyMs).toBe(0.99);
    expect(points.at(-1)).toMatchObject({ p: 0.9995, latencyMs: 1, serviceMs: 1 });
    expect(points.map(({ p }) => p)).toEqual(points.map(({ p }) => p).sort((a, b) => a - b));
  });

  it('ends among failures where they begin, when failures never end', () => {
    const failures = Array.from({ length: 100 }, (_, seq) => sample({ seq, outcome: 'http_5xx', origin: 'target' }));
    const good = Array.from({ length: 900 }, (_, seq) => sample({ seq, endUs: seq + 1 }));
    const points = spectrum(resultsOn([...good, ...failures]));
    expect(points.find(({ p }) => p === 0.9)?.allInfMs).toBe(0.9);
    expect(points.filter(({ p }) => p > 0.9).every(({ allInfMs }) => allInfMs === null)).toBe(true);
    expect(points.at(-1)?.latencyMs).toBe(0.9);
  });

  it('is of one request too, and empty without one', () => {
    expect(spectrum(taking([700])).map(({ latencyMs }) => latencyMs)).toEqual([0.7, 0.7]);
    expect(spectrum(taking([]))).toEqual([]);
  });
});

describe('the histogram', () => {
  it('loses none, in no more bins than a reader takes in, whose edges follow on each other', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 60 }), (us) => {
        const { bins: found } = bins(taking(us));
        expect(found.reduce((sum, { latency }) => sum + latency, 0)).toBe(us.length);
        expect(found.reduce((sum, { service }) => sum + service, 0)).toBe(us.length);
        expect(found.length).toBeLessThanOrEqual(61);
        for (const [index, bin] of found.entries()) {
          expect(bin.toMs).toBeGreaterThan(bin.fromMs);
          expect(bin.fromMs).toBe(found[index - 1]?.toMs ?? bin.fromMs);
        }
      }),
    );
  });

  it('has even bins with round edges where durations are alike, and growing ones where they are not', () => {
    const alike = bins(taking([1_000, 1_500, 2_000]));
    expect(alike.isLog).toBe(false);
    expect(alike.bins.slice(0, 2)).toEqual([
      { fromMs: 1, toMs: 1.02, latency: 1, service: 1 },
      { fromMs: 1.02, toMs: 1.04, latency: 0, service: 0 },
    ]);
    const wide = bins(taking([100, 10_000, 1_000_000]));
    expect(wide.isLog).toBe(true);
    expect(wide.bins[0]).toMatchObject({ fromMs: 0.1, latency: 1 });
    expect((wide.bins[1]?.fromMs as number) / (wide.bins[0]?.fromMs as number)).toBeCloseTo(10 ** (1 / 10), 9);
  });

  it('is empty without a success', () => {
    expect(bins(taking([]))).toEqual({ isLog: false, bins: [] });
  });
});
