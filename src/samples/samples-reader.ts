import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { BenchError, fileProblem } from '../errors.js';
import { safeText } from '../text.js';
import { chunksOfFile, readAreas } from './chunks.js';
import { isOutcome, ORIGINS, PHASES } from './outcomes.js';
import { type Cursor, recordSplitter } from './records.js';
import { appendSample, CACHE_WORDS, type Sample, type SampleBlock, sampleBlock } from './sample.js';
import { SAMPLE_COLUMNS } from './samples-file.js';
import { rowProblem, samplesScanner } from './samples-scanner.js';

const BLOCK_ROWS = 8192;

/** What a `samples.csv` turned out to hold. */
export interface SamplesRead {
  readonly rows: number;
  /** Last lines without their line end, which are dropped: 0 or 1. */
  readonly torn: number;
}

/** The columns that a file must have; the others may be missing, as in one of an older version. */
type Column = (typeof SAMPLE_COLUMNS)[number];
const OPTIONAL: ReadonlySet<Column> = new Set(['last_token_us', 'chunks', 'client_pause']);

/**
 * Reads all rows of a `samples.csv` in blocks, in their order; a block is reused afterwards. Rows in the form in which
 * `samplesSink` writes them are scanned as bytes, any other CSV is parsed. A torn last line, as a killed run leaves it,
 * is dropped. `endpoints` are the names of the endpoints by their index. Throws BenchError('usage') with file and line
 * for what is no row.
 */
export async function readSamples(
  path: string,
  endpoints: readonly string[],
  take: (block: SampleBlock) => void,
): Promise<SamplesRead> {
  const name = basename(path);
  const block = sampleBlock(BLOCK_ROWS);
  const scanner = samplesScanner(endpoints);
  const cursor: Cursor = { line: 1 };
  let header: readonly string[] | undefined;
  let canonical = false;
  let rows = 0;
  let torn = 0;

  function flush(): void {
    if (block.length > 0) {
      rows += block.length;
      take(block);
      block.length = 0;
    }
  }

  function refuse(problem: string): never {
    throw new BenchError('usage', `${name}:${cursor.line}: ${problem}`);
  }

  function takeHeader(names: readonly string[]): void {
    const missing = SAMPLE_COLUMNS.filter((column) => !names.includes(column) && !OPTIONAL.has(column));
    if (missing.length > 0) {
      refuse(`not the header of samples.csv: ${missing.join(', ')} missing`);
    }
    header = names;
    canonical = names.join() === SAMPLE_COLUMNS.join();
  }

  const splitter = recordSplitter(cursor, {
    scan(bytes, from, to) {
      if (!canonical) {
        return from;
      }
      for (let at = from; ; ) {
        const before = block.length;
        at = scanner.scan(bytes, at, to, block);
        cursor.line += block.length - before;
        if (block.length < block.capacity) {
          return at;
        }
        flush();
      }
    },
    record(fields, terminated) {
      if (!terminated) {
        torn = 1;
      } else if (header === undefined) {
        takeHeader(fields);
      } else {
        if (fields.length !== header.length) {
          refuse(`${fields.length} columns, wanted ${header.length}`);
        }
        const row = block.length;
        appendSample(block, sampleOf(cells(header, fields), endpoints, refuse));
        const problem = rowProblem(block, row);
        if (problem !== undefined) {
          refuse(problem);
        }
        if (block.length === block.capacity) {
          flush();
        }
      }
    },
    reject: refuse,
  });

  try {
    const file = await open(path);
    try {
      for await (const { bytes, headroomBytes } of chunksOfFile(file, readAreas())) {
        splitter.feed(bytes, headroomBytes);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof BenchError
      ? error
      : new BenchError('usage', `Cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
  splitter.end();
  flush();
  return { rows, torn };
}

/** The cell of a column; empty where the file does not have it. */
type Cell = (column: Column) => string;

function cells(header: readonly string[], fields: readonly string[]): Cell {
  return (column) => fields[header.indexOf(column)] ?? '';
}

/** A row as an object, for what the scanner leaves. */
function sampleOf(cell: Cell, endpoints: readonly string[], refuse: (problem: string) => never): Sample {
  const shown = (column: Column) => `${column} "${safeText(cell(column))}"`;
  const optional = (column: Column, most = Number.MAX_SAFE_INTEGER) => {
    const value = Number(cell(column));
    if (cell(column) === '') {
      return undefined;
    }
    return /^\d+$/.test(cell(column)) && value <= most ? value : refuse(`${shown(column)} is no whole number`);
  };
  const needed = (column: Column, most?: number) => optional(column, most) ?? refuse(`${column} is empty`);
  const word = <Word extends string>(column: Column, known: readonly Word[]) =>
    known.find((candidate) => candidate === cell(column)) ?? refuse(`${shown(column)} is not known`);
  const orNothing = <Word extends string>(column: Column, known: readonly Word[]) =>
    cell(column) === '' ? undefined : word(column, known);
  const outcome = cell('outcome');
  const reused = orNothing('reused', ['0', '1']);
  return {
    seq: needed('seq'),
    user: needed('user', MAX_INT32),
    worker: needed('worker', MAX_UINT16),
    phase: word('phase', PHASES),
    endpoint: endpoints.indexOf(word('endpoint', endpoints)),
    intendedUs: needed('intended_us'),
    startUs: optional('start_us'),
    firstByteUs: optional('first_byte_us'),
    endUs: optional('end_us'),
    outcome: isOutcome(outcome) ? outcome : refuse(`${shown('outcome')} is not known`),
    origin: orNothing('origin', ORIGINS),
    status: optional('status', MAX_INT32),
    batch: needed('batch', MAX_INT32),
    bytesOut: needed('bytes_out'),
    bytesIn: needed('bytes_in'),
    reused: reused === undefined ? undefined : reused === '1',
    cache: orNothing('cache', CACHE_WORDS),
    tokensOut: optional('tokens_out', MAX_INT32),
    firstTokenUs: optional('first_token_us'),
    lastTokenUs: optional('last_token_us'),
    chunks: optional('chunks', MAX_INT32),
    paused: orNothing('client_pause', ['0', '1']) === '1',
  };
}

const MAX_INT32 = 2 ** 31 - 1;
const MAX_UINT16 = 2 ** 16 - 1;
