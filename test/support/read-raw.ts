import type { BenchError } from '../../src/errors.js';
import { noRejects, type RawOptions, type RawSummary, rawReader } from '../../src/samples/raw-reader.js';

/** One request as the reader handed it on. */
export interface ReadRow {
  readonly start: number;
  readonly end: number;
  readonly latency: number;
  readonly ok: boolean;
  readonly line: number;
}

/** Everything that came of reading one input. */
export interface ReadResult {
  readonly rows: readonly ReadRow[];
  readonly timeFactor: number | undefined;
  readonly summary: RawSummary | undefined;
  readonly rejects: readonly string[];
  readonly rejected: number;
  readonly notes: readonly string[];
  readonly error: BenchError | undefined;
}

export interface ReadOptions extends Partial<Pick<RawOptions, 'timeFactor' | 'start'>> {
  readonly startedEpochUs?: number;
  /** Sizes of the chunks, used in turn; all at once when absent. */
  readonly chunks?: readonly number[];
}

/** Reads an input named `raw.csv` from memory and collects what the reader does. */
export function readRaw(input: string | Uint8Array, options: ReadOptions = {}): ReadResult {
  const rows: ReadRow[] = [];
  const notes: string[] = [];
  const rejects = noRejects();
  let timeFactor: number | undefined;
  let summary: RawSummary | undefined;
  let error: BenchError | undefined;
  const reader = rawReader({
    file: 'raw.csv',
    timeFactor: options.timeFactor,
    start: options.start ?? 'intended',
    rejects,
    note: (line) => notes.push(line),
    startedEpochUs: () => options.startedEpochUs,
    rows(block, factor) {
      timeFactor = factor;
      for (let row = 0; row < block.count; row++) {
        rows.push({
          start: block.start[row] as number,
          end: block.end[row] as number,
          latency: block.latency[row] as number,
          ok: block.ok[row] === 1,
          line: block.line[row] as number,
        });
      }
    },
  });
  try {
    for (const chunk of cut(Buffer.from(input), options.chunks ?? [])) {
      reader.feed(chunk);
    }
    summary = reader.end();
  } catch (thrown) {
    error = thrown as BenchError;
  }
  return { rows, timeFactor, summary, rejects: rejects.shown, rejected: rejects.count, notes, error };
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Iterable<Uint8Array> {
  if (sizes.length === 0) {
    yield bytes;
    return;
  }
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
