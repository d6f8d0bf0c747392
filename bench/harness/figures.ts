/** What a benchmark found: printed as a table, and appended as JSONL where asked. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';
import { type Spread, spreadOf } from './statistics.js';

/** `<= 1.2` and the like. */
export interface Limit {
  readonly op: '<=' | '>=';
  readonly value: number;
}

/** One line of the results. */
export interface Figure extends Spread {
  /** The file that measured it. */
  readonly bench: string;
  readonly figure: string;
  readonly unit: string;
  readonly must: Limit | null;
  readonly aim: Limit | null;
  /** Whether the judged value (see `judged`) keeps the must; `shown` when there is none. */
  readonly verdict: 'met' | 'missed' | 'shown';
  readonly aimMet: boolean | null;
  /** Which of the values is judged: goals of ratios by their median, goals that hold always by their worst. */
  readonly judged: 'median' | 'worst';
  /** Runs that other processes disturbed. */
  readonly noisy: number;
  readonly note: string;
}

/** Something that the figures were measured with. */
export type Facts = Readonly<Record<string, string>>;

export interface FigureOptions {
  readonly unit?: string;
  readonly must?: Limit;
  readonly aim?: Limit;
  readonly judged?: 'median' | 'worst';
  readonly noisy?: number;
  readonly note?: string;
}

export const atMost = (value: number): Limit => ({ op: '<=', value });
export const atLeast = (value: number): Limit => ({ op: '>=', value });

/** The options that every benchmark has. */
export interface BenchOptions {
  readonly rounds: number;
  /** Length of one run. */
  readonly seconds: number;
  /** Short and without judging: shows that the benchmark works. */
  readonly smoke: boolean;
}

export interface Bench {
  readonly options: BenchOptions;
  /** Adds a figure to the results. */
  figure(name: string, values: readonly number[], options?: FigureOptions): void;
  /** Adds versions of programs that were used. */
  facts(facts: Facts): void;
  /** Prints and writes everything; the exit code says whether every must was met, unless this is a smoke run. */
  finish(): void;
}

/** Reads the command line of a benchmark: `--help`, `--rounds`, `--seconds`, `--smoke`, `--jsonl FILE`. */
export function bench(name: string, defaults: Omit<BenchOptions, 'smoke'>): Bench {
  const { values: given } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      jsonl: { type: 'string' },
    },
  });
  if (given.help) {
    console.log(headComment(process.argv[1] as string));
    process.exit();
  }
  const options: BenchOptions = {
    rounds: positive('--rounds', given.rounds, given.smoke ? 1 : defaults.rounds),
    seconds: positive('--seconds', given.seconds, given.smoke ? 1 : defaults.seconds),
    smoke: given.smoke,
  };
  const figures: Figure[] = [];
  const all: Record<string, string> = { ...machine() };
  return {
    options,
    figure(figure, values, how = {}) {
      // A run that is too short to say something is not judged.
      const { must: _must, aim: _aim, ...shown } = how;
      figures.push(figureOf(name, figure, values, options.smoke ? shown : how));
    },
    facts: (facts) => void Object.assign(all, facts),
    finish() {
      console.log(
        `${Object.entries(all)
          .map(([key, value]) => `${key}: ${value}`)
          .join('\n')}\n`,
      );
      console.log(markdown(figures));
      if (given.jsonl !== undefined) {
        const lines = figures.map((one) => ({ at: new Date().toISOString(), smoke: given.smoke, ...one, facts: all }));
        appendFileSync(given.jsonl, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      }
      const missed = figures.some(({ verdict }) => verdict === 'missed');
      process.exitCode = missed ? 1 : 0;
    },
  };
}

function positive(flag: string, text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  if (!(value > 0)) {
    throw new Error(`Cannot read ${flag}: must be a number above 0: got "${text}"`);
  }
  return value;
}

function figureOf(benchName: string, figure: string, values: readonly number[], how: FigureOptions): Figure {
  const spread = spreadOf(values);
  const judged = how.judged ?? 'median';
  const keeps = ({ op, value }: Limit) => {
    const worst = op === '<=' ? spread.max : spread.min;
    const own = judged === 'median' ? spread.median : worst;
    return op === '<=' ? own <= value : own >= value;
  };
  return {
    bench: benchName,
    figure,
    unit: how.unit ?? '',
    ...spread,
    must: how.must ?? null,
    aim: how.aim ?? null,
    verdict: how.must === undefined ? 'shown' : keeps(how.must) ? 'met' : 'missed',
    aimMet: how.aim === undefined ? null : keeps(how.aim),
    judged,
    noisy: how.noisy ?? 0,
    note: how.note ?? '',
  };
}

/** The results as a Markdown table. */
export function markdown(figures: readonly Figure[]): string {
  const cells = figures.map((one) => [
    one.bench,
    one.figure,
    `${[one.min, one.median, one.max].map(short).join(' / ')}${one.unit && ` ${one.unit}`}`,
    String(one.n),
    limitText(one.must),
    one.must === null ? '' : one.verdict,
    one.aim === null ? '' : `${limitText(one.aim)} ${one.aimMet ? 'met' : 'missed'}`,
    [one.noisy > 0 ? `${one.noisy} noisy runs` : '', one.note].filter(Boolean).join('; '),
  ]);
  const head = ['bench', 'figure', 'min / median / max', 'n', 'must', '', 'aim', 'notes'];
  const line = (words: readonly string[]) => `| ${words.map((word) => word.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...cells.map(line)].join('\n');
}

function limitText(limit: Limit | null): string {
  return limit === null ? '' : `${limit.op === '<=' ? '≤' : '≥'} ${Number(limit.value.toFixed(2))}`;
}

function short(value: number): string {
  const size = Math.abs(value);
  return size >= 1000
    ? value.toFixed(0)
    : size >= 10
      ? value.toFixed(1)
      : size >= 1
        ? value.toFixed(2)
        : value.toFixed(3);
}

/** The machine, its system and the tool's own version. */
export function machine(): Facts {
  const commit = (() => {
    try {
      return execFileSync('git', ['describe', '--always', '--dirty'], {
        encoding: 'utf8',
        cwd: import.meta.dirname,
      }).trim();
    } catch {
      return 'unknown';
    }
  })();
  return {
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `${type()} ${release()}`,
    node: process.version,
  };
}

/** The comment at the head of a file: what the benchmark proves, how to run it, what it needs. */
export function headComment(path: string): string {
  const text = readFileSync(path, 'utf8');
  return (/\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '').replace(/^ \* ?/gm, '').trim();
}
