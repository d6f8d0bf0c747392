import fc from 'fast-check';
import { expect, it } from 'vitest';
import { putAgain, putWhole, putWord, word } from '../../../src/samples/digits.js';

const written = (put: (bytes: DataView, at: number) => number) => {
  const bytes = new DataView(new ArrayBuffer(64));
  const end = put(bytes, 3);
  return Buffer.from(bytes.buffer).toString('latin1', 3, end);
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

it('a word is copied', () => {
  for (const text of ['', 'a', 'ok', ',ok,,', 'timeout_ttfb', 'grpc_RESOURCE_EXHAUSTED\n']) {
    expect(written((bytes, at) => putWord(bytes, at, word(text)))).toBe(text);
  }
});

it('what was written before is copied', () => {
  expect(written((bytes, at) => putAgain(bytes, putWhole(bytes, at, 1234), at + 1, at + 3))).toBe('123423');
});
