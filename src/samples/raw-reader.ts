import { BenchError } from '../errors.js';
import { isOutcome, isSample, PHASES } from './outcomes.js';
import { type QuickRows, scanPlainRows } from './plain-rows.js';
import {
  isHeader,
  isNumberBeginning,
  looksLikeUsers,
  plainLayout,
  quoted,
  type RawLayout,
  type RequestFileKind,
  readHeader,
  readNumber,
  usersFile,
} from './raw-layout.js';
import { type Cursor, recordSplitter } from './records.js';
import { type RequestBlock, requestBlock } from './request-block.js';
import { type SampleRowScanner, sampleRowScanner } from './sample-rows.js';

/** How many rejected lines are shown. */
const SHOWN_REJECTS = 10;

/** Lines of all inputs that could not be taken: how many, and the first ones as `file:line: reason`. */
export interface Rejects {
  count: number;
  readonly shown: string[];
}

/** No rejected line yet. */
export function noRejects(): Rejects {
  return { count: 0, shown: [] };
}

export interface RawOptions {
  /** Name of the input in messages. */
  readonly file: string;
  /** Units per second that the user gave, for files that do not name their unit; undefined when not given. */
  readonly timeFactor: number | undefined;
  /** Which moment goes into the block as the start: the one when a request was due, or when it really went. */
  readonly start: 'intended' | 'start';
  readonly rejects: Rejects;
  /** Epoch µs of the run's start, asked for when the input turns out to be `samples.csv`; undefined when unknown. */
  startedEpochUs(): number | undefined;
  /** Takes plain rows of successes before they come into a block; undefined when all go through blocks. */
  readonly quick?: QuickRows | undefined;
  /** Reads every line as CSV, to compare with: the result is the same and slow. */
  readonly csvOnly?: boolean;
  /** Takes the rows of one block; the block is reused afterwards. */
  rows(block: RequestBlock, timeFactor: number): void;
  /** Tells the user something that does not stop the reading. */
  note(text: string): void;
}

/** What one input turned out to hold. */
export interface RawSummary {
  readonly file: string;
  readonly kind: RequestFileKind;
  /** Units per second of its times. */
  readonly timeFactor: number;
  /** Sent requests handed on. */
  readonly rows: number;
  /** Among them, those that did not succeed. */
  readonly failed: number;
  /** Rows that are no request to the target: warm-up, never sent, failed on the own machine, without an end. */
  readonly leftOut: number;
  readonly rejected: number;
  /** 1 when an unterminated last line was dropped. */
  readonly torn: number;
}

/** Reads one input of requests from bytes in chunks of any size, handing its rows on in blocks. */
export interface RawReader {
  /** `headroomBytes`: so many bytes before the chunk in its buffer may be overwritten. The chunk is not kept. */
  feed(chunk: Uint8Array, headroomBytes?: number): void;
  /** The input is over. Throws BenchError when it held no row. */
  end(): RawSummary;
}

/** A quick way that takes fewer rows at a time costs more than it saves: it is tried less and less. */
const WORTHWHILE_ROWS = 16;
const MOST_PAUSE_LINES = 8192;

/** Units per second where neither the user nor a header tells: milliseconds, as in the seed. */
const DEFAULT_TIME_FACTOR = 1000;

