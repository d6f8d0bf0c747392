import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brainBits, brainValue, halfBits, halfValue } from '../../src/half.js';

/** Bit patterns of IEEE 754 binary16, as its definition and the tables of it have them. */
const HALVES: readonly (readonly [value: number, bits: number])[] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [1 / 3, 0x3555],
  [65_504, 0x7bff],
  [65_519, 0x7bff],
  [65_520, 0x7c00],
  [1e10, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  [2 ** -14, 0x0400],
  [2 ** -24, 0x0001],
  [2 ** -25, 0x0000],
  [1.5 * 2 ** -25, 0x0001],
  [2 ** -30, 0x0000],
  // Ties go to the even one: 2049 lies between 2048 and 2050, 2051 between 2050 and 2052.
  [2049, 0x6800],
  [2051, 0x6802],
];

describe('a half', () => {
  it.each(HALVES)('of %d has the bits 0x%s', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });

  it('of NaN is a NaN', () => {
    expect(halfValue(halfBits(Number.NaN))).toBeNaN();
  });

  it('is read as it was written, for every pattern that is a number', () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = halfValue(bits);
      if (!Number.isNaN(value)) {
        expect(halfBits(value)).toBe(bits);
      }
    }
  });

  it('is the nearest one', () => {
    fc.assert(
      fc.property(fc.float({ min: -65_504, max: 65_504, noNaN: true }), (value) => {
        const bits = halfBits(value);
        const error = Math.abs(halfValue(bits) - value);
        for (const neighbour of [bits - 1, bits + 1].filter((near) => (near & 0x7fff) <= 0x7bff && near >= 0)) {
          expect(error).toBeLessThanOrEqual(Math.abs(halfValue(neighbour) - value));
        }
      }),
    );
  });
});

describe('a bfloat16', () => {
  it.each([
    [1, 0x3f80],
    [-2, 0xc000],
    [3.140625, 0x4049],
    // π as float32 is 0x40490fdb: the lower half is below one half.
    [Math.PI, 0x4049],
    // 0x3f808000 is a tie, and 0x3f80 is even; 0x3f818000 goes up.
    [1.00390625, 0x3f80],
    [1.01171875, 0x3f82],
    [Number.POSITIVE_INFINITY, 0x7f80],
    [Number.NaN, 0x7fc0],
  ])('of %d has the bits 0x%s', (value, bits) => {
    expect(brainBits(value)).toBe(bits);
  });

  it('is read as the upper half of a float32', () => {
    expect(brainValue(0x4049)).toBe(3.140625);
    expect(brainValue(0xff80)).toBe(Number.NEGATIVE_INFINITY);
  });
});
