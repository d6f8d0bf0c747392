import { describe, expect, it } from 'vitest';
import { random } from '../../../src/random.js';
import { parseServiceTime, type ServiceTime, serviceTimes } from '../../../src/server/service-time.js';

const draws = (model: ServiceTime, count: number, seed = 1): readonly number[] => {
  const next = serviceTimes(model, random(seed, 'service'));
  return Array.from({ length: count }, () => next(1));
};
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('a service time', () => {
  it.each([
    ['5ms', { kind: 'linear', baseUs: 5_000, perItemUs: 0 }],
    ['0', { kind: 'linear', baseUs: 0, perItemUs: 0 }],
    ['2ms+0.5ms', { kind: 'linear', baseUs: 2_000, perItemUs: 500 }],
    ['1m30s', { kind: 'linear', baseUs: 90_000_000, perItemUs: 0 }],
    ['lognormal:20ms,0.5', { kind: 'lognormal', medianUs: 20_000, sigma: 0.5 }],
    ['exponential:5ms', { kind: 'exponential', meanUs: 5_000 }],
  ])('is read from %s', (text, model) => {
    expect(parseServiceTime(text)).toEqual(model);
  });

  it.each([
    '',
    '5',
    '5 ms',
    ':5ms',
    '2ms+',
    '+2ms',
    '1ms+1ms+1ms',
    'lognormal:20ms',
    'lognormal:20ms,x',
    'lognormal:20ms,-1',
    'lognormal:,1',
    'exponential:',
    'exponential:5ms,1',
    'normal:5ms',
    'Exponential:5ms',
  ])('is not read from %j', (text) => {
    expect(parseServiceTime(text)).toBeUndefined();
  });

  it('grows with the items where it says so', () => {
    const next = serviceTimes({ kind: 'linear', baseUs: 2_000, perItemUs: 500 }, random(1, 'service'));
    expect([1, 4, 64].map(next)).toEqual([2_500, 4_000, 34_000]);
  });

  it('is the same again with the same seed, and another with another', () => {
    const model = { kind: 'exponential', meanUs: 5_000 } as const;
    expect(draws(model, 100, 7)).toEqual(draws(model, 100, 7));
    expect(draws(model, 100, 7)).not.toEqual(draws(model, 100, 8));
  });

  it('has the mean, the median and the shares of its exponential distribution', () => {
    const times = draws({ kind: 'exponential', meanUs: 1_000 }, 100_000);
    // Standard errors are 0.3 % of the mean and 0.16 % of a share of one half.
    expect(mean(times) / 1_000).toBeCloseTo(1, 1);
    expect(times.filter((us) => us < 1_000 * Math.LN2).length / 100_000).toBeCloseTo(0.5, 1);
    expect(times.filter((us) => us > 3_000).length / 100_000).toBeCloseTo(Math.exp(-3), 2);
    expect(Math.min(...times.slice(0, 10_000))).toBeGreaterThanOrEqual(0);
  });

  it('has the median and the mean of its lognormal distribution', () => {
    const times = draws({ kind: 'lognormal', medianUs: 20_000, sigma: 0.5 }, 100_000);
    expect(times.filter((us) => us < 20_000).length / 100_000).toBeCloseTo(0.5, 1);
    expect(mean(times) / (20_000 * Math.exp(0.5 ** 2 / 2))).toBeCloseTo(1, 1);
    // One sigma above the median lies the share of the normal distribution.
    expect(times.filter((us) => us < 20_000 * Math.exp(0.5)).length / 100_000).toBeCloseTo(0.8413, 2);
  });
});
