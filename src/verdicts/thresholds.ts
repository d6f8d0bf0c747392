import { percentileAmongUs, toMs } from '../reduce/distribution.js';
import type { Window } from '../reduce/summary.js';
import { type Cell, type Subject, type SubjectFold, subjectFold } from '../reduce/threshold-fold.js';
import type { ChunkGaps } from '../samples/chunk-gaps.js';
import { CACHE_WORDS, type SampleBlock } from '../samples/sample.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { fewestSamples } from './early-stopping.js';
import type { Operator, Threshold, WindowRule } from './threshold-language.js';
import { type FoundOutcome, outcomeMessage } from './threshold-message.js';
import type { ThresholdPlan } from './threshold-plan.js';
import type { ThresholdResult, ThresholdState, ThresholdWindows } from './threshold-result.js';

export interface ThresholdContext {
  /** Names of the endpoints by their index in the rows. */
  readonly endpoints: readonly string[];
  /** The measured window, µs of the run's clock; an early stop shortens it. */
  readonly measured: () => Window;
  /** Epoch µs of the run's zero. */
  readonly startedEpochUs: number;
}

/** Requests that met every limit of `--slo`, as in `summary.json`. */
export interface Goodput {
  /** As written; without any, every successful request is good. */
  readonly slo: readonly string[];
  /** Good requests that ended in the measured window / its length. */
  readonly good_per_s: number;
  readonly good_n: number;
  /** Requests that were due to the target, failed and dropped ones too. */
  readonly attempted_n: number;
  /** good_n / attempted_n; null when nothing was attempted. */
  readonly good_ratio: number | null;
}

/** Folds rows into what the thresholds of a run need: the same live and from files. */
export interface ThresholdFold {
  rows(block: SampleBlock): void;
  gaps(answer: ChunkGaps): void;
  /** How each threshold came out, in their order; the rows have to be complete. */
  finish(): readonly ThresholdResult[];
  /** null when no `--slo` was asked for. */
  goodput(): Goodput | null;
  /**
   * The first threshold that is lost at a moment of a run, for `--abort`: it fails over the run so far with enough
   * samples, and no more requests of the kind that it counts can mend that. Windows are judged once all their requests
   * must have ended, `settleUs` after them.
   */
  lost(nowUs: number, settleUs: number): ThresholdResult | undefined;
}

/** Rows come at most so much later than what they tell. */
const ROWS_LATE_US = US_PER_S;
const MOST_PLACES = 100;

