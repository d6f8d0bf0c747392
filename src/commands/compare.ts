import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BenchError, EXIT, type ExitCode, fileProblem, usageError } from '../errors.js';
import { choice, duration, FlagProblem, onOff, readFlags, text, whole } from '../flags.js';
import type { Io } from '../io.js';
import type { DurationMetric, Figure } from '../reduce/block-figures.js';
import type { ComparisonOf, ComparisonReport, SideFacts } from '../reports/comparison.js';
import { maskUrl, safeText } from '../text.js';
import { formatDuration, US_PER_S } from '../units.js';
import { FAIL_ON_GRAMMAR, type FailOn, guards, judgeFailOn, readFailOn } from '../verdicts/fail-on.js';
import { hostDifferences, planDifferences, unknownSettings } from '../verdicts/plan-differences.js';
import type { Shift } from '../verdicts/rank-tests.js';
import type { SetReason } from '../verdicts/steadiness.js';
import { VERSION } from '../version.js';
import { COMMON_FLAGS, type Command, type CommandInput } from './command.js';
import type { ComparedRun, MeasuredSide, Side, SideBins } from './compared-runs.js';
import { makeDirectory } from './run-directory.js';

/** Shorter ones are too alike to count as observations of their own. */
const LEAST_BLOCK_US = 10 * US_PER_S;
/** So many blocks tell enough: in a longer run they are longer, and less alike. */
const MOST_BLOCKS = 60;
/** Blocks of one run that find 5 % in most cases. */
const ENOUGH_BLOCKS = 30;
/** From so many repeats of each side on, the run is the unit. */
const ENOUGH_RUNS = 5;

const failOn = {
  arg: 'LIMIT',
  repeatable: true as const,
  help: "fail (exit 99) when a difference goes beyond, such as 'p(95)>+10%'",
  parse(word: string): FailOn {
    const read = readFailOn(word);
    if (typeof read === 'string') {
      throw new FlagProblem(read);
    }
    return read;
  },
};

const minEffect = {
  arg: 'N%',
  default: '2%',
  help: 'a difference below this is none',
  parse(word: string): number {
    const [, number] = /^(\d+(?:\.\d+)?)%$/.exec(word) ?? [];
    if (number === undefined || Number(number) >= 100) {
      throw new FlagProblem('must be a percentage below 100, such as 2%');
    }
    return Number(number) / 100;
  },
};

const GATE_FLAGS = {
  'fail-on': failOn,
  undecided: choice(['fail', 'pass'], {
    default: 'fail',
    help: 'what a limit counts as that the runs cannot decide: exit 4, or 0',
  }),
  'min-effect': minEffect,
} as const;

const SIDES_FLAGS = {
  vary: {
    ...text({ arg: 'SETTING', help: 'a setting that is meant to differ, such as batch-size' }),
    repeatable: true as const,
  },
  force: onOff({ help: 'compare runs whose plans differ and runs that are INVALID too' }),
  block: duration({
    default: '10s',
    minUs: US_PER_S,
    help: 'length of the blocks that runs are cut into, 10s or more; of an interleaved block',
  }),
  seed: whole({ min: 0, default: '1', help: 'seed of drawn relabellings and of the order of blocks' }),
} as const;

const INTERLEAVE_FLAGS = {
  interleave: onOff({ help: 'measure now: run base and head, two specs or URLs, in alternating blocks' }),
  blocks: whole({ min: 2, max: 1000, default: '10', help: 'blocks of each side' }),
  file: text({ arg: 'SPEC', short: 'f', help: 'settings of what is given as a URL' }),
} as const;

const OUTPUT_FLAGS = {
  format: choice(['console', 'markdown', 'html', 'json'], { default: 'console', help: 'what to print on stdout' }),
  out: text({
    arg: 'DIR',
    short: 'o',
    help: 'write compare.html, compare.md and compare.json there; with --interleave the runs too',
  }),
} as const;

const ALL_FLAGS = { ...GATE_FLAGS, ...SIDES_FLAGS, ...INTERLEAVE_FLAGS, ...OUTPUT_FLAGS, ...COMMON_FLAGS };

