import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BenchError, EXIT, type ExitCode, fileProblem, usageError } from '../errors.js';
import { choice, FlagProblem, type Given, onOff, readFlags, text, whole } from '../flags.js';
import type { Io } from '../io.js';
import { ATTRIBUTIONS, perSecondFold } from '../reduce/per-second-percentiles.js';
import { percentilePsOps, percentilePsTimes } from '../reduce/percentile-ps.js';
import { rowScanner } from '../reduce/row-scanner.js';
import { percentileCsv, percentileHlog, percentileJson, percentilePsText } from '../reports/percentile-stream.js';
import { type Chunk, chunksOfFile, chunksOfStream, type ReadAreas, readAreas } from '../samples/chunks.js';
import { percentilePsReader } from '../samples/percentile-ps-reader.js';
import { readPlanAnchor } from '../samples/plan-anchor.js';
import { noRejects, type RawSummary, type Rejects, rawReader } from '../samples/raw-reader.js';
import { COMMON_FLAGS, type Command, type CommandInput } from './command.js';

const PERCENTILE_FLAGS = {
  p: fractions({
    help: 'percentiles as fractions above 0 and at most 1, with commas between them',
    default: '0.95',
  }),
  percentile: fractions({ help: 'the same as --p' }),
  ops: onOff({ help: 'operations per second instead of percentiles' }),
  by: choice(ATTRIBUTIONS, {
    default: 'completion',
    help: 'the second that a request counts in: when it ended, was due, was sent, or every one it was in flight',
  }),
  population: choice(['ok', 'all'], {
    default: 'ok',
    help: 'successes, or every request that was sent with failures at their elapsed time',
  }),
} as const;

const INPUT_FLAGS = {
  'time-factor': whole({
    default: '1000',
    help: 'units per second of all three columns: 1000 for ms, 1000000 for µs',
  }),
  'max-rejects': whole({ min: 0, default: '0', help: 'bad lines to let pass, counted on stderr' }),
} as const;

const OUTPUT_FLAGS = {
  format: choice(['csv', 'json', 'hlog'], { default: 'csv', help: 'CSV, one JSON object, or an HdrHistogram log' }),
  out: text({ arg: 'FILE|-', default: '-', help: 'where to write, - for stdout' }),
  compat: choice(['percentile-ps'], {
    help: "the numbers of the Prism project's percentile-ps to the digit, with its faults",
  }),
} as const;

const ALL_FLAGS = { ...PERCENTILE_FLAGS, ...INPUT_FLAGS, ...OUTPUT_FLAGS, ...COMMON_FLAGS };

/** `infer-bench percentile`: raw requests from files or stdin to a stream of percentiles per second. */
export const percentile: Command = {
  summary: 'reduce raw requests to a per-second stream of percentiles',
  operands: '[file… | -]',
  flags: { Percentiles: PERCENTILE_FLAGS, Input: INPUT_FLAGS, Output: OUTPUT_FLAGS },
  examples: [
    ['percentile --p 0.95 < raw_requests.csv', 'p95 of each second, requests counted when they ended'],
    [
      'percentile --p 0.5,0.95,0.99 --by intended runs/*/raw_requests.csv',
      'several percentiles of several files together',
    ],
    ['percentile --by start runs/1/samples.csv --format json --out p95.json', 'by the real send, as JSON, into a file'],
    ['percentile --ops raw_requests.csv', 'operations per second'],
    ['percentile --time-factor 1000000 redis.csv', 'a file in microseconds'],
    ['percentile --compat percentile-ps raw_requests.csv', "exactly the original's lines"],
  ],
  notes: `Reads start,end,latency[,outcome] with or without a header, and samples.csv of a run; no file means stdin, as in
  cat raw_requests.csv | infer-bench percentile --p 0.95
Seconds without a sample have count 0 and an empty cell. A torn last line is dropped and said on stderr.`,
  act,
};

async function act(io: Io, input: CommandInput): Promise<ExitCode> {
  const settings = readSettings(io, input);
  const note = (line: string) => {
    if (!settings.quiet) {
      io.stderr.write(`${line}\n`);
    }
  };
  await requireFiles(settings.sources);
  return settings.compat ? reduceAsPercentilePs(io, settings, note) : reduce(io, settings, note);
}

