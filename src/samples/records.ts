import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';

/** A line or a quoted record above this is refused: memory stays constant whatever the input. */
const MAX_RECORD_BYTES = 1 << 20;

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const COMMA = 44;

/** Where the reading of one input stands, shared between the splitter and the one who takes its records. */
export interface Cursor {
  /** The number of the line that comes next, from 1. */
  line: number;
}

/** What is done with the records of an input. */
export interface RecordHandler {
  /**
   * Takes as many lines as it can from the whole lines in [from, to), where bytes[to - 1] is a line feed; moves the
   * cursor on and returns the index after the last line it took. What it leaves comes back through `record`.
   */
  scan(bytes: Uint8Array, from: number, to: number): number;
  /** One record, at the cursor; `terminated` is false for a last line without its line end. */
  record(fields: readonly string[], terminated: boolean): void;
  /** A line, at the cursor, that is no CSV text. */
  reject(reason: string): void;
}

/** Cuts a stream of bytes into CSV records, whatever the size of the chunks. */
export interface RecordSplitter {
  /** `headroomBytes`: so many bytes before the chunk in its buffer may be overwritten. The chunk is not kept. */
  feed(chunk: Uint8Array, headroomBytes?: number): void;
  /** The input is over. */
  end(): void;
}

/** Records end with LF, CRLF or a lone CR, also mixed; a quoted field may hold them; a byte order mark is skipped. */
export function recordSplitter(cursor: Cursor, handler: RecordHandler): RecordSplitter {
  /** The beginning of a record whose end has not come yet, and what came after it. */
  let waiting: Uint8Array = new Uint8Array(0);
  let queue: Uint8Array[] = [];
  let queuedBytes = 0;
  /** Position of `waiting` in the input. */
  let offset = 0;
  let begun = false;
  let afterCr = false;
  let inRefusedLine = false;

  /** Takes what came before and a chunk. */
  function take(chunk: Uint8Array, headroomBytes: number, last: boolean): void {
    const bytes =
      queue.length === 0 ? joined(waiting, chunk, headroomBytes) : Buffer.concat([waiting, ...queue, chunk]);
    queue = [];
    queuedBytes = 0;
    const from = begun ? 0 : markLength(bytes);
    begun = true;
    const used = split(bytes, from, last);
    waiting = new Uint8Array(bytes.subarray(used));
    offset += used;
  }

  function split(bytes: Uint8Array, from: number, last: boolean): number {
    const wholeLines = bytes.lastIndexOf(LF) + 1;
    let at = from;
    for (;;) {
      if (afterCr && at < bytes.length) {
        at += bytes[at] === LF ? 1 : 0;
        afterCr = false;
      }
      if (inRefusedLine) {
        at = pastLine(bytes, at);
        if (inRefusedLine) {
          return bytes.length;
        }
        continue;
      }
      if (at < wholeLines) {
        at = handler.scan(bytes, at, wholeLines);
      }
      if (at >= bytes.length) {
        return bytes.length;
      }
      const end = recordEnd(bytes, at);
      if (end < 0 && !last && bytes.length - at <= MAX_RECORD_BYTES) {
        return at;
      }
      at = end < 0 ? unended(bytes, at, end) : ended(bytes, at, end);
    }
  }

  /** Takes the record in [from, end), where a line end stands at `end`; returns the index of the next one. */
  function ended(bytes: Uint8Array, from: number, end: number): number {
    if (end - from > MAX_RECORD_BYTES) {
      return refuseLine(bytes, from, TOO_LONG);
    }
    if (!hand(bytes, from, end, true)) {
      return refuseLine(bytes, from, BAD_QUOTES);
    }
    cursor.line += lineEndsIn(bytes, from, end) + 1;
    afterCr = bytes[end] === CR;
    return end + 1;
  }

  /** The same for a record that the bytes do not end: at the end of the input, or above the limit. */
  function unended(bytes: Uint8Array, from: number, how: number): number {
    const severalLines = lineEnd(bytes, from) >= 0;
    if (how === OPEN_QUOTE && severalLines) {
      return refuseLine(bytes, from, 'a quote is never closed');
    }
    if (bytes.length - from > MAX_RECORD_BYTES) {
      return refuseLine(bytes, from, TOO_LONG);
    }
    if (how === OPEN_QUOTE) {
      // How the field would have gone on is unknown: what is there counts as one column.
      handler.record([Buffer.from(bytes.subarray(from)).toString()], false);
    } else if (!hand(bytes, from, bytes.length, false)) {
      return refuseLine(bytes, from, BAD_QUOTES);
    }
    return bytes.length;
  }

  /** Rejects one line and no more: a quote that makes no sense may have swallowed lines that do. */
  function refuseLine(bytes: Uint8Array, from: number, reason: string): number {
    handler.reject(reason);
    inRefusedLine = true;
    return pastLine(bytes, from);
  }

  function pastLine(bytes: Uint8Array, from: number): number {
    const stop = lineEnd(bytes, from);
    if (stop < 0) {
      return bytes.length;
    }
    inRefusedLine = false;
    afterCr = bytes[stop] === CR;
    cursor.line++;
    return stop + 1;
  }

  /** Hands one record over; false when it is no CSV. */
  function hand(bytes: Uint8Array, from: number, end: number, terminated: boolean): boolean {
    const record = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from);
    const flaw = textFlaw(record, offset + from);
    if (flaw !== undefined) {
      handler.reject(flaw);
      return true;
    }
    const text = record.toString();
    if (text.trim() === '') {
      return true;
    }
    const fields = csvFields(text);
    if (fields === undefined) {
      return false;
    }
    handler.record(fields, terminated);
    return true;
  }

  return {
    feed(chunk, headroomBytes = 0) {
      queuedBytes += chunk.length;
      // Looked at again only when it has doubled, so that a long line in small chunks costs no more than its length.
      if (queuedBytes >= waiting.length && (begun || queuedBytes >= 3)) {
        take(chunk, headroomBytes, false);
      } else {
        queue.push(new Uint8Array(chunk));
      }
    },
    end() {
      take(new Uint8Array(0), 0, true);
    },
  };
}

