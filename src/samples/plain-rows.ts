import { isOutcome, isSample } from './outcomes.js';
import type { Cursor } from './records.js';
import type { RequestBlock } from './request-block.js';

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const ZERO = 48;
const NINE = 57;
const TILDE = 126;
const LOWER_O = 111;
const LOWER_K = 107;

/** A quicker way for plain rows of successes than through blocks, which takes only what it is sure of. */
export interface QuickRows {
  /**
   * Takes rows of [from, to), where bytes[to - 1] is a line feed, in their order, up to the first it leaves to others;
   * returns how many and the index after the last one. `outcome`: there is a fourth column.
   */
  take(
    bytes: Uint8Array,
    from: number,
    to: number,
    file: { readonly timeFactor: number; readonly outcome: boolean },
  ): { readonly end: number; readonly rows: number };
}

/**
 * Appends at most `most` plain rows of [from, to) to a block and returns the index after the last one: digits and commas, then per
 * `rest` nothing, columns to ignore, or an outcome. Stops before the first line that is anything else, or holds a value
 * to refuse: the reasons are given in one place, and it is not this one.
 */
export function scanPlainRows(
  bytes: Uint8Array,
  from: number,
  to: number,
  block: RequestBlock,
  cursor: Cursor,
  rest: 'none' | 'ignored' | 'outcome',
  most: number,
): number {
  const { start, end, latency, ok, line } = block;
  const limit = Math.min(start.length, block.count + most);
  let row = block.count;
  let lineNumber = cursor.line;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  while (at < to && row < limit) {
    let next = readTime(bytes, words, at, start, row);
    if (next === 0 || bytes[next] !== COMMA) {
      break;
    }
    next = readTime(bytes, words, next + 1, end, row);
    if (next === 0 || bytes[next] !== COMMA) {
      break;
    }
    next = readDigits(bytes, next + 1, latency, row);
    if (next === 0 || (end[row] as number) < (start[row] as number)) {
      break;
    }
    let success = 1;
    if (rest === 'outcome') {
      if (bytes[next] !== COMMA) {
        break;
      }
      if (bytes[next + 1] === LOWER_O && bytes[next + 2] === LOWER_K && isLineEnd(bytes[next + 3] as number)) {
        next += 3;
      } else {
        const stop = plainTextEnd(bytes, next + 1);
        const word = Buffer.from(bytes.buffer, bytes.byteOffset + next + 1, stop - next - 1).toString('latin1');
        if (!isOutcome(word) || !isSample(word)) {
          break;
        }
        success = 0;
        next = stop;
      }
    } else if (rest === 'ignored' && bytes[next] === COMMA) {
      next = plainTextEnd(bytes, next + 1);
    }
    if (bytes[next] === CR) {
      next++;
    }
    if (bytes[next] !== LF) {
      break;
    }
    ok[row] = success;
    line[row] = lineNumber;
    row++;
    lineNumber++;
    at = next + 1;
  }
  block.count = row;
  cursor.line = lineNumber;
  return at;
}

/**
 * Reads up to 16 digits into a column and returns the index after them; 0 when there are none or too many, or when they
 * pass 2^53. The bytes must hold something that is no digit further on.
 */
export function readDigits(bytes: Uint8Array, from: number, column: Float64Array, row: number): number {
  let at = from;
  let byte = bytes[at] as number;
  // Eight digits at a time stay whole numbers of 32 bits, which are added up faster than doubles.
  let high = 0;
  const highEnd = at + 8;
  while (byte >= ZERO && byte <= NINE && at < highEnd) {
    high = high * 10 + byte - ZERO;
    byte = bytes[++at] as number;
  }
  if (at < highEnd || byte < ZERO || byte > NINE) {
    column[row] = high;
    return at === from ? 0 : at;
  }
  return readLowDigits(bytes, at, high, column, row);
}

/** Reads up to 8 digits that follow the 8 of a number. */
function readLowDigits(bytes: Uint8Array, from: number, high: number, column: Float64Array, row: number): number {
  let at = from;
  let byte = bytes[at] as number;
  let low = 0;
  let scale = 1;
  const lowEnd = at + 8;
  while (byte >= ZERO && byte <= NINE && at < lowEnd) {
    low = low * 10 + byte - ZERO;
    scale *= 10;
    byte = bytes[++at] as number;
  }
  const value = high * scale + low;
  column[row] = value;
  return (byte >= ZERO && byte <= NINE) || value > Number.MAX_SAFE_INTEGER ? 0 : at;
}

/** Eight digits as two words of 32 bits, and the number they are: those that the last times began with. */
interface Beginning {
  first: number;
  second: number;
  value: number;
}

/** As `readDigits`, for times, most of which begin with the same eight digits as the one before. */
function readTime(bytes: Uint8Array, words: DataView, from: number, column: Float64Array, row: number): number {
  const inside = from + 8 <= bytes.length;
  if (inside && words.getInt32(from) === beginning.first && words.getInt32(from + 4) === beginning.second) {
    return readLowDigits(bytes, from + 8, beginning.value, column, row);
  }
  const end = readDigits(bytes, from, column, row);
  if (end >= from + 8) {
    beginning.first = words.getInt32(from);
    beginning.second = words.getInt32(from + 4);
    beginning.value = Math.floor((column[row] as number) / 10 ** (end - from - 8));
  }
  return end;
}

const beginning: Beginning = { first: 0, second: 0, value: 0 };

function isLineEnd(byte: number): boolean {
  return byte === LF || byte === CR;
}

/** The index of the first byte that is not printable ASCII, or that opens a quote. */
function plainTextEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while ((bytes[at] as number) >= SPACE && (bytes[at] as number) <= TILDE && bytes[at] !== QUOTE) {
    at++;
  }
  return at;
}
