/** Bytes that rows are written with. */
export const COMMA = 0x2c;
export const LF = 0x0a;

const ZERO = 0x30;

/** `00` to `99`, two bytes each: half the divisions of one digit at a time. */
const PAIRS = Buffer.from(Array.from({ length: 100 }, (_, pair) => String(pair).padStart(2, '0')).join(''));

/** Digits of the lower of two whole numbers below 2^31 that a larger one is made of. */
const LOW_DIGITS = 8;
const LOW_SCALE = 1e8;

/** Writes a whole number from 0 to 2^53 in decimal digits at `at`; returns the offset after them. */
export function putWhole(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = ZERO + value;
    return at + 1;
  }
  if (value < LOW_SCALE) {
    return putDigits(bytes, at, value | 0, digitCount(value | 0));
  }
  const high = Math.floor(value / LOW_SCALE);
  const low = (value - high * LOW_SCALE) | 0;
  const after = high < LOW_SCALE ? putDigits(bytes, at, high | 0, digitCount(high | 0)) : putWhole(bytes, at, high);
  return putDigits(bytes, after, low, LOW_DIGITS);
}

/** Writes the last `digits` digits of a whole number below 2^31, with leading zeros; returns the offset after them. */
export function putDigits(bytes: Uint8Array, at: number, value: number, digits: number): number {
  let rest = value | 0;
  let place = at + digits;
  while (place - at >= 2) {
    const tenths = (rest / 100) | 0;
    const pair = (rest - tenths * 100) << 1;
    bytes[--place] = PAIRS[pair + 1] as number;
    bytes[--place] = PAIRS[pair] as number;
    rest = tenths;
  }
  if (place > at) {
    bytes[at] = ZERO + (rest % 10);
  }
  return at + digits;
}

/** Copies a word; returns the offset after it. Words here have a few bytes: a loop is faster than `set`. */
export function putWord(bytes: Uint8Array, at: number, word: Uint8Array): number {
  for (let index = 0; index < word.length; index++) {
    bytes[at + index] = word[index] as number;
  }
  return at + word.length;
}

function digitCount(value: number): number {
  if (value < 10_000) {
    return value < 100 ? (value < 10 ? 1 : 2) : value < 1_000 ? 3 : 4;
  }
  return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 10_000_000 ? 7 : 8;
}