type Note = (line: string) => void;
type Settings = ReturnType<typeof readSettings>;

/** An input: its name in messages, and its path unless it is stdin. */
interface Source {
  readonly name: string;
  readonly path: string | undefined;
}

function readSettings(io: Io, { operands, given, problems: before }: CommandInput) {
  const problems = [...before];
  const values = readFlags(ALL_FLAGS, given, problems);
  const percentiles = values.percentile ?? values.p ?? [];
  const flag = given.has('percentile') ? '--percentile' : '--p';
  const format = values.json ? 'json' : values.format;
  if (given.has('p') && given.has('percentile')) {
    problems.push('Cannot combine --p and --percentile: they are the same flag');
  }
  if (values.json && given.has('format') && values.format !== 'json') {
    problems.push(`Cannot combine --json and --format ${values.format}`);
  }
  problems.push(
    ...(values.compat ? compatProblems(given, percentiles) : percentiles.flatMap((p) => fractionProblem(p, flag))),
  );
  const twice = percentiles.find((p, index) => percentiles.indexOf(p) !== index);
  if (twice !== undefined) {
    problems.push(`Cannot read ${flag}: ${twice} is given twice`);
  }
  if (values.ops && format === 'hlog') {
    problems.push('Cannot combine --ops and --format hlog: an HdrHistogram log holds latencies');
  }
  const names = operands.length === 0 ? ['-'] : operands;
  if (values.out !== '-' && names.some((name) => resolve(io.cwd, name) === resolve(io.cwd, values.out))) {
    problems.push(`Cannot write --out ${values.out}: it is one of the files to read`);
  }
  if (names.filter((name) => name === '-').length > 1) {
    problems.push('Cannot read stdin twice: - is given more than once');
  }
  if (problems.length > 0) {
    throw usageError(problems, { hint: 'infer-bench percentile --help explains the flags' });
  }
  if (operands.length === 0 && (io.stdin as { isTTY?: boolean }).isTTY) {
    throw new BenchError('usage', 'No file is given and stdin is a terminal', {
      hint: 'name a file, or pipe one in: cat raw_requests.csv | infer-bench percentile --p 0.95',
    });
  }
  return {
    ...values,
    percentiles,
    format,
    // For tests and bench/reduce.ts: `js` goes without WebAssembly, `csv` also without the byte scanner.
    scanner: io.env.INFER_BENCH_SCANNER,
    timeFactorGiven: given.has('time-factor'),
    sources: names.map(
      (name): Source => (name === '-' ? { name: 'stdin', path: undefined } : { name, path: resolve(io.cwd, name) }),
    ),
  };
}

/** A list of fractions. Which values make sense is decided later: the original takes any. */
function fractions<const S extends { readonly help: string; readonly default?: string }>(shape: S) {
  return {
    arg: 'LIST',
    ...shape,
    parse(list: string): readonly number[] {
      return list.split(',').map((word) => {
        const value = word.trim() === '' ? Number.NaN : Number(word);
        if (!Number.isFinite(value)) {
          const percent = /^\s*p?(\d+(?:\.\d+)?)%?\s*$/i.exec(word)?.[1];
          throw new FlagProblem(`must be fractions such as 0.95 or 0.95,0.99${suggestion(Number(percent))}`);
        }
        return value;
      });
    },
  };
}

function fractionProblem(p: number, flag: string): readonly string[] {
  return p > 0 && p <= 1 ? [] : [`Cannot read ${flag}: must be above 0 and at most 1: got ${p}${suggestion(p)}`];
}

function suggestion(percent: number): string {
  // Between 1 and 2 nobody knows.
  return percent >= 2 && percent <= 100 ? ` (did you mean ${Number((percent / 100).toPrecision(12))}?)` : '';
}

function compatProblems(given: Given, percentiles: readonly number[]): readonly string[] {
  const foreign = ['by', 'population', 'max-rejects', 'json'].filter((flag) => given.has(flag));
  const problems = foreign.map(
    (flag) => `Cannot combine --compat percentile-ps and --${flag}: the original has no such choice`,
  );
  if (given.has('format') && given.get('format')?.some((word) => word !== 'csv')) {
    problems.push('Cannot combine --compat percentile-ps and --format: the original has its own');
  }
  if (percentiles.length > 1) {
    problems.push(
      `Cannot combine --compat percentile-ps and ${percentiles.length} percentiles: the original prints one`,
    );
  }
  return problems;
}

