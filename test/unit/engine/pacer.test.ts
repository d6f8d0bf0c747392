import { describe, expect, it } from 'vitest';
import { choosePacing } from '../../../src/engine/pacer.js';

const every = (gapUs: number) => Float64Array.from({ length: 100 }, (_, index) => index * gapUs);

describe('pacing is chosen', () => {
  it.each([
    ['precise where gaps are short and a core is free', every(1_000), 2, 1, 'precise'],
    ['frugal where gaps are long', every(200_000), 8, 1, 'frugal'],
    ['frugal on one core', every(1_000), 1, 1, 'frugal'],
    ['frugal where the workers would spin on all cores', every(1_000), 2, 2, 'frugal'],
    ['precise where the workers leave a core', every(1_000), 4, 3, 'precise'],
    ['frugal without any arrival', new Float64Array(0), 8, 1, 'frugal'],
  ] as const)('%s', (_why, dueUs, cores, workers, wanted) => {
    expect(choosePacing(dueUs, cores, workers)).toBe(wanted);
  });
});
