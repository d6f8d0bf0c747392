import type { Figure, FigureValue } from '../reduce/block-figures.js';
import { safeText } from '../text.js';
import { formatMs } from '../units.js';
import type { Compared } from '../verdicts/comparison.js';
import type { FailOnResult } from '../verdicts/fail-on.js';
import type { PlanDifference } from '../verdicts/plan-differences.js';
import type { Shift } from '../verdicts/rank-tests.js';
import type { SetReason } from '../verdicts/steadiness.js';
import type { Status } from '../verdicts/validity.js';
import { plainTable, wrap } from './layout.js';

/** One side of a comparison. */
export interface SideFacts {
  readonly name: string;
  /** Measured time of all its runs. */
  readonly measured_s: number;
  /** Against all runs together. */
  readonly reasons: readonly SetReason[];
  readonly runs: readonly {
    readonly directory: string;
    readonly url: string;
    readonly started_at: string;
    readonly verdict: Status;
    readonly reasons: readonly string[];
  }[];
}

/** One head held against the base. */
export interface ComparisonOf {
  readonly head: SideFacts;
  /** What is counted as one observation: a run, or a block of it. */
  readonly unit: 'run' | 'block';
  readonly block_s: number | null;
  /** Whether unit k of both sides belong together. */
  readonly paired: boolean;
  readonly base_units_n: number;
  readonly head_units_n: number;
  readonly figures: readonly Compared[];
  readonly fail_on: readonly FailOnResult[];
  /** What the plans ask for differently, and where the machines differ. */
  readonly plan_differences: readonly PlanDifference[];
  readonly host_differences: readonly PlanDifference[];
  readonly notes: readonly string[];
}

/** Everything that any output of `compare` says. */
export interface ComparisonReport {
  readonly schema: 'infer-bench/comparison/1';
  readonly version: string;
  readonly base: SideFacts;
  readonly min_effect_ratio: number;
  /** Of all intervals of a table together: 0.96. */
  readonly confidence_ratio: number;
  readonly seed: number;
  readonly comparisons: readonly ComparisonOf[];
}

/** A comparison as text. */
export type ComparisonReporter = (report: ComparisonReport) => string;

const NEVER = 'never';

/** Metrics that have names of their own. */
const NAMES: Readonly<Partial<Record<Figure['metric'], string>>> = {
  ttft: 'TTFT',
  tpot: 'TPOT',
  itl_chunk: 'itl_chunk',
};

/** The name of a figure in tables. */
export function figureName(figure: Figure): string {
  const { metric } = figure;
  switch (metric) {
    case 'throughput':
      return 'throughput';
    case 'items':
      return 'items';
    case 'error_rate':
      return 'error rate';
    default: {
      const of = typeof figure.of === 'number' ? `p${Number((figure.of * 100).toFixed(6))}` : figure.of;
      const name = NAMES[metric] ?? metric.replace('_', ' ');
      return `${name} ${of}${metric === 'latency' && figure.population === 'ok' ? ' (ok)' : ''}`;
    }
  }
}

/** A figure's value with its unit; `-` where there is none. */
export function figureText(figure: Figure, value: FigureValue): string {
  const { metric } = figure;
  if (value === null) {
    return '-';
  }
  if (metric === 'error_rate') {
    return `${(value * 100).toFixed(2)} %`;
  }
  return value === Number.POSITIVE_INFINITY ? NEVER : `${formatMs(value)} ${unitOf(figure)}`;
}

function unitOf({ metric }: Figure): string {
  return metric === 'throughput' || metric === 'items' ? '/s' : 'ms';
}

/** The shift that is shown: relative, or points of the error rate, or absolute where a side has a 0. */
export function shownShift({
  figure,
  relative,
  absolute,
}: Compared): { shift: Shift; text: (value: number) => string } | null {
  if (figure.metric === 'error_rate') {
    return absolute && { shift: absolute, text: (value) => `${signed(value * 100, 2)} pp` };
  }
  if (relative) {
    return { shift: relative, text: percentText };
  }
  return absolute && { shift: absolute, text: (value) => `${signed(value, 2)} ${unitOf(figure)}` };
}

/** A ratio as a signed percentage: 0.05 → `+5.0 %`. */
function percentText(ratio: number): string {
  return `${signed(ratio * 100, Math.abs(ratio) >= 1 ? 0 : 1)} %`;
}

function signed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) {
    return value > 0 ? '+∞' : '−∞';
  }
  const digits = Math.abs(value).toFixed(decimals);
  return `${Number(digits) === 0 ? '±' : value > 0 ? '+' : '−'}${digits}`;
}

/** Estimate and interval of a figure as text; an interval without bounds says that the units are too few. */
export function differenceText(compared: Compared): { readonly estimate: string; readonly interval: string } {
  const shown = shownShift(compared);
  if (!shown) {
    return { estimate: '-', interval: '-' };
  }
  const { shift, text } = shown;
  return {
    estimate: text(shift.estimate),
    interval: isBounded(shift) ? `${text(shift.low).replace(/ .*/, '')} … ${text(shift.high)}` : 'too few units',
  };
}

export function isBounded({ low, high }: Shift): boolean {
  return low > Number.NEGATIVE_INFINITY || high < Number.POSITIVE_INFINITY;
}

