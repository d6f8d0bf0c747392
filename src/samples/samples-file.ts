import { COMMA, putAgain, putWhole, putWord, type Word, word } from './digits.js';
import { fileWriter } from './file-writer.js';
import { ORIGINS, OUTCOMES, PHASES } from './outcomes.js';
import { rowsInto } from './row-buffer.js';
import type { SampleBlock } from './sample.js';
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
] as const;

/** `outcome` and `origin`, with the commas around them, by the index of the one and 1 + the index of the other. */
const OUTCOME_WORDS = OUTCOMES.map((outcome) => ['', ...ORIGINS].map((origin) => word(`,${outcome},${origin},`)));
/** `reused` by 1 + its value, and after it the columns that no protocol fills yet. */
const REUSED_WORDS = ['', '0', '1'].map((digit) => word(`,${digit},,,\n`));

/** `samples.csv`: every planned request with all that was measured, µs from the run's start, absent values empty. */
export function samplesSink(path: string, endpoint: string): Sink {
  const file = fileWriter(path);
  file.write(`${SAMPLE_COLUMNS.join(',')}\n`);
  /** `worker`, `phase` and `endpoint`, with the commas around them: by worker, a word for each phase. */
  const sources: Word[][] = [];

  function sourceWord(worker: number, phase: number): Word {
    sources[worker] ??= PHASES.map((name) => word(`,${worker},${name},${endpoint},`));
    return sources[worker][phase] as Word;
  }

  function putRow(bytes: DataView, from: number, block: SampleBlock, row: number): number {
    const intendedUs = block.intendedUs[row] as number;
    const startUs = block.startUs[row] as number;
    const firstByteUs = block.firstByteUs[row] as number;
    const endUs = block.endUs[row] as number;
    let at = putWhole(bytes, from, block.seq[row] as number);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, block.user[row] as number);
    at = putWord(bytes, at, sourceWord(block.worker[row] as number, block.phase[row] as number));
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
    return putWord(bytes, at, REUSED_WORDS[1 + (block.reused[row] as number)] as Word);
  }

  return rowsInto(file, putRow);
}

function wordOf(words: readonly (readonly Word[])[], outcome: number, origin: number): Word {
  return (words[outcome] as readonly Word[])[1 + origin] as Word;
}

/** NaN and −1 stand for absent: an empty cell. */
function putPresent(bytes: DataView, at: number, value: number): number {
  return value >= 0 ? putWhole(bytes, at, value) : at;
}