/** `infer-bench compare`: two or more runs, or sets of repeats, with intervals of their differences. */
export const compare: Command = {
  summary: 'compare runs: differences with their intervals, and limits for pipelines',
  operands: '<base> <head…>',
  flags: { Limits: GATE_FLAGS, Runs: SIDES_FLAGS, Interleaving: INTERLEAVE_FLAGS, Files: OUTPUT_FLAGS },
  examples: [
    ['compare runs/main runs/branch', 'two runs, block by block; a directory of runs counts as repeats'],
    ["compare --fail-on 'p(95)>+10%' runs/main runs/branch", 'exit 99 when p95 got worse by more than 10 %'],
    ['compare old=a1,a2,a3,a4,a5 new=b1,b2,b3,b4,b5', 'five repeats of each: the run is the unit'],
    ['compare --vary batch-size runs/batch-1 runs/batch-8', 'what differs on purpose is named'],
    ['compare --interleave a.yaml b.yaml --blocks 10 --block 10s --out runs/ab', 'measure both now, A B B A …'],
    ['compare --interleave http://10.0.0.1:8000 http://10.0.0.2:8000 -f spec.yaml -o runs/ab', 'two servers'],
    ['compare runs/ab --format markdown', 'an interleaved measurement once more'],
  ],
  notes: `An operand is [NAME=]DIR[,DIR…]: run directories, or directories that hold some.
What counts as one observation is a run where each side has 5 or more, an
interleaved block, or else a block of 10 s or more, never a request. Blocks of
runs with the same plan are compared pair by pair, at the same moment of the
pattern; neighbours that are alike widen the interval. One run is one state of
the machine: only repeats or --interleave tell it from a change.

  difference  median difference of the units (Hodges and Lehmann)
  interval    96 % for all figures of the table together, by rank tests over
              relabelled units; among equals at most 1 table of 20 calls
              anything better or worse
  unclear     not equal: the text says how large a change would be found

Thirty blocks (5m), 8 interleaved pairs or 5 runs of each side are a fair start.
Limits of --fail-on, named beforehand, have intervals that hold together on their
own: they see more than the table. A load that never changes claims a steady
state; where there is none the set is called unstable: neither are the last three
windows of 5 s of each run within 10 %, nor is the mean known to 5 %.
Latency counts failed and dropped requests as never answered, unless it says (ok).

Limits of --fail-on:
${FAIL_ON_GRAMMAR}
A limit fails when the difference is beyond it and the interval excludes chance;
it passes when the whole interval is within it; else it is inconclusive.

99 a limit failed · 4 a limit is inconclusive, or a run is INVALID · 2 plans differ`,
  act,
};

type Settings = ReturnType<typeof readSettings>;

function readSettings({ operands, given, problems: before }: CommandInput) {
  const problems = [...before];
  const values = readFlags(ALL_FLAGS, given, problems);
  if (values.interleave) {
    if (operands.length !== 2) {
      problems.push(`--interleave needs two spec files or URLs, base and head: got ${operands.length}`);
    }
    if (values.out === undefined) {
      problems.push('--interleave needs --out DIR for the runs');
    }
  } else {
    problems.push(
      ...['blocks', 'file']
        .filter((name) => given.has(name))
        .map((name) => `--${name} has no effect without --interleave`),
    );
    if ((values.block ?? 0) < LEAST_BLOCK_US) {
      problems.push(
        `Cannot read --block: blocks of a run must be at least 10s, shorter ones are too alike: got ${formatDuration(values.block)}`,
      );
    }
    if (operands.length === 0) {
      problems.push('Nothing to compare: name a base and a head, each a run directory or several with commas');
    }
  }
  if (values.json && given.has('format') && values.format !== 'json') {
    problems.push(`Cannot combine --json and --format ${values.format}`);
  }
  return { ...values, format: values.json ? ('json' as const) : values.format, problems };
}

async function act(io: Io, input: CommandInput): Promise<ExitCode> {
  const settings = readSettings(input);
  if (settings.problems.length > 0) {
    throw usageError(settings.problems, { hint: 'infer-bench compare --help explains the operands and limits' });
  }
  if (settings.interleave) {
    const stopped = await measureBoth(io, input.operands as [string, string], settings);
    if (stopped !== EXIT.ok) {
      return stopped;
    }
  }
  const sides = await readSides(io, settings.interleave ? [settings.out as string] : input.operands, settings);
  const invalid = settings.force ? [] : sides.all.flatMap(({ runs }) => runs).filter(isInvalid);
  if (invalid.length > 0) {
    for (const { shown, report } of invalid) {
      const reasons = report.verdict.reasons.map(({ code, message }) => `${code}: ${message}`).join('; ');
      io.stderr.write(`error: Cannot compare ${shown}: the run is INVALID (${safeText(reasons)})\n`);
    }
    io.stderr.write('hint: measure again, or compare all the same with --force\n');
    return EXIT.invalid;
  }
  const report = await comparisonReport(sides, settings);
  const { COMPARISON_FILES, COMPARISON_REPORTERS } = await import('../reports/comparisons.js');
  if (settings.out !== undefined) {
    for (const [file, render] of Object.entries(COMPARISON_FILES)) {
      writeOut(io, join(settings.out, file), render(report));
    }
  }
  io.stdout.write(COMPARISON_REPORTERS[settings.format](report));
  return exitCodeOf(report, settings.undecided);
}