/** Looks for all files before any is read, which may take long. */
async function requireFiles(sources: readonly Source[]): Promise<void> {
  const problems = await Promise.all(
    sources.map(async ({ name, path }) => {
      try {
        const directory = path !== undefined && (await stat(path)).isDirectory();
        return directory ? [`Cannot read ${name}: is a directory (the requests of a run are in raw_requests.csv)`] : [];
      } catch (error) {
        return [`Cannot read ${name}: ${fileProblem(error)}`];
      }
    }),
  );
  if (problems.flat().length > 0) {
    throw usageError(problems.flat());
  }
}

async function reduce(io: Io, settings: Settings, note: Note): Promise<ExitCode> {
  const { by, population, percentiles, ops, format } = settings;
  const rejects = noRejects();
  const scanner = settings.scanner === 'js' || settings.scanner === 'csv' ? undefined : rowScanner();
  const fold = perSecondFold({ by, population, countsOnly: ops, scanner });
  const areas = scanner?.areas ?? readAreas();
  const files: RawSummary[] = [];
  for (const source of settings.sources) {
    files.push(await readSource(io, source, settings, { rejects, fold, areas, note }));
  }
  const noRequest = files.every(({ rows }) => rows === 0);
  judgeRejects(rejects, { maxRejects: settings['max-rejects'], noRequest, note });
  const stream = fold.finish();
  if (stream.firstS === null) {
    throw new BenchError(
      'usage',
      `${files.map(({ file }) => file).join(', ')}: no request: every row is left out or rejected`,
      {
        hint: 'rows of the warm-up, never sent or failed on this machine are no requests to the target',
      },
    );
  }
  noteCounts(files, settings, note);
  if (stream.firstS > SECONDS_OF_YEAR_5000) {
    note(`warning: the first second is ${stream.firstS}: are the times in µs? Then add --time-factor 1000000`);
  }
  if (stream.overlong > 0 && !ops) {
    note(`warning: latencies above 1 h: ${stream.overlong}; a percentile among them is the maximum of its second`);
  }
  const write = { csv: percentileCsv, json: percentileJson, hlog: percentileHlog }[format];
  const timeFactor = settings['time-factor'];
  await writeOut(io, settings.out, write({ by, population, timeFactor, percentiles, ops, files, stream }));
  if (stream.samples === 0) {
    // An empty stream must not look like a good one to a pipeline.
    io.stderr.write('error: No request succeeded: every second is empty\n');
    io.stderr.write('hint: --population all takes failures at their elapsed time\n');
    return EXIT.invalid;
  }
  return EXIT.ok;
}

/** A first second above this is no date: the unit is another one. */
const SECONDS_OF_YEAR_5000 = 95_617_584_000;

interface Reading {
  readonly rejects: Rejects;
  readonly fold: ReturnType<typeof perSecondFold>;
  readonly areas: ReadAreas;
  readonly note: Note;
}

async function readSource(io: Io, source: Source, settings: Settings, reading: Reading): Promise<RawSummary> {
  const { name, path } = source;
  const { rejects, fold, note } = reading;
  const reader = rawReader({
    file: name,
    timeFactor: settings.timeFactorGiven ? settings['time-factor'] : undefined,
    start: settings.by === 'start' ? 'start' : 'intended',
    rejects,
    note,
    quick: fold.quick,
    csvOnly: settings.scanner === 'csv',
    rows: (block, timeFactor) => fold.add(block, { file: name, timeFactor }),
    startedEpochUs() {
      const anchor = path === undefined ? { problem: 'it comes from stdin' } : readPlanAnchor(path);
      if ('startedEpochUs' in anchor) {
        return anchor.startedEpochUs;
      }
      note(`note: ${name}: epoch_s is seconds from the start of the run: ${anchor.problem}`);
      return undefined;
    },
  });
  for await (const { bytes, headroomBytes } of chunksOf(io, source, reading.areas)) {
    reader.feed(bytes, headroomBytes);
  }
  return reader.end();
}