/** One piece of two: the first is copied before the second where there is room for it. */
function joined(first: Uint8Array, second: Uint8Array, headroomBytes: number): Uint8Array {
  if (first.length > headroomBytes) {
    return Buffer.concat([first, second]);
  }
  const whole = Buffer.from(second.buffer, second.byteOffset - first.length, first.length + second.length);
  whole.set(first);
  return whole;
}

const TOO_LONG = 'the line is longer than 1 MiB';
const BAD_QUOTES = 'its quotes are not those of CSV';

const NO_END = -1;
const OPEN_QUOTE = -2;

/** The index of the line end after the record at `from`; NO_END, or OPEN_QUOTE when the bytes stop inside a quoted field. */
function recordEnd(bytes: Uint8Array, from: number): number {
  let fieldStart = true;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === LF || byte === CR) {
      return at;
    }
    if (byte === QUOTE && fieldStart) {
      at = closingQuote(bytes, at + 1);
      if (at < 0) {
        return OPEN_QUOTE;
      }
    }
    fieldStart = byte === COMMA || (fieldStart && (byte === SPACE || byte === TAB));
  }
  return NO_END;
}

/** The index of the quote that closes a field, a doubled quote standing for one of its characters; -1 when there is none. */
function closingQuote(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(QUOTE, from);
  while (at >= 0 && bytes[at + 1] === QUOTE) {
    at = bytes.indexOf(QUOTE, at + 2);
  }
  return at;
}

function lineEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === LF || bytes[at] === CR) {
      return at;
    }
  }
  return -1;
}

function lineEndsIn(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) {
    if (bytes[at] === LF ? bytes[at - 1] !== CR || at === from : bytes[at] === CR) {
      count++;
    }
  }
  return count;
}

function markLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Why a record is no text, with the position in the input; undefined when it is. */
function textFlaw(record: Buffer, offset: number): string | undefined {
  const nul = record.indexOf(0);
  if (nul >= 0) {
    return `a NUL byte at byte ${offset + nul}`;
  }
  if (isUtf8(record)) {
    return undefined;
  }
  // Invalid bytes do not survive the way to text and back: the first difference is the first of them.
  const back = Buffer.from(record.toString());
  return `no UTF-8 text at byte ${offset + record.findIndex((byte, index) => byte !== back[index])}`;
}

/** The fields of one CSV record, spaces around quotes allowed; undefined when its quotes are out of place. */
export function csvFields(text: string): readonly string[] | undefined {
  const pieces = text.split(',');
  if (!text.includes('"')) {
    return pieces;
  }
  // Fields that are quoted without need are common and csv-parse takes 20 µs a record: they only lose their quotes.
  const bare = pieces.map((piece) => /^\s*"([^"]*)"\s*$/.exec(piece)?.[1] ?? piece);
  if (!bare.some((piece) => piece.includes('"'))) {
    return bare;
  }
  try {
    const records = parse(text, { trim: true, relax_column_count: true, record_delimiter: '\n' });
    return records.length === 1 ? records[0] : undefined;
  } catch {
    return undefined;
  }
}
