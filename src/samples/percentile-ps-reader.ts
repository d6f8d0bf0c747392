import { isUtf8 } from 'node:buffer';
import { BenchError } from '../errors.js';
import { quoted } from './raw-layout.js';

/** A row as `percentile-ps` reads it: unsigned 64-bit integers. */
export interface PsRow {
  readonly start: bigint;
  readonly end: bigint;
  readonly latency: bigint;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** Where the original would have stopped to read without a word, leaving the rest of the input. */
export interface PsStop {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

/** Reads inputs as the original does, one after another. */
export interface PsReader {
  /** Takes a chunk of a file, which is not kept; false when no more input is wanted. */
  feed(file: string, chunk: Uint8Array): boolean;
  /** A file is over; false as for `feed`. */
  endFile(file: string): boolean;
  /** Everything read. Throws BenchError when that is nothing. */
  finish(): { readonly rows: readonly PsRow[]; readonly stop: PsStop | undefined };
}

/**
 * The input rules of `percentile-ps`: lines of `start,end,delay[,ignored…]`, white space allowed at
 * their ends only; the first blank or non-UTF-8 line silently ends the input; whatever else is wrong is an error.
 * `endsOnly`: with `--output-ops` only the second column is looked at.
 */
export function percentilePsReader(endsOnly: boolean): PsReader {
  const rows: PsRow[] = [];
  let stop: PsStop | undefined;
  let waiting: Uint8Array[] = [];
  const files: string[] = [];
  let line = 1;

  function take(file: string, bytes: Buffer): void {
    const valid = isUtf8(bytes);
    const trimmed = trimWhiteSpace(bytes.toString());
    if (!valid || trimmed === '') {
      stop = { file, line, why: valid ? 'a blank line' : 'a line that is not UTF-8' };
      return;
    }
    const fields = trimmed.split(',');
    const wanted = endsOnly ? 2 : 3;
    if (fields.length < wanted) {
      throw refused(
        file,
        line,
        `${fields.length} ${fields.length === 1 ? 'column' : 'columns'}, wanted at least ${wanted}`,
      );
    }
    const number = (column: number) => unsigned(fields[column] as string, { file, line, column });
    const start = endsOnly ? 0n : number(0);
    rows.push({ start, end: number(1), latency: endsOnly ? 0n : number(2), file, line });
    line++;
  }

  return {
    feed(file, chunk) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0 && !stop; at = chunk.indexOf(10, from)) {
        waiting.push(chunk.subarray(from, at));
        const bytes = Buffer.concat(waiting);
        waiting = [];
        from = at + 1;
        take(file, bytes);
      }
      waiting.push(new Uint8Array(chunk.subarray(from)));
      return stop === undefined;
    },
    endFile(file) {
      files.push(file);
      const bytes = Buffer.concat(waiting);
      waiting = [];
      if (!stop && bytes.length > 0) {
        take(file, bytes);
      }
      line = 1;
      return stop === undefined;
    },
    finish() {
      if (rows.length === 0) {
        const where = stop
          ? `${stop.file}:${stop.line}: the input ends here, at ${stop.why}, before any row`
          : `${files.join(', ')}: the input is empty`;
        throw new BenchError('usage', where);
      }
      return { rows, stop };
    },
  };
}

/** Without Unicode white space at its ends: JavaScript's own trim takes a byte order mark for it, the original does not. */
function trimWhiteSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isWhiteSpace(text[from] as string)) {
    from++;
  }
  while (from < to && isWhiteSpace(text[to - 1] as string)) {
    to--;
  }
  return text.slice(from, to);
}

function isWhiteSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}

const NAMES = ['start', 'end', 'latency'] as const;
const HIGHEST = 2n ** 64n - 1n;

function unsigned(text: string, { file, line, column }: { file: string; line: number; column: number }): bigint {
  const digits = text.startsWith('+') ? text.slice(1) : text;
  const value = /^\d+$/.test(digits) ? BigInt(digits) : HIGHEST + 1n;
  if (value > HIGHEST) {
    throw refused(file, line, `${NAMES[column]} is not an unsigned 64-bit integer: ${quoted(text)}`);
  }
  return value;
}

function refused(file: string, line: number, reason: string): BenchError {
  return new BenchError('usage', `${file}:${line}: ${reason}`, {
    hint: 'percentile-ps fails on such a line; without --compat percentile-ps more forms of input are read',
  });
}
