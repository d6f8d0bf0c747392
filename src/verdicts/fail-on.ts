import { DURATIONS, type Figure, moreIsWorse } from '../reduce/block-figures.js';
import type { Compared } from './comparison.js';

/** A limit on the difference between base and head, such as `p(95)>+10%`. */
export interface FailOn {
  readonly expression: string;
  readonly figure: Figure;
  /** Fails when the difference is above (`>`) or below (`<`) the limit. */
  readonly above: boolean;
  /** `relative`: a ratio, 0.1 = 10 %; `absolute`: in the figure's own unit, ms, per second or a ratio. */
  readonly scale: 'relative' | 'absolute';
  readonly limit: number;
}

/** How the language reads; `text` is what follows a `--fail-on`. */
export const FAIL_ON_GRAMMAR = `  limit    = [metric ":"] [figure] (">" | "<") ("+" | "-") number [unit]
  metric   = "latency" ["{population:ok}"] | "service_time"
           | "ttft" | "tpot" | "itl_chunk"
           | "throughput" | "items" | "error_rate"       these have no figure
  figure   = "p(" number ")" | "med" | "avg" | "max"
  unit     = "%" of the base | "ms" | "s" | "us" | "pp" points of the error rate
           | none: per second of throughput and items, a ratio of the error rate`;

const SCALARS = ['throughput', 'items', 'error_rate'] as const;
const SHAPE =
  /^(?:(?<metric>[a-z_]+)(?:\{population:(?<population>ok|all_inf)\})?)?(?<colon>:)?(?<figure>p\([\d.]+\)|med|avg|max)?(?<op>[<>])(?<sign>[+-])(?<number>\d+(?:\.\d+)?)(?<unit>[a-z%]*)$/;

/** Reads one limit; a text that says what is wrong with it when it is none. */
export function readFailOn(expression: string): FailOn | string {
  const groups = SHAPE.exec(expression.replaceAll(/\s+/g, ''))?.groups;
  if (!groups) {
    return "must be a limit on a difference, with its sign, such as 'p(95)>+10%', 'service_time: p(99)>+5ms' or 'throughput<-5%'";
  }
  const figure = readFigure(groups);
  if (typeof figure === 'string') {
    return figure;
  }
  const scale = readUnit(groups.unit as string, figure);
  if (typeof scale === 'string') {
    return scale;
  }
  const limit = Number(`${groups.sign}${groups.number}`) * scale.factor;
  return { expression, figure, above: groups.op === '>', scale: scale.scale, limit };
}

function readFigure(groups: Readonly<Record<string, string | undefined>>): Figure | string {
  const { metric = 'latency', population, figure, colon } = groups;
  if (SCALARS.some((name) => name === metric)) {
    return figure === undefined && population === undefined
      ? { metric: metric as (typeof SCALARS)[number] }
      : `must name no figure of ${metric}, which is one number`;
  }
  const duration = DURATIONS.find((name) => name === metric);
  // `avg>+5%` reads as a metric where there is no colon.
  if (!duration && figure === undefined && colon === undefined && ['med', 'avg', 'max'].includes(metric)) {
    return { metric: 'latency', of: statistic(metric), population: 'all_inf' };
  }
  if (!duration) {
    return `must be about one of ${[...DURATIONS, ...SCALARS].join(', ')}`;
  }
  if (figure === undefined || (groups.metric !== undefined && colon === undefined)) {
    return `must name a figure of ${duration}, such as '${duration}: p(95)>+10%'`;
  }
  if (population === 'all_inf' && duration !== 'latency') {
    return `must be about ${duration} of population ok: only latency has all_inf`;
  }
  const of = statistic(figure);
  return typeof of === 'number' && !(of > 0 && of < 1)
    ? 'must name a percentile above 0 and below 100'
    : { metric: duration, of, population: population === 'ok' || duration !== 'latency' ? 'ok' : 'all_inf' };
}

function statistic(word: string): number | 'avg' | 'max' {
  return word === 'med'
    ? 0.5
    : word === 'avg' || word === 'max'
      ? word
      : Number((Number(word.slice(2, -1)) / 100).toFixed(8));
}

/** What a unit makes of a number; a text when the figure has no such unit. */
function readUnit(unit: string, { metric }: Figure): { scale: FailOn['scale']; factor: number } | string {
  if (unit === '%') {
    return { scale: 'relative', factor: 0.01 };
  }
  const units: Readonly<Record<string, number>> =
    metric === 'error_rate'
      ? { '': 1, pp: 0.01 }
      : metric === 'throughput' || metric === 'items'
        ? { '': 1 }
        : { us: 0.001, ms: 1, s: 1000 };
  const factor = units[unit];
  return factor === undefined
    ? `must have a unit of ${metric}: ${['%', ...Object.keys(units)].map((name) => name || 'none').join(', ')}`
    : { scale: 'absolute', factor };
}

/** How a limit came out, with the difference it was held against, on the limit's own scale. */
export interface FailOnResult {
  readonly expression: string;
  readonly status: 'passed' | 'failed' | 'inconclusive';
  readonly scale: FailOn['scale'];
  readonly limit: number;
  /** null where the scale has none: a side is without values, or has a 0. */
  readonly estimate: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** The least difference that such a comparison would find, as in `Compared`. */
  readonly detectable: number | null;
}

/**
 * Holds a limit against the difference. `failed`: the estimate is beyond the limit and the interval says that it is no
 * chance: it excludes 0 (for a limit that asks for an improvement: the limit itself). `passed`: the whole interval is
 * within the limit. `inconclusive`: neither, the units do not tell.
 */
export function judgeFailOn({ expression, above, scale, limit }: FailOn, compared: Compared | undefined): FailOnResult {
  const shift = compared?.[scale] ?? null;
  const result = {
    expression,
    scale,
    limit,
    estimate: shift?.estimate ?? null,
    low: shift?.low ?? null,
    high: shift?.high ?? null,
    detectable: compared?.detectable[scale] ?? null,
  };
  if (!shift) {
    return { ...result, status: 'inconclusive' };
  }
  const sign = above ? 1 : -1;
  const [nearest, farthest] = above ? [shift.low, shift.high] : [-shift.high, -shift.low];
  const bound = sign * limit;
  const failed = sign * shift.estimate > bound && nearest > Math.min(bound, 0);
  return { ...result, status: failed ? 'failed' : farthest <= bound ? 'passed' : 'inconclusive' };
}

/** Whether a limit guards against what is worse: a limit on the other side is most likely a typing error. */
export function guards({ figure, above }: FailOn): boolean {
  return above === moreIsWorse(figure);
}
