import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import {
  type BlockCut,
  blockCount,
  blockFold,
  type Figure,
  type FigureBins,
  figureBins,
} from '../reduce/block-figures.js';
import { type SteadyWindow, steadyWindows } from '../reduce/steady-windows.js';
import type { Report } from '../reports/report.js';
import { readChunkGaps } from '../samples/chunk-gaps.js';
import { readSamples } from '../samples/samples-reader.js';
import { US_PER_S } from '../units.js';
import type { FigureValues } from '../verdicts/comparison.js';

/** A finished run as a comparison needs it. */
export interface ComparedRun {
  /** As short as it can be shown from the working directory. */
  readonly shown: string;
  readonly path: string;
  readonly report: Report;
  readonly plan: Readonly<Record<string, unknown>>;
}

/** Repeats of the same run. */
export interface Side {
  readonly name: string;
  readonly runs: readonly ComparedRun[];
}

/** What `compare --interleave` leaves beside its runs: pair k is base/k and head/k. */
export const INTERLEAVE_FILE = 'interleave.json';
export const INTERLEAVE_SCHEMA = 'infer-bench/interleave/1';

/**
 * A side from an operand: `[NAME=]DIR[,DIR…]`, where a directory is a run or has runs in it. Problems are added to the
 * list; undefined when there is nothing to compare.
 */
export function readSide(operand: string, cwd: string, problems: string[]): Side | undefined {
  const [, given, list] = /^(?:([^=/,]+)=)?(.*)$/s.exec(operand) as unknown as [string, string | undefined, string];
  const directories = list.split(',').flatMap((path) => runDirectories(path, cwd, problems));
  const runs = directories.flatMap((path) => readRun(path, cwd, problems) ?? []);
  const [first, ...more] = list.split(',').map((path) => path.replace(/(?<=.)\/+$/, ''));
  const name = given ?? (more.length === 0 ? (first as string) : `${first} and ${more.length} more`);
  return runs.length > 0 ? { name, runs } : undefined;
}

/** The two sides of an interleaved measurement, pair by pair; undefined when the directory holds none. */
export function readInterleaved(
  path: string,
  cwd: string,
  problems: string[],
): readonly [base: Side, head: Side] | undefined {
  const root = resolve(cwd, path);
  if (!existsSync(join(root, INTERLEAVE_FILE))) {
    return undefined;
  }
  const content = readObject(join(root, INTERLEAVE_FILE), cwd, problems);
  const names = content?.sides as { readonly base?: unknown; readonly head?: unknown } | undefined;
  const pairs = [...subdirectories(join(root, 'base'))].filter((name) =>
    ['base', 'head'].every((side) => existsSync(join(root, side, name, 'summary.json'))),
  );
  if (pairs.length === 0) {
    problems.push(`Cannot compare ${path}: no pair of its blocks was finished`);
  }
  const side = (name: 'base' | 'head') => ({
    name: typeof names?.[name] === 'string' ? names[name] : name,
    runs: pairs.flatMap((pair) => readRun(join(root, name, pair), cwd, problems) ?? []),
  });
  return [side('base'), side('head')];
}

function runDirectories(path: string, cwd: string, problems: string[]): readonly string[] {
  const root = resolve(cwd, path);
  if (path === '' || !existsSync(root)) {
    problems.push(
      path === ''
        ? 'Cannot compare "": a name of a directory is empty'
        : `Cannot compare ${path}: there is no such directory`,
    );
    return [];
  }
  if (!statSync(root).isDirectory()) {
    problems.push(`Cannot compare ${path}: it is a file, a run is a directory`);
    return [];
  }
  if (isRun(root)) {
    return [root];
  }
  const inside = subdirectories(root).map((name) => join(root, name));
  const runs = inside.filter(isRun);
  if (runs.length === 0) {
    problems.push(`Cannot compare ${path}: it is no run directory (it has no plan.json) and there is none in it`);
  }
  return runs;
}

function isRun(path: string): boolean {
  return existsSync(join(path, 'plan.json'));
}

function subdirectories(path: string): readonly string[] {
  return existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];
}