async function measureBoth(io: Io, sides: readonly [string, string], settings: Settings): Promise<ExitCode> {
  const [{ interleave }, { run }] = await Promise.all([import('./interleave.js'), import('./run.js')]);
  return interleave(io, {
    sides,
    file: settings.file,
    pairs: settings.blocks,
    blockUs: settings.block,
    out: settings.out as string,
    seed: settings.seed,
    quiet: settings.quiet,
    run: run.act,
  });
}

interface Sides {
  readonly base: Side;
  readonly heads: readonly Side[];
  readonly all: readonly Side[];
  readonly interleaved: boolean;
}

/** Reads the runs. Throws BenchError('usage') with all that is wrong with them. */
async function readSides(io: Io, operands: readonly string[], settings: Settings): Promise<Sides> {
  const { readInterleaved, readSide } = await import('./compared-runs.js');
  const problems: string[] = [];
  const [first = '', ...others] = operands;
  const pair = others.length === 0 ? readInterleaved(first, io.cwd, problems) : undefined;
  const read = pair ?? operands.flatMap((operand) => readSide(operand, io.cwd, problems) ?? []);
  if (!pair && others.length === 0 && problems.length === 0) {
    problems.push(`Cannot compare ${first} alone: it is no interleaved measurement, so name a base and a head`);
  }
  const paths = read.flatMap(({ runs }) => runs);
  const twice = paths.find(({ path }, index) => paths.findIndex((run) => run.path === path) !== index);
  if (twice) {
    problems.push(`Cannot compare ${twice.shown} with itself: it is named twice`);
  }
  if (problems.length > 0) {
    throw usageError(problems);
  }
  const [base, ...heads] = read as [Side, ...Side[]];
  const sides = { base, heads, all: [base, ...heads], interleaved: pair !== undefined };
  if (!settings.force) {
    refuseOtherPlans(sides, settings.vary);
  }
  return sides;
}

/**
 * Throws BenchError('usage') when repeats differ in anything but their seed, or the sides in what they are not meant to;
 * what was measured interleaved was meant to differ.
 */
function refuseOtherPlans({ base, heads, all, interleaved }: Sides, vary: readonly string[]): void {
  const first = ({ runs }: Side) => runs[0] as ComparedRun;
  const unknown = heads.map((head) => unknownSettings(first(base).plan, first(head).plan, vary));
  const refused = [
    ...vary
      .filter((name) => unknown.every((names) => names.includes(name)))
      .map((name) => `Cannot read --vary: no setting of these runs: got ${JSON.stringify(name)}`),
    ...all.flatMap((side) => side.runs.slice(1).flatMap((run) => differing(first(side), run, ['seed']))),
    ...(interleaved ? [] : heads.flatMap((head) => differing(first(base), first(head), vary))),
  ];
  if (refused.length > 0) {
    throw usageError(refused, {
      hint: 'settings of the head that are meant to differ are named with --vary; --force compares anything',
    });
  }
}

function differing(base: ComparedRun, head: ComparedRun, vary: readonly string[]): readonly string[] {
  return planDifferences(base.plan, head.plan, vary).map(
    ({ field, base: was, head: is }) =>
      `Cannot compare ${base.shown} and ${head.shown}: ${field} differs: ${was ?? 'none'} and ${is ?? 'none'}`,
  );
}

function isInvalid({ report }: ComparedRun): boolean {
  return report.verdict.status === 'INVALID';
}

