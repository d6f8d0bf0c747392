import { COMMA, putWhole, putWord } from './digits.js';
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

const NO_WORD = Buffer.alloc(0);
const PHASE_WORDS = PHASES.map((phase) => Buffer.from(`,${phase},`));
const OUTCOME_WORDS = OUTCOMES.map((outcome) => Buffer.from(`,${outcome},`));
const ORIGIN_WORDS = ORIGINS.map((origin) => Buffer.from(origin));
/** `reused`, and after it the columns that no protocol fills yet. */
const REUSED_WORDS = ['0', '1'].map((digit) => Buffer.from(`,${digit},,,\n`));
const NOT_REUSED_WORD = Buffer.from(',,,,\n');

/** `samples.csv`: every planned request with all that was measured, µs from the run's start, absent values empty. */
export function samplesSink(path: string, endpoint: string): Sink {
  const file = fileWriter(path);
  file.write(`${SAMPLE_COLUMNS.join(',')}\n`);
  const endpointWord = Buffer.from(`${endpoint},`);

  function putRow(bytes: Uint8Array, from: number, block: SampleBlock, row: number): number {
    let at = putWhole(bytes, from, block.seq[row] as number);
    bytes[at++] = COMMA;
    at = putWhole(bytes, at, block.user[row] as number);
    bytes[at++] = COMMA;
    at = putWhole(bytes, at, block.worker[row] as number);
    at = putWord(bytes, at, PHASE_WORDS[block.phase[row] as number] as Buffer);
    at = putWord(bytes, at, endpointWord);
    at = putWhole(bytes, at, block.intendedUs[row] as number);
    bytes[at++] = COMMA;
    at = putPresent(bytes, at, block.startUs[row] as number);
    bytes[at++] = COMMA;
    at = putPresent(bytes, at, block.firstByteUs[row] as number);
    bytes[at++] = COMMA;
    at = putPresent(bytes, at, block.endUs[row] as number);
    at = putWord(bytes, at, OUTCOME_WORDS[block.outcome[row] as number] as Buffer);
    at = putWord(bytes, at, ORIGIN_WORDS[block.origin[row] as number] ?? NO_WORD);
    bytes[at++] = COMMA;
    at = putPresent(bytes, at, block.status[row] as number);
    bytes[at++] = COMMA;
    at = putWhole(bytes, at, block.batch[row] as number);
    bytes[at++] = COMMA;
    at = putWhole(bytes, at, block.bytesOut[row] as number);
    bytes[at++] = COMMA;
    at = putWhole(bytes, at, block.bytesIn[row] as number);
    return putWord(bytes, at, REUSED_WORDS[block.reused[row] as number] ?? NOT_REUSED_WORD);
  }

  return {
    rows: rowsInto(file, putRow),
    flush: () => file.sync(),
    close: () => file.close(),
  };
}

/** NaN and −1 stand for absent: an empty cell. */
function putPresent(bytes: Uint8Array, at: number, value: number): number {
  return value >= 0 ? putWhole(bytes, at, value) : at;
}