function readRun(path: string, cwd: string, problems: string[]): ComparedRun | undefined {
  const shown = relative(cwd, path) || '.';
  if (!existsSync(join(path, 'summary.json'))) {
    problems.push(
      `Cannot compare ${shown}: it has no summary.json; a run that was killed gets one by infer-bench report ${shown}`,
    );
    return undefined;
  }
  const report = readObject(join(path, 'summary.json'), cwd, problems) as unknown as Report | undefined;
  const plan = readObject(join(path, 'plan.json'), cwd, problems);
  if (report && report.schema !== 'infer-bench/summary/1') {
    problems.push(`Cannot compare ${shown}: summary.json is not of the schema infer-bench/summary/1`);
    return undefined;
  }
  return report && plan ? { shown, path, report, plan } : undefined;
}

function readObject(path: string, cwd: string, problems: string[]): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Reported below: whether it is cut off or no JSON at all makes no difference to the user.
  }
  problems.push(`Cannot read ${relative(cwd, path)}: it is no JSON object`);
  return undefined;
}

/** The measured window of a run, in blocks of so many µs; without them as a single one. */
export function cutOf({ report }: ComparedRun, blockUs: number | undefined): BlockCut {
  const fromUs = Math.round(report.run.warmup_s * US_PER_S);
  const lengthUs = Math.max(1, Math.round(report.rates.window_s * US_PER_S));
  return { fromUs, toUs: fromUs + lengthUs, blockUs: blockUs ?? lengthUs };
}

/** A side's requests, in bins that are the units of replication, and all together. */
export interface SideBins {
  readonly units: FigureBins;
  readonly unitsN: number;
  readonly whole: FigureBins;
}

/** What a side's samples come to. */
export interface MeasuredSide extends SideBins {
  /** By run, in windows of 5 s. */
  readonly windows: readonly (readonly SteadyWindow[])[];
}

/**
 * Reads the samples of a side: into one unit for each run, or, where `blockUs` is given, into one for each block; those
 * of several runs are merged block by block. Throws BenchError('usage') for what is no samples.csv.
 */
export async function readSideBins({ runs }: Side, blockUs: number | undefined): Promise<MeasuredSide> {
  const cuts = runs.map((run) => cutOf(run, blockUs));
  const unitsN = blockUs === undefined ? runs.length : Math.max(...cuts.map(blockCount));
  const units = figureBins(unitsN);
  const whole = figureBins(1);
  const windows: (readonly SteadyWindow[])[] = [];
  for (const [index, run] of runs.entries()) {
    const first = blockUs === undefined ? index : 0;
    const cut = cuts[index] as BlockCut;
    const fold = blockFold(cut, { bins: units, first, side: whole });
    const steady = steadyWindows(cut.fromUs, cut.toUs);
    await readSamples(join(run.path, 'samples.csv'), endpointsOf(run), (block) => {
      fold.rows(block);
      steady.rows(block);
    });
    windows.push(steady.finish());
    if (existsSync(join(run.path, 'chunk_gaps.csv'))) {
      await readChunkGaps(join(run.path, 'chunk_gaps.csv'), fold.gaps);
    }
  }
  return { units, unitsN, whole, windows };
}

/** The names of a run's endpoints; a run with a single one has no table of them. */
function endpointsOf({ report }: ComparedRun): readonly string[] {
  const several = report.endpoints.map(({ endpoint }) => endpoint);
  return several.length > 0 ? several : [report.run.endpoint];
}

/** The values of a figure on both sides, by unit; pairs have the same index, and both sides as many. */
export function figureValues(figure: Figure, base: SideBins, head: SideBins, paired: boolean): FigureValues {
  const pairs = Math.min(base.unitsN, head.unitsN);
  const values = ({ units, unitsN }: SideBins) =>
    Array.from({ length: paired ? pairs : unitsN }, (_, unit) => units.valueOf(figure, unit));
  return {
    figure,
    whole: { base: base.whole.valueOf(figure, 0), head: head.whole.valueOf(figure, 0) },
    base: values(base),
    head: values(head),
  };
}