/** A reader for the seeds' three columns, our `raw_requests.csv` and `samples.csv`, told apart by their first lines. */
export function rawReader(options: RawOptions): RawReader {
  const { file, rejects, note } = options;
  const cursor: Cursor = { line: 1 };
  const block = requestBlock();
  let header: RawLayout | undefined;
  /** Known after the first good row: whether there is an outcome is only seen there. */
  let layout: RawLayout | undefined;
  let sampleRows: SampleRowScanner | undefined;
  let timeFactor = options.timeFactor ?? DEFAULT_TIME_FACTOR;
  let startedEpochUs = 0;
  let rows = 0;
  let failed = 0;
  let leftOut = 0;
  let withoutEnd = 0;
  let rejected = 0;
  let tornLine = 0;
  let lines = 0;
  let furtherColumns = false;
  /** The line from which the quick way is tried again, and how many come before the next try. */
  let quickFromLine = 1;
  let pauseLines = 1;

  function flush(): void {
    if (block.count === 0) {
      return;
    }
    rows += block.count;
    failed += failedRows(block);
    options.rows(block, timeFactor);
    block.count = 0;
  }

  function reject(reason: string): void {
    rejected++;
    rejects.count++;
    if (rejects.shown.length < SHOWN_REJECTS) {
      rejects.shown.push(`${file}:${cursor.line}: ${reason}`);
    }
  }

  function record(raw: readonly string[], terminated: boolean): void {
    const fields = raw.map((field) => field.trim());
    if (lines++ === 0 && isHeader(fields)) {
      takeHeader(fields);
      return;
    }
    if (!layout && !header && looksLikeUsers(fields) && (terminated || !isCutRequest(fields))) {
      throw usersFile(file, cursor.line);
    }
    const known = layout ?? header ?? plainLayout(3, false);
    const problem =
      known.kind === 'samples' ? takeSample(fields, terminated, known) : takeRequest(fields, terminated, known);
    if (problem === TORN) {
      tornLine = cursor.line;
    } else if (problem !== undefined) {
      reject(problem);
    }
  }

  function takeHeader(fields: readonly string[]): void {
    const read = readHeader(file, fields);
    header = read.layout;
    const { start, end, latency } = header;
    if (header.kind === 'samples') {
      layout = header;
      sampleRows = sampleRowScanner(header, options.start);
      if (options.timeFactor !== undefined && options.timeFactor !== read.timeFactor) {
        note(`warning: ${file} is in microseconds: --time-factor ${options.timeFactor} is not for it`);
      }
      timeFactor = read.timeFactor as number;
      startedEpochUs = options.startedEpochUs() ?? 0;
      return;
    }
    const names = [start, end, latency as number].map((index) => header?.names[index]).join(', ');
    if (read.byPosition) {
      note(`note: ${file}: the columns ${names} are taken as start, end and latency`);
    }
    if (read.timeFactor !== undefined && options.timeFactor === undefined) {
      timeFactor = read.timeFactor;
      note(`note: ${file}: --time-factor ${timeFactor}, from the header: ${names}`);
    } else if (read.timeFactor !== undefined && read.timeFactor !== options.timeFactor) {
      note(
        `warning: ${file}: --time-factor ${timeFactor} is used, though the header says ${read.timeFactor}: ${names}`,
      );
    }
  }

  /** Decides what the columns are, once the first row with three good numbers is there. */
  function settle(fields: readonly string[], known: RawLayout): RawLayout {
    const fourth = fields.length === 4 && known.outcome === undefined && isOutcome(fields[3] as string);
    const settled: RawLayout =
      known.outcome !== undefined
        ? known
        : fourth
          ? { ...known, kind: 'raw', outcome: 3, names: [...known.names.slice(0, 3), 'outcome'], width: 4 }
          : { ...known, width: fields.length };
    if (settled.kind === 'raw' && options.start === 'start') {
      throw new BenchError('usage', `Cannot read --by start from ${file}: its first column is when a request was due`, {
        hint: 'samples.csv of the same run knows when each request really went; --by intended takes the first column',
      });
    }
    return settled;
  }

  function takeRequest(fields: readonly string[], terminated: boolean, known: RawLayout): Problem {
    if (fields.length < known.width && !terminated) {
      return TORN;
    }
    if (fields.length < 3 || (known.outcome !== undefined && fields.length !== known.width)) {
      const least = known.outcome === undefined ? 'at least 3' : known.width;
      return `${fields.length} ${fields.length === 1 ? 'column' : 'columns'}, wanted ${least}`;
    }
    const columns = [known.start, known.end, known.latency as number];
    const numbers = columns.map((column) => readNumber(fields[column] ?? '', known.names[column] ?? ''));
    const wrong = numbers.findIndex((number) => typeof number === 'string');
    if (wrong >= 0) {
      const isLast = columns[wrong] === fields.length - 1;
      return !terminated && isLast && isNumberBeginning(fields.at(-1) as string) ? TORN : (numbers[wrong] as string);
    }
    const [start, end, latency] = numbers as [number, number, number];
    if (end < start) {
      return `end ${fields[known.end]} is before start ${fields[known.start]}`;
    }
    if (!terminated && !addsUp(start, end, latency)) {
      return TORN;
    }
    layout ??= settle(fields, known);
    if (layout.outcome === undefined) {
      if (fields.length > 3 && !furtherColumns) {
        furtherColumns = true;
        const others = fields.filter((_, column) => !columns.includes(column)).join(',');
        note(`note: ${file}:${cursor.line}: columns besides start, end and latency are ignored: ${quoted(others)}`);
      }
      push(start, end, latency, 1);
      return undefined;
    }
    const outcome = fields[layout.outcome] as string;
    if (!isOutcome(outcome)) {
      return terminated ? `unknown outcome ${quoted(outcome)}` : TORN;
    }
    if (!isSample(outcome)) {
      leftOut++;
      return undefined;
    }
    push(start, end, latency, outcome === 'ok' ? 1 : 0);
    return undefined;
  }

  function takeSample(fields: readonly string[], terminated: boolean, known: RawLayout): Problem {
    if (fields.length !== known.width) {
      const count = `${fields.length} ${fields.length === 1 ? 'column' : 'columns'}, wanted ${known.width}`;
      return !terminated && fields.length < known.width ? TORN : count;
    }
    const phase = fields[known.phase as number] as string;
    if (!PHASES.some((word) => word === phase)) {
      return `unknown phase ${quoted(phase)}`;
    }
    const outcome = fields[known.outcome as number] as string;
    if (!isOutcome(outcome)) {
      return terminated ? `unknown outcome ${quoted(outcome)}` : TORN;
    }
    if (phase === 'warmup' || !isSample(outcome)) {
      leftOut++;
      return undefined;
    }
    if (outcome === 'abandoned' && fields[known.end] === '') {
      leftOut++;
      withoutEnd++;
      return undefined;
    }
    const startColumn = options.start === 'start' ? (known.sent as number) : known.start;
    const numbers = [known.start, known.end, startColumn].map((column) =>
      readNumber(fields[column] as string, known.names[column] as string),
    );
    const wrong = numbers.find((number) => typeof number === 'string');
    if (wrong !== undefined) {
      return wrong as string;
    }
    const [intended, end, start] = numbers as [number, number, number];
    if (end < Math.max(intended, start)) {
      return `end_us ${end} is before ${known.names[end < intended ? known.start : startColumn]}`;
    }
    push(startedEpochUs + start, startedEpochUs + end, end - intended, outcome === 'ok' ? 1 : 0);
    return undefined;
  }

  function push(start: number, end: number, latency: number, ok: 0 | 1): void {
    const row = block.count;
    block.start[row] = start;
    block.end[row] = end;
    block.latency[row] = latency;
    block.ok[row] = ok;
    block.line[row] = cursor.line;
    block.count = row + 1;
    if (block.count === block.start.length) {
      flush();
    }
  }

  /** Gives plain rows to the quick way, unless it has lately left most of them. */
  function takeQuickly(bytes: Uint8Array, from: number, to: number, outcome: boolean): number {
    if (options.quick === undefined || cursor.line < quickFromLine) {
      return from;
    }
    flush();
    const taken = options.quick.take(bytes, from, to, { timeFactor, outcome });
    rows += taken.rows;
    cursor.line += taken.rows;
    pauseLines = taken.rows >= WORTHWHILE_ROWS ? 1 : Math.min(2 * pauseLines, MOST_PAUSE_LINES);
    quickFromLine = cursor.line + pauseLines;
    return taken.end;
  }

  function scanSamples(scanner: SampleRowScanner, bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; ; ) {
      const scan = scanner.scan(bytes, at, to, block, cursor, startedEpochUs);
      at = scan.end;
      leftOut += scan.leftOut;
      if (block.count < block.start.length) {
        return at;
      }
      flush();
    }
  }

  const splitter = recordSplitter(cursor, {
    scan(bytes, from, to) {
      if (options.csvOnly) {
        return from;
      }
      if (sampleRows) {
        return scanSamples(sampleRows, bytes, from, to);
      }
      if (!layout || !isPlain(layout)) {
        return from;
      }
      const rest = layout.outcome !== undefined ? 'outcome' : furtherColumns ? 'ignored' : 'none';
      let at = from;
      for (;;) {
        at = takeQuickly(bytes, at, to, rest === 'outcome');
        const before = at;
        at = scanPlainRows(bytes, at, to, block, cursor, rest, options.quick ? quickFromLine - cursor.line : Infinity);
        if (block.count === block.start.length) {
          flush();
        }
        if (at === before) {
          return at;
        }
      }
    },
    record,
    reject,
  });

  return {
    feed(chunk, headroomBytes) {
      refusePacked(file, chunk, lines);
      splitter.feed(chunk, headroomBytes);
    },
    end() {
      splitter.end();
      flush();
      if (tornLine > 0) {
        note(`note: ${file}:${tornLine}: the last line is torn: 1 row dropped`);
      }
      if (withoutEnd > 0) {
        note(`note: ${file}: ${withoutEnd} abandoned requests have no end and are in no population`);
      }
      if (rows + leftOut + rejected === 0) {
        throw new BenchError('usage', `${file}: ${emptiness(header !== undefined, tornLine > 0)}`);
      }
      return {
        file,
        kind: layout?.kind ?? 'seed',
        timeFactor,
        rows,
        failed,
        leftOut,
        rejected,
        torn: tornLine > 0 ? 1 : 0,
      };
    },
  };
}