/** A limit and the difference it was held against, as a sentence. */
export function failOnText(result: FailOnResult): string {
  const { expression, status, scale, estimate, low, high } = result;
  const text = (value: number) => (scale === 'relative' ? percentText(value) : signed(value, 3));
  if (estimate === null || low === null || high === null) {
    return `${expression}: ${status}, there is no difference on this scale (a value is missing or 0)`;
  }
  const interval = isBounded({ estimate, low, high })
    ? `${text(low)} to ${text(high)}`
    : 'too few units for an interval';
  const why = status === 'inconclusive' ? `; the units do not tell, ${moreText(result)}` : '';
  return `${expression}: ${status}, ${text(estimate)} (${interval})${why}`;
}

/** How much more has to be measured to tell a limit's difference from none: the spread falls with the root of the units. */
function moreText({ limit, detectable }: FailOnResult): string {
  const times = detectable === null || limit === 0 ? 0 : (detectable / limit) ** 2;
  return times > 1 ? `measure about ${Math.ceil(times)} times as long or as often` : 'measure longer or more often';
}

export const FAIL_ON_MARKS: Readonly<Record<FailOnResult['status'], string>> = {
  passed: '✓',
  failed: '✗',
  inconclusive: '?',
};

/** What was observed how often, in one line. */
export function designText({ confidence_ratio }: ComparisonReport, of: ComparisonOf): string {
  const { unit, block_s, paired, base_units_n: base, head_units_n: head } = of;
  const what = unit === 'run' ? 'runs' : `blocks of ${block_s} s`;
  const pairs = Math.min(base, head);
  const units = paired ? `${pairs} ${pairs === 1 ? 'pair' : 'pairs'} of ${what}` : `${base} against ${head} ${what}`;
  return `${units}; all intervals together hold at ${Math.round(confidence_ratio * 100)} %`;
}

/** What follows a name is not to be cut off because of it. */
const MOST_OF_NAME = 60;

/** A side in one line. */
export function sideText({ name, runs, measured_s, reasons }: SideFacts): string {
  const verdicts = [...new Set([...runs.map(({ verdict }) => verdict), ...reasons.map(({ code }) => code)])].join(', ');
  const urls = [...new Set(runs.map(({ url }) => url))];
  const count = `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`;
  const where = urls.length === 1 ? urls[0] : `${urls.length} URLs`;
  return safeText(
    `${safeText(name, MOST_OF_NAME)} · ${count}, ${Number(measured_s.toFixed(1))} s, ${verdicts} · ${where}`,
  );
}

/** What is to be known beside the figures, safe to print: what differs, and what limits the claim. */
export function remarks({ figures, plan_differences, host_differences, notes }: ComparisonOf): readonly string[] {
  const differs = ({ field, base, head }: PlanDifference) => `${field} ${base ?? 'none'} against ${head ?? 'none'}`;
  const foreign = [
    ...plan_differences.map((one) => `plans differ: ${differs(one)}`),
    ...host_differences.map((one) => `machines differ: ${differs(one)}`),
    ...notes,
  ];
  return [...unclearText(figures), ...foreign.map((line) => safeText(line))];
}

/** What may be hidden where nothing was found, so that nobody takes `unclear` for equal. */
function unclearText(figures: readonly Compared[]): readonly string[] {
  const found = figures.flatMap((compared) => {
    const text = compared.change === 'unclear' ? detectableText(compared) : undefined;
    return text === undefined ? [] : [`${figureName(compared.figure)} by ${text}`];
  });
  return found.length === 0
    ? []
    : [`unclear is not equal: about 9 of 10 comparisons like this one would find a change of ${found.join(', ')}`];
}

/** The least difference that is likely to be found, on the scale of `shownShift`. */
function detectableText(compared: Compared): string | undefined {
  const { figure, relative, detectable } = compared;
  const points = figure.metric === 'error_rate';
  const least = relative && !points ? detectable.relative : detectable.absolute;
  if (least === null) {
    return undefined;
  }
  const number = String(Number((least * (relative || points ? 100 : 1)).toPrecision(2)));
  return `${number} ${points ? 'pp' : relative ? '%' : unitOf(figure)}`;
}

/** The tables on the screen: 80 columns. */
export const comparisonConsole: ComparisonReporter = (report) =>
  `${report.comparisons.map((of) => consoleOf(report, of)).join('\n\n')}\n`;

/** A word and what belongs to it, which goes on below itself. */
function hung(word: string, text: string): string {
  const indent = ' '.repeat(6);
  return `${word.padEnd(indent.length)}${wrap(text, indent).slice(indent.length)}`;
}

function consoleOf(report: ComparisonReport, of: ComparisonOf): string {
  const { base, min_effect_ratio } = report;
  const table = plainTable(['', 'base', 'head', 'difference', 'interval', ''], 1);
  for (const compared of of.figures) {
    const { estimate, interval } = differenceText(compared);
    const { figure, whole, change } = compared;
    table.push([
      figureName(figure),
      figureText(figure, whole.base),
      figureText(figure, whole.head),
      estimate,
      interval,
      { content: change, hAlign: 'left' },
    ]);
  }
  const least = `${Number((min_effect_ratio * 100).toFixed(3))} %`;
  return [
    [hung('base', sideText(base)), hung('head', sideText(of.head)), hung('unit', designText(report, of))].join('\n'),
    table.toString(),
    [
      ...of.fail_on.map((one) => wrap(`${FAIL_ON_MARKS[one.status]} ${failOnText(one)}`)),
      wrap(`better and worse: at least ${least}, and the interval excludes 0; same: all of it within ${least}.`),
      ...remarks(of).map((line) => wrap(line)),
    ].join('\n'),
  ].join('\n\n');
}
