import { isOutcome, isSample, PHASES } from './outcomes.js';
import { readDigits } from './plain-rows.js';
import type { RawLayout } from './raw-layout.js';
import type { Cursor } from './records.js';
import type { RequestBlock } from './request-block.js';

const LF = 10;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const TILDE = 126;

/** Takes lines of `samples.csv` as `scanPlainRows` takes those of raw requests. */
export interface SampleRowScanner {
  /**
   * Appends rows of [from, to), where bytes[to - 1] is a line feed, to a block until it is full, times moved by
   * `epochUs`; stops before the first line that is not plain text with whole numbers, or that holds something to refuse.
   */
  scan(bytes: Uint8Array, from: number, to: number, block: RequestBlock, cursor: Cursor, epochUs: number): SampleScan;
}

export interface SampleScan {
  /** The index after the last line taken. */
  readonly end: number;
  /** Lines taken that are no request to the target. */
  readonly leftOut: number;
}

/** A scanner for the columns of a `samples.csv`; `start`: which moment goes into the block as the start. */
export function sampleRowScanner(layout: RawLayout, start: 'intended' | 'start'): SampleRowScanner {
  const { width, start: intendedColumn, end: endColumn } = layout;
  const phaseColumn = layout.phase as number;
  const outcomeColumn = layout.outcome as number;
  const startColumn = start === 'start' ? (layout.sent as number) : intendedColumn;
  /** Where each field begins, and the line after the last one. */
  const begins = new Int32Array(width + 1);
  const intended = new Float64Array(1);
  const begin = (column: number) => begins[column] as number;
  const end = (column: number) => (begins[column + 1] as number) - 1;

  function word(bytes: Uint8Array, column: number): string {
    return Buffer.from(bytes.buffer, bytes.byteOffset + begin(column), end(column) - begin(column)).toString('latin1');
  }

  function isWord(bytes: Uint8Array, column: number, known: Uint8Array): boolean {
    const from = begin(column);
    return end(column) - from === known.length && known.every((byte, index) => bytes[from + index] === byte);
  }

  /** Whether a field is a whole number, which then stands in the row of the numbers. */
  function readWhole(bytes: Uint8Array, column: number, numbers: Float64Array, row: number): boolean {
    // readDigits gives 0 where it finds no number, which may be where an empty field ends.
    return begin(column) < end(column) && readDigits(bytes, begin(column), numbers, row) === end(column);
  }

  /** Finds the fields of the line; whether there are as many as there should be, of plain text. */
  function findFields(bytes: Uint8Array, from: number): boolean {
    let fields = 1;
    begins[0] = from;
    for (let at = from; ; at++) {
      const byte = bytes[at] as number;
      if (byte === COMMA) {
        begins[fields++] = at + 1;
        if (fields > width) {
          return false;
        }
      } else if (byte < SPACE || byte > TILDE || byte === QUOTE) {
        begins[fields] = at + 1;
        return byte === LF && fields === width;
      }
    }
  }

  return {
    scan(bytes, from, to, block, cursor, epochUs) {
      const { start: starts, end: ends, latency, ok, line } = block;
      let at = from;
      let leftOut = 0;
      while (at < to && block.count < starts.length && findFields(bytes, at)) {
        const isOk = isWord(bytes, outcomeColumn, OK);
        const isMeasured = isWord(bytes, phaseColumn, MEASURE);
        if (!isOk || !isMeasured) {
          const phase = word(bytes, phaseColumn);
          const outcome = word(bytes, outcomeColumn);
          if (!PHASES.some((known) => known === phase) || !isOutcome(outcome)) {
            break;
          }
          if (phase === 'warmup' || !isSample(outcome)) {
            leftOut++;
            cursor.line++;
            at = begin(width);
            continue;
          }
        }
        const row = block.count;
        if (
          !readWhole(bytes, intendedColumn, intended, 0) ||
          !readWhole(bytes, startColumn, starts, row) ||
          !readWhole(bytes, endColumn, ends, row)
        ) {
          break;
        }
        const intendedUs = intended[0] as number;
        const startUs = starts[row] as number;
        const endUs = ends[row] as number;
        if (endUs < intendedUs || endUs < startUs) {
          break;
        }
        starts[row] = epochUs + startUs;
        ends[row] = epochUs + endUs;
        latency[row] = endUs - intendedUs;
        ok[row] = isOk ? 1 : 0;
        line[row] = cursor.line++;
        block.count = row + 1;
        at = begin(width);
      }
      return { end: at, leftOut };
    },
  };
}

const OK = Buffer.from('ok');
const MEASURE = Buffer.from('measure');
