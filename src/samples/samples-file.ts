import { COMMA, putAgain, putWhole, putWord, type Word, word } from './digits.js';
import { fileWriter } from './file-writer.js';
import { ORIGINS, OUTCOMES, PHASES } from './outcomes.js';
import { rowsInto } from './row-buffer.js';
import { CACHE_WORDS, type SampleBlock } from './sample.js';
import type { Sink } from './sink.js';

/** The columns of `samples.csv` in order; features append to the end. */
export const SAMPLE_COLUMNS = [
  'seq',
  'user',
  'worker',
  'phase',
  'endpoint',
  'intended_us',
  'start_us',
  'first_byte_us',
  'end_us',
  'outcome',
  'origin',
  'status',
  'batch',
  'bytes_out',
  'bytes_in',
  'reused',
  'cache',
  'tokens_out',
  'first_token_us',
  'last_token_us',
  'chunks',
  'client_pause',
] as const;

/** `outcome` and `origin`, with the commas around them, by the index of the one and 1 + the index of the other. */
const OUTCOME_WORDS = OUTCOMES.map((outcome) => ['', ...ORIGINS].map((origin) => word(`,${outcome},${origin},`)));
/** `reused` and `cache`, with the commas around them, by 1 + the value of each. */
const REUSED_WORDS = ['', '0', '1'].map((digit) => ['', ...CACHE_WORDS].map((cache) => word(`,${digit},${cache},`)));
/** The same for the many answers that have no tokens, to the column of the chunks. */
const REUSED_ENDS = ['', '0', '1'].map((digit) => ['', ...CACHE_WORDS].map((cache) => word(`,${digit},${cache},,,,`)));
/** `client_pause`, with the comma before it and the end of the line, by its value: nothing, or 1. */
const PAUSE_ENDS = [word(',\n'), word(',1\n')] as const;

/** `samples.csv`: every planned request with all that was measured, µs from the run's start, absent values empty. */
export function samplesSink(path: string, endpoints: readonly string[]): Sink {
  const file = fileWriter(path);
  file.write(`${SAMPLE_COLUMNS.join(',')}\n`);
  /** `worker`, `phase` and `endpoint`, with the commas around them: by worker, a word for each phase at each endpoint. */
  const sources: Word[][] = [];

  function sourceWord(worker: number, phase: number, endpoint: number): Word {
    sources[worker] ??= endpoints.flatMap((name) => PHASES.map((part) => word(`,${worker},${part},${name},`)));
    return sources[worker][endpoint * PHASES.length + phase] as Word;
  }

  function putRow(bytes: DataView, from: number, block: SampleBlock, row: number): number {
    const intendedUs = block.intendedUs[row] as number;
    const startUs = block.startUs[row] as number;
    const firstByteUs = block.firstByteUs[row] as number;
    const endUs = block.endUs[row] as number;
    let at = putWhole(bytes, from, block.seq[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, block.user[row] as number);
    const source = sourceWord(block.worker[row] as number, block.phase[row] as number, block.endpoint[row] as number);
    at = putWord(bytes, at, source);
    const intendedAt = at;
    at = putWhole(bytes, at, intendedUs);
    const intendedEnd = at;
    bytes.setUint8(at++, COMMA);
    at = startUs === intendedUs ? putAgain(bytes, at, intendedAt, intendedEnd) : putPresent(bytes, at, startUs);
    bytes.setUint8(at++, COMMA);
    const firstByteAt = at;
    at = putPresent(bytes, at, firstByteUs);
    const firstByteEnd = at;
    bytes.setUint8(at++, COMMA);
    at = endUs === firstByteUs ? putAgain(bytes, at, firstByteAt, firstByteEnd) : putPresent(bytes, at, endUs);
    at = putWord(bytes, at, wordOf(OUTCOME_WORDS, block.outcome[row] as number, block.origin[row] as number));
    at = putPresent(bytes, at, block.status[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, block.batch[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, block.bytesOut[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, block.bytesIn[row] as number);
    const reused = block.reused[row] as number;
    const cache = block.cache[row] as number;
    const tokensOut = block.tokensOut[row] as number;
    const firstTokenUs = block.firstTokenUs[row] as number;
    const chunks = block.chunks[row] as number;
    if (tokensOut < 0 && chunks < 0 && Number.isNaN(firstTokenUs)) {
      at = putWord(bytes, at, wordOf(REUSED_ENDS, 1 + reused, cache));
      return putWord(bytes, at, PAUSE_ENDS[block.paused[row] as 0 | 1]);
    }
    at = putWord(bytes, at, wordOf(REUSED_WORDS, 1 + reused, cache));
    at = putPresent(bytes, at, tokensOut);
    bytes.setUint8(at++, COMMA);
    at = putPresent(bytes, at, firstTokenUs);
    bytes.setUint8(at++, COMMA);
    at = putPresent(bytes, at, block.lastTokenUs[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putPresent(bytes, at, chunks);
    return putWord(bytes, at, PAUSE_ENDS[block.paused[row] as 0 | 1]);
  }

  return rowsInto(file, putRow);
}

/** Of words in two dimensions, the second from −1 on. */
function wordOf(words: readonly (readonly Word[])[], first: number, second: number): Word {
  return (words[first] as readonly Word[])[1 + second] as Word;
}

/** NaN and −1 stand for absent: an empty cell. */
function putPresent(bytes: DataView, at: number, value: number): number {
  return value >= 0 ? putWhole(bytes, at, value) : at;
}