async function comparisonReport(sides: Sides, settings: Settings): Promise<ComparisonReport> {
  const { ALPHA } = await import('../verdicts/comparison.js');
  const compared: Awaited<ReturnType<typeof comparisonOf>>[] = [];
  for (const head of sides.heads) {
    compared.push(await comparisonOf(sides.base, head, sides.interleaved, settings));
  }
  return {
    schema: 'infer-bench/comparison/1',
    version: VERSION,
    base: compared[0]?.base as SideFacts,
    min_effect_ratio: settings['min-effect'],
    confidence_ratio: 1 - ALPHA,
    seed: settings.seed,
    comparisons: compared.map(({ of }) => of),
  };
}

async function comparisonOf(
  base: Side,
  head: Side,
  interleaved: boolean,
  settings: Settings,
): Promise<{ readonly base: SideFacts; readonly of: ComparisonOf }> {
  const [{ cutOf, figureValues, readSideBins }, { compareSides }, { unsteady }, { blockCount }] = await Promise.all([
    import('./compared-runs.js'),
    import('../verdicts/comparison.js'),
    import('../verdicts/steadiness.js'),
    import('../reduce/block-figures.js'),
  ]);
  const runs = [...base.runs, ...head.runs];
  const byRun = interleaved || Math.min(base.runs.length, head.runs.length) >= ENOUGH_RUNS;
  const longestUs = Math.max(...runs.map((run) => run.report.rates.window_s * US_PER_S));
  const blockUs = byRun ? undefined : settings.block * Math.max(1, Math.ceil(longestUs / settings.block / MOST_BLOCKS));
  const wanted = planDifferences((base.runs[0] as ComparedRun).plan, (head.runs[0] as ComparedRun).plan);
  const sameSchedule = !wanted.some(({ field }) => field.startsWith('schedule.') || SHAPES.test(field));
  const paired = interleaved || (!byRun && sameSchedule);

  const [baseBins, headBins] = [await readSideBins(base, blockUs), await readSideBins(head, blockUs)];
  const limits = settings['fail-on'];
  const values = figuresFor(baseBins, headBins, runs, limits).map((figure) =>
    figureValues(figure, baseBins, headBins, paired),
  );
  const options = {
    design: { paired, serial: blockUs !== undefined },
    minEffect: settings['min-effect'],
    seed: settings.seed,
  };
  const figures = compareSides(values, options);
  // Named before anything was seen, so that only they have to hold together: a limit sees more than the table does.
  const asked = values.filter(({ figure }) => limits.some((limit) => sameFigure(figure, limit.figure)));
  const askedFigures = compareSides(asked, options);
  const compared = (limit: FailOn) => askedFigures.find(({ figure }) => sameFigure(figure, limit.figure));
  const undecidable = figures.every(({ relative, absolute }) => isUnbounded(relative) && isUnbounded(absolute));
  const short = runs.filter((run) => blockUs !== undefined && blockCount(cutOf(run, blockUs)) < 2);
  const factsOf = (side: Side, { windows }: MeasuredSide) =>
    sideFacts(side, side.runs.every(claimsSteadyState) ? unsteady(windows) : undefined);
  const facts = { base: factsOf(base, baseBins), head: factsOf(head, headBins) };
  const of: ComparisonOf = {
    head: facts.head,
    unit: byRun ? 'run' : 'block',
    block_s: blockUs === undefined ? null : blockUs / US_PER_S,
    paired,
    base_units_n: baseBins.unitsN,
    head_units_n: headBins.unitsN,
    figures,
    fail_on: limits.map((limit) => judgeFailOn(limit, compared(limit))),
    plan_differences: wanted,
    host_differences: hostDifferences((base.runs[0] as ComparedRun).plan, (head.runs[0] as ComparedRun).plan),
    notes: [
      ...doubts(base, 'base', facts.base.reasons),
      ...doubts(head, 'head', facts.head.reasons),
      ...(undecidable && short.length === 0
        ? ['too few units for any interval: 8 pairs or blocks are the least, or 5 runs of each side']
        : []),
      ...(short.length > 0
        ? [
            `runs shorter than 2 blocks tell nothing about chance: measure ${formatDuration(ENOUGH_BLOCKS * settings.block)} or more, or 5 repeats`,
          ]
        : []),
      ...limits
        .filter((limit) => !guards(limit))
        .map(({ expression }) => `${expression} fails when it gets better: is the sign as it was meant?`),
    ],
  };
  return { base: facts.base, of };
}

/** A load that does not change claims that what it measures does not either. */
function claimsSteadyState({ report: { run } }: ComparedRun): boolean {
  return run.pattern === 'constant';
}