export function thresholdFold(plan: ThresholdPlan, context: ThresholdContext): ThresholdFold {
  const limits = plan.slos.map(({ metric, operator, limitMs }) => ({
    metric,
    met: (us: number) => holds(us / US_PER_MS, operator, limitMs),
  }));
  const folds = new Map<string, SubjectFold>();
  /** Thresholds that look at the same have one fold. */
  const foldOf = (subject: Subject): SubjectFold => {
    const key = JSON.stringify(subject);
    const fold = folds.get(key) ?? subjectFold(subject, { measured: context.measured, limits });
    folds.set(key, fold);
    return fold;
  };
  const watched = plan.thresholds.map((threshold) => {
    const fold = foldOf(subjectOf(threshold, context.endpoints));
    return { threshold, fold, closed: streak() };
  });
  const whole = { population: null, endpoint: -1, cache: -1, windowUs: Number.POSITIVE_INFINITY } as const;
  const good =
    limits.length > 0
      ? { perS: foldOf({ ...whole, metric: 'goodput' }), ratio: foldOf({ ...whole, metric: 'good_rate' }) }
      : undefined;
  const all = [...folds.values()];
  let latestUs = Number.NEGATIVE_INFINITY;

  function wholeRun({ threshold, fold }: Watched, measuredUs: number): ThresholdResult {
    const cell = fold.at(0);
    const value = valueIn(threshold, cell, measuredUs);
    const needed = cell.n > 0 && threshold.p !== null ? samplesFor(threshold.p) : 0;
    const state =
      value === null
        ? noDataState()
        : cell.n < needed
          ? 'inconclusive'
          : holds(value, threshold.operator, threshold.limit)
            ? 'pass'
            : 'fail';
    return resultOf(threshold, { value, n: cell.n, infinite: cell.infinite, needed, state, windows: null });
  }

  function noDataState(): ThresholdState {
    return plan.noData === 'pass' ? 'pass' : 'no_data';
  }

  function byWindow({ threshold, fold }: Watched, rule: WindowRule): ThresholdResult {
    const { fromUs, toUs } = context.measured();
    const seen = streak();
    let n = 0;
    let infinite = 0;
    let worst: number | null = null;
    const last = Math.max(fold.windows(), Math.ceil((toUs - fromUs) / rule.windowUs));
    for (let window = 0; window < last; window++) {
      const cell = fold.at(window);
      const value = windowValue(threshold, cell, { fromUs, toUs, window });
      seen.add(window, value === undefined ? 'skipped' : holds(value, threshold.operator, threshold.limit));
      if (value !== undefined) {
        n += cell.n;
        infinite += cell.infinite;
        worst = worst === null ? value : worse(threshold, worst, value);
      }
    }
    const state = seen.judged === 0 || n === 0 ? noDataState() : isLost(seen, rule, seen.judged) ? 'fail' : 'pass';
    const startUs = context.startedEpochUs + fromUs;
    const windows: ThresholdWindows = {
      window_s: rule.windowUs / US_PER_S,
      judged_n: seen.judged,
      violated_n: seen.violated,
      skipped_n: seen.skipped,
      longest_n: seen.longest,
      violated_at_epoch_s: seen.violatedAt.map((window) => Math.round((startUs + window * rule.windowUs) / 1e3) / 1e3),
    };
    return resultOf(threshold, { value: n === 0 ? null : worst, n, infinite, needed: 0, state, windows });
  }

  /** The value of a window that can be judged; undefined for one that is skipped. */
  function windowValue(
    threshold: Threshold,
    cell: Cell,
    { fromUs, toUs, window }: Window & { readonly window: number },
  ): number | undefined {
    const { windowUs } = threshold.windows as WindowRule;
    const endUs = fromUs + (window + 1) * windowUs;
    if (threshold.unit === 'count' || threshold.unit === 'per_s') {
      // What stands still has no samples and is exact all the same; a part of a window says nothing about a whole one.
      return endUs <= toUs ? (valueIn(threshold, cell, windowUs) ?? 0) : undefined;
    }
    return cell.n < plan.minSamples ? undefined : (valueIn(threshold, cell, windowUs) ?? undefined);
  }

  /** Whether the windows that are over lost the threshold for good. */
  function windowsLost({ threshold, fold, closed }: Watched, rule: WindowRule, untilUs: number): boolean {
    const { fromUs, toUs } = context.measured();
    for (; fromUs + (closed.next + 1) * rule.windowUs <= untilUs; ) {
      const window = closed.next;
      const value = windowValue(threshold, fold.at(window), { fromUs, toUs, window });
      closed.add(window, value === undefined ? 'skipped' : holds(value, threshold.operator, threshold.limit));
    }
    return isLost(closed, rule, Math.ceil((toUs - fromUs) / rule.windowUs));
  }

  return {
    rows(block) {
      for (const fold of all) {
        fold.rows(block);
      }
      const endUs = block.length > 0 ? (block.endUs[block.length - 1] as number) : Number.NaN;
      // What was never sent has no end.
      latestUs = Number.isNaN(endUs) ? latestUs : Math.max(latestUs, endUs);
    },
    gaps(answer) {
      for (const fold of all) {
        fold.gaps(answer);
      }
    },
    finish() {
      const { fromUs, toUs } = context.measured();
      return watched.map((one) =>
        one.threshold.windows ? byWindow(one, one.threshold.windows) : wholeRun(one, toUs - fromUs),
      );
    },
    goodput() {
      if (!good) {
        return null;
      }
      const { fromUs, toUs } = context.measured();
      const { n, hits } = good.ratio.at(0);
      const windowS = Math.max(0, toUs - fromUs) / US_PER_S;
      return {
        slo: plan.slos.map(({ expression }) => expression),
        good_per_s: windowS > 0 ? good.perS.at(0).hits / windowS : 0,
        good_n: hits,
        attempted_n: n,
        good_ratio: n === 0 ? null : hits / n,
      };
    },
    lost(nowUs, settleUs) {
      // Rows are complete up to the last one, or up to a while ago where none comes.
      const knownUs = Math.max(latestUs, nowUs - ROWS_LATE_US);
      const { fromUs, toUs } = context.measured();
      for (const one of watched) {
        const { threshold } = one;
        if (threshold.windows) {
          if (windowsLost(one, threshold.windows, Math.min(toUs, nowUs - settleUs - ROWS_LATE_US))) {
            return byWindow(one, threshold.windows);
          }
          continue;
        }
        const result = wholeRun(one, Math.min(toUs, knownUs) - fromUs);
        if (result.state === 'fail' && result.n >= plan.minSamples && !canGrowInto(threshold, result.value)) {
          return result;
        }
      }
      return undefined;
    },
  };
}