function failedRows({ ok, count }: RequestBlock): number {
  let failed = 0;
  for (let row = 0; row < count; row++) {
    failed += 1 - (ok[row] as number);
  }
  return failed;
}

/** What came of a line: a reason to reject it, TORN, or nothing to say. */
type Problem = string | typeof TORN | undefined;
const TORN = Symbol('torn');

/** Whether the columns stand where `scanPlainRows` looks for them. */
function isPlain(layout: RawLayout): boolean {
  const { start, end, latency, outcome = 3 } = layout;
  return start === 0 && end === 1 && latency === 2 && outcome === 3;
}

function emptiness(header: boolean, torn: boolean): string {
  if (torn) {
    return 'no complete row: the only line is torn';
  }
  return header ? 'a header and no rows' : 'the input is empty';
}

/** Whether two columns of an unterminated first line are rather the beginning of a request than a row of users. */
function isCutRequest(fields: readonly string[]): boolean {
  const [start, end] = fields as [string, string];
  return start.startsWith(end) || !start.includes('.');
}

/** Whether end = start + latency, exactly for whole numbers and up to the rounding of doubles for others. */
function addsUp(start: number, end: number, latency: number): boolean {
  return Math.abs(start + latency - end) <= (Number.isInteger(end) ? 0 : 4 * Number.EPSILON * end);
}

/** Throws BenchError on the first bytes of files that are not CSV but become it. */
function refusePacked(file: string, chunk: Uint8Array, lines: number): void {
  if (lines > 0 || chunk.length < 2) {
    return;
  }
  const [first, second] = chunk;
  if (first === 0x1f && second === 0x8b) {
    throw new BenchError('usage', `${file}: seems to be compressed with gzip`, {
      hint: `zcat ${file} | infer-bench percentile …`,
    });
  }
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new BenchError('usage', `${file}: seems to be UTF-16 at byte 0, wanted UTF-8`, {
      hint: `iconv -f UTF-16 -t UTF-8 ${file} | infer-bench percentile …`,
    });
  }
}
