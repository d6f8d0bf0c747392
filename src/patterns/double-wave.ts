import { US_PER_S } from '../units.js';
import { type LoadPattern, level, pattern } from './pattern.js';

export interface DoubleWaveOptions {
  /** The level between the waves. */
  readonly min: number;
  /** The level at the top of each wave; neither is below `min`. */
  readonly peakOne: number;
  readonly peakTwo: number;
  readonly durationUs: number;
}

/**
 * Two Gaussian waves over a floor, tops at a third and two thirds of the duration T:
 *
 *     u(t) = (peakOne − min) · e^−(t/w − 5)² + (peakTwo − min) · e^−(t/w − 10)² + min,   w = T/15
 *
 * t, w and T in seconds; each wave has the standard deviation w/√2. Source: Locust's double-wave example, as used by
 * the Prism inference benchmark with 2, 15 and 60 users over 120 s.
 */
export function doubleWave({ min, peakOne, peakTwo, durationUs }: DoubleWaveOptions): LoadPattern {
  const waveS = durationUs / US_PER_S / 15;
  const bell = (distance: number) => Math.exp(-distance * distance);
  return {
    durationUs,
    levelAt(elapsedUs) {
      const x = elapsedUs / US_PER_S / waveS;
      return (peakOne - min) * bell(x - 5) + (peakTwo - min) * bell(x - 10) + min;
    },
  };
}

export const doubleWaveKind = pattern({
  summary: 'two Gaussian waves over a floor',
  levels: {
    min: level({ users: 'min-users', rate: 'min-rate', where: 'between the waves', default: '2', min: 0 }),
    peakOne: level({ users: 'peak-one', rate: 'peak-one-rate', where: 'at the top of the first wave', default: '15' }),
    peakTwo: level({ users: 'peak-two', rate: 'peak-two-rate', where: 'at the top of the second wave', default: '60' }),
  },
  flags: {},
  problems: (levels, nameOf) =>
    (['peakOne', 'peakTwo'] as const)
      .filter((peak) => levels[peak] < levels.min)
      .map((peak) => `${nameOf(peak)} must be >= ${nameOf('min')}: got ${levels[peak]}, min is ${levels.min}`),
  build: ({ levels, durationUs }) => doubleWave({ ...levels, durationUs }),
});
