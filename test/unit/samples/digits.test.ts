import fc from 'fast-check';
import { expect, it } from 'vitest';
import { putDigits, putWhole, putWord } from '../../../src/samples/digits.js';

const written = (put: (bytes: Buffer, at: number) => number) => {
  const bytes = Buffer.alloc(40, 0x7e);
  const end = put(bytes, 3);
  expect(bytes.subarray(end).every((byte) => byte === 0x7e)).toBe(true);
  return bytes.toString('latin1', 3, end);
};

it('whole numbers up to 2^53 are written as JavaScript writes them', () => {
  const edges = Array.from({ length: 16 }, (_, power) => 10 ** power).flatMap((value) => [value - 1, value, value + 1]);
  for (const value of [...edges, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1_722_930_639_470, Number.MAX_SAFE_INTEGER]) {
    expect(written((bytes, at) => putWhole(bytes, at, value))).toBe(String(value));
  }
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      fc.integer({ min: 0, max: 53 }),
      (value, bits) => {
        const smaller = Math.floor(value / 2 ** bits);
        expect(written((bytes, at) => putWhole(bytes, at, smaller))).toBe(String(smaller));
      },
    ),
  );
});

it('a fixed number of digits has its leading zeros', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }), (digits, value) => {
      const kept = value % 10 ** digits;
      expect(written((bytes, at) => putDigits(bytes, at, kept, digits))).toBe(String(kept).padStart(digits, '0'));
    }),
  );
});

it('a word is copied', () => {
  expect(written((bytes, at) => putWord(bytes, at, Buffer.from('timeout_ttfb')))).toBe('timeout_ttfb');
});