/** Settings that say when how much is sent: blocks of runs that differ in them are no pairs. */
const SHAPES =
  /^(pattern|duration|warmup|seed|spacing|users|rate|min_|peak_|step_|stage|spike|base_|amplitude|period|think_time)/;

const STREAM_METRICS = ['ttft', 'tpot', 'itl_chunk'] as const;

/** The figures of the table: those that there is something to say about, and those of the limits. */
function figuresFor(
  base: SideBins,
  head: SideBins,
  runs: readonly ComparedRun[],
  limits: readonly FailOn[],
): readonly Figure[] {
  const percentiles = [0.5, 0.9, 0.95, 0.99];
  const of = (metric: DurationMetric, population: 'ok' | 'all_inf', which: readonly number[]) =>
    which.map((p): Figure => ({ metric, of: p, population }));
  const has = (test: (run: ComparedRun) => boolean) => runs.some(test);
  const sides = [base.whole, head.whole];
  const figures: Figure[] = [
    ...of('latency', 'all_inf', percentiles),
    // Without a failure the two populations are the same.
    ...(sides.some(({ lost }) => lost > 0) ? of('latency', 'ok', percentiles) : []),
    ...(has(({ report }) => report.run.model === 'open') ? of('service_time', 'ok', [0.5, 0.95]) : []),
    ...(sides.some(({ streamed }) => streamed)
      ? STREAM_METRICS.flatMap((metric) => of(metric, 'ok', [0.5, 0.95]))
      : []),
    { metric: 'throughput' },
    ...(has(({ report }) => report.run.batch > 1) ? [{ metric: 'items' } as const] : []),
    { metric: 'error_rate' },
  ];
  const asked = limits
    .map(({ figure }) => figure)
    .filter(
      (figure, index, all) =>
        !figures.some((one) => sameFigure(one, figure)) && all.findIndex((one) => sameFigure(one, figure)) === index,
    );
  return [...figures, ...asked];
}

function isUnbounded(shift: Shift | null): boolean {
  return shift === null || (shift.low === Number.NEGATIVE_INFINITY && shift.high === Number.POSITIVE_INFINITY);
}

/** What a side and its runs say against themselves, each reason once. */
function doubts({ runs }: Side, name: string, ofAll: readonly SetReason[]): readonly string[] {
  const reasons = runs.flatMap(({ report: { verdict } }) =>
    verdict.reasons.map(({ code, status }) => `${status} ${code}`),
  );
  const counted = [...new Set(reasons)].map((reason) => {
    const among = reasons.filter((one) => one === reason).length;
    return runs.length === 1 ? reason : `${reason} in ${among} of ${runs.length} runs`;
  });
  return [
    ...(counted.length > 0 ? [`${name}: ${counted.join(', ')}`] : []),
    ...ofAll.map(({ status, code, message, advice }) => `${name}: ${status} ${code}: ${message}. To do: ${advice}.`),
  ];
}

function sameFigure(a: Figure, b: Figure): boolean {
  return a.metric === b.metric && (!('of' in a) || !('of' in b) || (a.of === b.of && a.population === b.population));
}

function sideFacts({ name, runs }: Side, reason: SetReason | undefined): SideFacts {
  return {
    name,
    reasons: reason ? [reason] : [],
    measured_s: runs.reduce((sum, { report }) => sum + report.rates.window_s, 0),
    runs: runs.map(({ shown, report: { run, verdict } }) => ({
      directory: shown,
      url: maskUrl(run.url),
      started_at: run.started_at,
      verdict: verdict.status,
      reasons: verdict.reasons.map(({ code }) => code),
    })),
  };
}

function writeOut(io: Io, path: string, content: string): void {
  try {
    makeDirectory(dirname(resolve(io.cwd, path)));
    writeFileSync(resolve(io.cwd, path), content, { mode: 0o600 });
  } catch (error) {
    throw new BenchError('output', `Cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

/** A limit that failed decides; what could not be decided is no success either, unless the user says so. */
function exitCodeOf({ comparisons }: ComparisonReport, undecided: 'fail' | 'pass'): ExitCode {
  const statuses = comparisons.flatMap(({ fail_on }) => fail_on.map(({ status }) => status));
  if (statuses.includes('failed')) {
    return EXIT.thresholds;
  }
  return statuses.includes('inconclusive') && undecided === 'fail' ? EXIT.invalid : EXIT.ok;
}
