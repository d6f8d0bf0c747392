import { ORIGINS, OUTCOMES, PHASES, SENT_CODES } from './outcomes.js';
import { readDigits } from './plain-rows.js';
import { CACHE_WORDS, type SampleBlock } from './sample.js';

const LF = 10;
const COMMA = 44;
const ZERO = 48;
const NINE = 57;

/** Takes rows of `samples.csv` as the sink writes them; what is anything else is left to a reader of CSV. */
export interface SamplesScanner {
  /**
   * Appends rows of [from, to), where bytes[to - 1] is a line feed, to a block until it is full; returns the index after
   * the last one. Stops before the first line that is not the sink's own form, or that `rowProblem` has something against.
   */
  scan(bytes: Uint8Array, from: number, to: number, block: SampleBlock): number;
}

/** A list of words as bytes, and the one that came last: the next is mostly the same. */
interface Words {
  readonly list: readonly Uint8Array[];
  recent: number;
}

function words(list: readonly string[]): Words {
  return { list: list.map((word) => Buffer.from(word)), recent: 0 };
}

/** A scanner for the rows of a run with these endpoints. */
export function samplesScanner(endpoints: readonly string[]): SamplesScanner {
  const phases = words(PHASES);
  const endpointWords = words(endpoints);
  const outcomes = words(OUTCOMES);
  const origins = words(['', ...ORIGINS]);
  const caches = words(['', ...CACHE_WORDS]);
  const flags = words(['', '0', '1']);
  /** Where a number is read into that then goes into a column of another kind. */
  const number = new Float64Array(1);
  let at = 0;

  /** Reads a word and the byte `end` behind it; its index in the list, −1 when it is none of them. */
  function readWord(bytes: Uint8Array, { list }: Words, recent: number, end: number): number {
    if (isWord(bytes, at, list[recent] as Uint8Array, end)) {
      at += (list[recent] as Uint8Array).length + 1;
      return recent;
    }
    for (let index = 0; index < list.length; index++) {
      const word = list[index] as Uint8Array;
      if (isWord(bytes, at, word, end)) {
        at += word.length + 1;
        return index;
      }
    }
    return -1;
  }

  function wordOf(bytes: Uint8Array, from: Words, end: number): number {
    const index = readWord(bytes, from, from.recent, end);
    from.recent = Math.max(0, index);
    return index;
  }

  /** Reads a whole number and the byte `end` behind it into a column; whether it is there. */
  function whole(bytes: Uint8Array, column: Float64Array, row: number, end: number): boolean {
    const next = readDigits(bytes, at, column, row);
    if (next === 0 || bytes[next] !== end) {
      return false;
    }
    at = next + 1;
    return true;
  }

  /** The same where an empty cell stands for `absent`. */
  function wholeOr(absent: number, bytes: Uint8Array, column: Float64Array, row: number, end: number): boolean {
    if (bytes[at] === end) {
      column[row] = absent;
      at++;
      return true;
    }
    return whole(bytes, column, row, end);
  }

  /** The same for a number below 2^31, which stays one of 32 bits; −2 when it is not there. */
  function smallOr(absent: number, bytes: Uint8Array, end: number): number {
    const from = at;
    let byte = bytes[at] as number;
    let value = 0;
    while (byte >= ZERO && byte <= NINE && at - from < 9) {
      value = value * 10 + byte - ZERO;
      byte = bytes[++at] as number;
    }
    if (byte === end) {
      const empty = at === from;
      at++;
      return empty ? absent : value;
    }
    at = from;
    return whole(bytes, number, 0, end) && (number[0] as number) < 2 ** 31 ? (number[0] as number) : -2;
  }

  /** Reads the line at `at` into a row; whether it is one of ours. */
  function readRow(bytes: Uint8Array, block: SampleBlock, row: number): boolean {
    if (!whole(bytes, block.seq, row, COMMA)) {
      return false;
    }
    const user = smallOr(-2, bytes, COMMA);
    const worker = smallOr(-2, bytes, COMMA);
    const phase = wordOf(bytes, phases, COMMA);
    const endpoint = wordOf(bytes, endpointWords, COMMA);
    if (user < 0 || worker < 0 || worker > 65_535 || phase < 0 || endpoint < 0) {
      return false;
    }
    if (
      !whole(bytes, block.intendedUs, row, COMMA) ||
      !wholeOr(Number.NaN, bytes, block.startUs, row, COMMA) ||
      !wholeOr(Number.NaN, bytes, block.firstByteUs, row, COMMA) ||
      !wholeOr(Number.NaN, bytes, block.endUs, row, COMMA)
    ) {
      return false;
    }
    const outcome = wordOf(bytes, outcomes, COMMA);
    const origin = wordOf(bytes, origins, COMMA);
    const status = smallOr(-1, bytes, COMMA);
    const batch = smallOr(-2, bytes, COMMA);
    if (outcome < 0 || origin < 0 || status < -1 || batch < 0) {
      return false;
    }
    if (!whole(bytes, block.bytesOut, row, COMMA) || !whole(bytes, block.bytesIn, row, COMMA)) {
      return false;
    }
    const reused = wordOf(bytes, flags, COMMA);
    const cache = wordOf(bytes, caches, COMMA);
    const tokensOut = smallOr(-1, bytes, COMMA);
    if (
      reused < 0 ||
      cache < 0 ||
      tokensOut < -1 ||
      !wholeOr(Number.NaN, bytes, block.firstTokenUs, row, COMMA) ||
      !wholeOr(Number.NaN, bytes, block.lastTokenUs, row, COMMA)
    ) {
      return false;
    }
    const chunks = smallOr(-1, bytes, COMMA);
    const paused = smallOr(0, bytes, LF);
    if (chunks < -1 || paused < 0 || paused > 1) {
      return false;
    }
    block.user[row] = user;
    block.worker[row] = worker;
    block.phase[row] = phase;
    block.endpoint[row] = endpoint;
    block.outcome[row] = outcome;
    block.origin[row] = origin - 1;
    block.status[row] = status;
    block.batch[row] = batch;
    block.reused[row] = reused - 1;
    block.cache[row] = cache - 1;
    block.tokensOut[row] = tokensOut;
    block.chunks[row] = chunks;
    block.paused[row] = paused;
    return rowProblem(block, row) === undefined;
  }

  return {
    scan(bytes, from, to, block) {
      at = from;
      let taken = from;
      while (taken < to && block.length < block.capacity && readRow(bytes, block, block.length)) {
        block.length++;
        taken = at;
      }
      return taken;
    },
  };
}

function isWord(bytes: Uint8Array, from: number, word: Uint8Array, end: number): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[from + index] !== word[index]) {
      return false;
    }
  }
  return bytes[from + word.length] === end;
}

/** What cannot be of a row: times that run backwards would be negative durations. Undefined when it is in order. */
export function rowProblem(block: SampleBlock, row: number): string | undefined {
  const outcome = block.outcome[row] as number;
  if (SENT_CODES[outcome] === 0) {
    return undefined;
  }
  const intendedUs = block.intendedUs[row] as number;
  const startUs = block.startUs[row] as number;
  const endUs = block.endUs[row] as number;
  if (startUs >= intendedUs && endUs >= startUs) {
    return undefined;
  }
  const name = OUTCOMES[outcome] as (typeof OUTCOMES)[number];
  if (Number.isNaN(startUs) || Number.isNaN(endUs)) {
    return `${name} was sent and has no ${Number.isNaN(startUs) ? 'start_us' : 'end_us'}`;
  }
  return startUs < intendedUs
    ? `start_us ${startUs} is before intended_us ${intendedUs}`
    : `end_us ${endUs} is before start_us ${startUs}`;
}