interface Watched {
  readonly threshold: Threshold;
  readonly fold: SubjectFold;
  /** What came of the windows that are over, while the run goes on. */
  readonly closed: Streak;
}

type Streak = ReturnType<typeof streak>;

/** Counts windows as they are judged one after the other. A skipped one neither breaks a row nor adds to it. */
function streak() {
  let row = 0;
  return {
    next: 0,
    judged: 0,
    violated: 0,
    skipped: 0,
    longest: 0,
    violatedAt: [] as number[],
    add(window: number, outcome: boolean | 'skipped'): void {
      this.next = window + 1;
      if (outcome === 'skipped') {
        this.skipped++;
        return;
      }
      this.judged++;
      row = outcome ? 0 : row + 1;
      if (outcome) {
        return;
      }
      this.violated++;
      this.longest = Math.max(this.longest, row);
      if (this.violatedAt.length < MOST_PLACES) {
        this.violatedAt.push(window);
      }
    },
  };
}

/** Whether windows fail a rule, of so many that there are, or could still be. */
function isLost({ longest, violated }: Streak, { inARow, leastRatio }: WindowRule, windows: number): boolean {
  return inARow === null ? (windows - violated) / windows < (leastRatio as number) : longest >= inARow;
}

/** A count only ever grows: one that is too low yet is not lost. */
function canGrowInto({ unit, operator, limit }: Threshold, value: number | null): boolean {
  return unit === 'count' && (operator === '!=' || (operator !== '<' && operator !== '<=' && (value ?? 0) <= limit));
}

function subjectOf({ metric, population, endpoint, cache, windows }: Threshold, endpoints: readonly string[]): Subject {
  const index = endpoint === null ? -1 : endpoints.indexOf(endpoint);
  if (endpoint !== null && index < 0) {
    throw new RangeError(`No endpoint ${endpoint}`);
  }
  return {
    metric,
    population,
    // A single endpoint is the whole run.
    endpoint: endpoints.length === 1 ? -1 : index,
    cache: cache === null ? -1 : CACHE_WORDS.indexOf(cache),
    windowUs: windows?.windowUs ?? Number.POSITIVE_INFINITY,
  };
}

/** What a threshold compares, in its unit; Infinity where it falls among what never ended, null without data. */
function valueIn({ aggregation, p, unit }: Threshold, cell: Cell, measuredUs: number): number | null {
  const { n, hits, infinite, histogram } = cell;
  if (n === 0) {
    return null;
  }
  if (unit === 'count') {
    return hits;
  }
  if (unit === 'per_s') {
    return measuredUs > 0 ? hits / (measuredUs / US_PER_S) : null;
  }
  if (unit === 'ratio') {
    return hits / n;
  }
  if (!histogram) {
    return Number.POSITIVE_INFINITY;
  }
  const us =
    p !== null
      ? percentileAmongUs(p, histogram, infinite)
      : aggregation === 'min'
        ? histogram.minUs
        : infinite > 0
          ? Number.POSITIVE_INFINITY
          : aggregation === 'max'
            ? histogram.maxUs
            : histogram.meanUs;
  return us === Number.POSITIVE_INFINITY ? us : toMs(us);
}

function holds(value: number, operator: Operator, limit: number): boolean {
  switch (operator) {
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
  }
}

/** Of two windows' values the one further on the wrong side. */
function worse({ operator, limit }: Threshold, a: number, b: number): number {
  if (operator === '<' || operator === '<=') {
    return Math.max(a, b);
  }
  if (operator === '>' || operator === '>=') {
    return Math.min(a, b);
  }
  const isFurther = Math.abs(b - limit) > Math.abs(a - limit);
  return isFurther === (operator === '==') ? b : a;
}

function resultOf(threshold: Threshold, found: FoundOutcome): ThresholdResult {
  const { expression, metric, endpoint, population, aggregation, operator, limit, unit } = threshold;
  const isInfinite = found.value === Number.POSITIVE_INFINITY;
  return {
    expression,
    metric,
    endpoint,
    population,
    aggregation,
    operator,
    limit,
    unit,
    value: isInfinite ? null : found.value,
    infinite: isInfinite,
    n: found.n,
    state: found.state,
    pass: found.state === 'pass',
    windows: found.windows,
    message: outcomeMessage(threshold, found),
  };
}

/** The fewest samples for an estimate of a percentile; the extremes are none. */
function samplesFor(p: number): number {
  return p > 0 && p < 1 ? fewestSamples(p) : 0;
}