async function* chunksOf(io: Io, { name, path }: Source, areas: ReadAreas): AsyncIterable<Chunk> {
  try {
    if (path === undefined) {
      yield* chunksOfStream(io.stdin, areas[0]);
      return;
    }
    const file = await open(path);
    try {
      yield* chunksOfFile(file, areas);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new BenchError('usage', `Cannot read ${name}: ${fileProblem(error)}`, { cause: error });
  }
}

interface Judging {
  readonly maxRejects: number;
  readonly noRequest: boolean;
  readonly note: Note;
}

function judgeRejects({ count, shown }: Rejects, { maxRejects, noRequest, note }: Judging): void {
  const more = count > shown.length ? [`… and ${count - shown.length} more rejected lines, ${count} in all`] : [];
  if (count > maxRejects) {
    const hint = noRequest
      ? 'no line is a request: start,end,latency and perhaps an outcome, or the columns of samples.csv'
      : `--max-rejects ${count} lets that many bad lines pass`;
    throw usageError([...shown, ...more], { hint });
  }
  if (count > 0) {
    note([`warning: ${count} rejected lines let pass:`, ...[...shown, ...more].map((line) => `  ${line}`)].join('\n'));
  }
}

function noteCounts(files: readonly RawSummary[], { population }: Settings, note: Note): void {
  for (const { file, rows, failed, leftOut } of files) {
    if (failed > 0) {
      const place = population === 'ok' ? 'not counted (--population ok)' : 'counted at their elapsed time';
      note(`note: ${file}: ${failed} of ${rows} requests failed: ${place}`);
    }
    if (leftOut > 0) {
      note(
        `note: ${file}: ${leftOut} rows are no requests to the target (warm-up, never sent, failed on this machine)`,
      );
    }
  }
}

async function reduceAsPercentilePs(io: Io, settings: Settings, note: Note): Promise<ExitCode> {
  const reader = percentilePsReader(settings.ops);
  const quantile = settings.percentiles[0] as number;
  const areas = readAreas();
  for (const source of settings.sources) {
    let more = true;
    for await (const { bytes } of chunksOf(io, source, areas)) {
      more = reader.feed(source.name, bytes);
      if (!more) {
        break;
      }
    }
    if (!more || !reader.endFile(source.name)) {
      break;
    }
  }
  const { rows, stop } = reader.finish();
  if (stop) {
    note(`note: ${stop.file}:${stop.line}: as for the original, the input ends here: ${stop.why}`);
  }
  if (!settings.ops && !(quantile > 0 && quantile <= 1)) {
    note(
      `note: the original takes the quantile ${quantile} as the ${quantile > 1 ? 'maximum' : 'lowest recorded bucket'}`,
    );
  }
  const timeFactor = settings['time-factor'];
  const lines = settings.ops ? percentilePsOps(rows, timeFactor) : percentilePsTimes(rows, timeFactor, quantile);
  await writeOut(io, settings.out, percentilePsText(lines));
  return EXIT.ok;
}

/** Characters collected before they are written. */
const WRITE_CHARS = 1 << 16;

async function writeOut(io: Io, out: string, parts: Iterable<string>): Promise<void> {
  if (out === '-') {
    for (const piece of pieces(parts)) {
      io.stdout.write(piece);
    }
    return;
  }
  const path = resolve(io.cwd, out);
  try {
    await writeWhole(path, pieces(parts));
  } catch (error) {
    if (error instanceof BenchError) {
      throw error;
    }
    throw new BenchError('output', `Cannot write ${out}: ${fileProblem(error)}`, { cause: error });
  }
}

function* pieces(parts: Iterable<string>): Iterable<string> {
  let piece = '';
  for (const part of parts) {
    piece += part;
    if (piece.length >= WRITE_CHARS) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

/** Writes a file beside its place and moves it there, so that what is there is either the old content or all of the new. */
async function writeWhole(path: string, parts: Iterable<string>): Promise<void> {
  const place = await stat(path).catch(() => undefined);
  if (place && !place.isFile()) {
    // A device or a pipe cannot be replaced.
    await writeFile(path, parts);
    return;
  }
  const beside = `${path}.${process.pid}.part`;
  try {
    await writeFile(beside, parts);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}
