import { type Random, shuffledIndexes } from '../random.js';

/** Up to so many relabellings are gone through one by one; of more, this many are drawn. */
const MOST_EXACT = 20_000;
const DRAWN = 10_000;
/** Signs that one random number gives. */
const SIGNS_DRAWN = 30;

/** The least that keeps false alarms below 5 % of series of 10 values that remember for half a block (`bench/compare-power.ts`). */
const ALLOWANCE = 2;

/** Correlations above it say that there is hardly more than one independent unit. */
const HIGHEST_CORRELATION = 0.9;

/** A difference between two sides with the interval that goes with a critical value; bounds are infinite where the units are too few to have any. */
export interface Shift {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * One figure of all units of a comparison: either the differences head − base of pairs, or the values of both sides.
 * Values are finite.
 */
export type Units =
  | { readonly kind: 'paired'; readonly differences: readonly number[] }
  | { readonly kind: 'apart'; readonly base: readonly number[]; readonly head: readonly number[] };

/**
 * How far a figure is from a difference of `shift`, by default none, in standard deviations of what relabelling would do:
 * Wilcoxon's signed-rank statistic of pairs, the rank-sum statistic of two sides, each as the number of candidates of
 * `shiftOf` above less that below. 0 where all are equal.
 */
export function standardised(units: Units, shift = 0): number {
  const [candidates, spread] = candidatesOf(units);
  const above = candidates.filter((candidate) => candidate > shift).length;
  const below = candidates.filter((candidate) => candidate < shift).length;
  // What is on neither side speaks against a difference, as an interval with this bound does not exclude it.
  const neither = candidates.length - above - below;
  return (Math.sign(above - below) * Math.max(0, Math.abs(above - below) - neither)) / (spread || 1);
}

/**
 * The largest absolute `standardised` value among all figures of a comparison, for each way in which the labels base and
 * head could have fallen (or for 10,000 drawn ones), in ascending order. The figures are relabelled together, so that
 * what they have in common is kept. All figures have the same units in the same order; those a figure lacks are NaN.
 * Source: Westfall and Young, "Resampling-Based Multiple Testing" (1993), the single-step maximum.
 */
export function relabelledMaxima(figures: readonly Units[], source: Random): Float64Array {
  const first = figures[0];
  if (!first) {
    return new Float64Array(0);
  }
  const prepared = figures.map((units) => {
    const scores = scoresOf(units);
    return { scores, spread: spreadOf(units, scores) || 1 };
  });
  const maxima: number[] = [];
  for (const labels of relabellings(first, source)) {
    let most = 0;
    for (const { scores, spread } of prepared) {
      most = Math.max(most, Math.abs(scoreSum(scores, labels)) / spread);
    }
    maxima.push(most);
  }
  return Float64Array.from(maxima).sort();
}

/**
 * Just above the greatest value that more than `alpha` of the maxima reach: a comparison of equals comes to it in at most
 * that share. Where the relabellings are too few it lies above all of them, and no statistic comes to it. The next of the
 * maxima would be another figure's, with steps of its own, and be too far out for this one.
 */
export function criticalValue(maxima: Float64Array, alpha: number): number {
  const allowed = Math.floor(alpha * maxima.length + 1e-9);
  return (maxima[maxima.length - 1 - allowed] ?? Number.POSITIVE_INFINITY) + JUST_ABOVE;
}

/** The share of relabellings that are at least as far out: the p-value of a figure among all of them. */
export function shareBeyond(maxima: Float64Array, value: number): number {
  const below = maxima.findIndex((maximum) => maximum >= value - TIE);
  return below < 0 ? 0 : (maxima.length - below) / maxima.length;
}

const TIE = 1e-9;
/** Far more than rounding, far less than a step of any statistic. */
const JUST_ABOVE = 1e-6;

/**
 * The shift between the sides by Hodges and Lehmann, the median of all pairwise means (paired) or differences (apart),
 * and all shifts whose `standardised` value stays below `critical`. Without any unit there is none.
 */
export function shiftOf(units: Units, critical: number): Shift | undefined {
  const [candidates, spread] = candidatesOf(units);
  const count = candidates.length;
  if (count === 0) {
    return undefined;
  }
  const cut = Math.floor((count - critical * spread) / 2 + TIE);
  const bounded = Number.isFinite(critical) && cut >= 0;
  return {
    estimate: medianOf(candidates),
    low: bounded ? (candidates[Math.min(cut, count - 1)] as number) : Number.NEGATIVE_INFINITY,
    high: bounded ? (candidates[Math.max(0, count - 1 - cut)] as number) : Number.POSITIVE_INFINITY,
  };
}

/** What the shift may be, ascending, and the standard deviation of the number above it less that below. */
function candidatesOf(units: Units): readonly [Float64Array, number] {
  return units.kind === 'paired' ? walshMeans(units.differences) : sideDifferences(units);
}

/** Means of all pairs of differences, each with itself too, ascending; and the deviation of 2·(number above 0) − count. */
function walshMeans(differences: readonly number[]): readonly [Float64Array, number] {
  const known = differences.filter((value) => !Number.isNaN(value));
  const n = known.length;
  const means = new Float64Array((n * (n + 1)) / 2);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) {
      means[at++] = ((known[i] as number) + (known[j] as number)) / 2;
    }
  }
  return [means.sort(), Math.sqrt((n * (n + 1) * (2 * n + 1)) / 6)];
}

function sideDifferences({ base, head }: Extract<Units, { kind: 'apart' }>): readonly [Float64Array, number] {
  const [from, to] = [base, head].map((side) => side.filter((value) => !Number.isNaN(value))) as [number[], number[]];
  const differences = Float64Array.from(to.flatMap((b) => from.map((a) => b - a))).sort();
  const [m, n] = [to.length, from.length];
  return [differences, Math.sqrt((m * n * (m + n + 1)) / 3)];
}

/**
 * By how much more the mean of successive units varies than that of independent ones, √((1 + r) / (1 − r)) of an AR(1)
 * series: r is the correlation of the ranks of neighbours, its bias −(1 + 3r)/n taken out (Kendall 1954), at least 0. Of
 * a short series it is anyone's guess, and what is taken for too little makes false alarms: ALLOWANCE / n is added.
 */
export function serialInflation(units: Units): number {
  const series = units.kind === 'paired' ? [units.differences] : [units.base, units.head];
  const mostValues = Math.max(1, ...series.map((values) => values.length));
  const weighed = series.map((values) => ({ r: serialCorrelation(values), n: values.length }));
  const n = weighed.reduce((sum, one) => sum + one.n, 0);
  const r = weighed.reduce((sum, one) => sum + one.r * one.n, 0) / Math.max(1, n);
  const kept = Math.min(HIGHEST_CORRELATION, Math.max(0, r + ALLOWANCE / mostValues));
  return Math.sqrt((1 + kept) / (1 - kept));
}

function serialCorrelation(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  const n = known.length;
  if (n < 4) {
    return 0;
  }
  const ranks = midRanks(known).map((rank) => rank - (n + 1) / 2);
  const square = ranks.reduce((sum, rank) => sum + rank * rank, 0);
  if (square === 0) {
    return 0;
  }
  const product = ranks.reduce((sum, rank, at) => sum + rank * (ranks[at + 1] ?? 0), 0);
  return (product / square + 1 / n) / (1 - 3 / n);
}

/** Ranks from 1 on in the order of the values; NaN has none (0), equal ones share the mean of theirs. */
export function midRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).filter((index) => !Number.isNaN(values[index] as number));
  order.sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = values.map(() => 0);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to] as number] === values[order[from] as number]) {
      to++;
    }
    for (let at = from; at < to; at++) {
      ranks[order[at] as number] = (from + 1 + to) / 2;
    }
    from = to;
  }
  return ranks;
}

/** What each unit adds to the statistic: its signed rank, or its rank less the mean rank. */
function scoresOf(units: Units): readonly number[] {
  if (units.kind === 'paired') {
    // Pairs without a difference have a rank that goes to neither side.
    const ranks = midRanks(units.differences.map(Math.abs));
    return units.differences.map((difference, at) => Math.sign(difference || 0) * (ranks[at] as number));
  }
  const values = [...units.base, ...units.head];
  const ranks = midRanks(values);
  const known = ranks.filter((rank) => rank > 0).length;
  return ranks.map((rank) => (rank > 0 ? rank - (known + 1) / 2 : 0));
}

/** The standard deviation of the statistic over all relabellings. */
function spreadOf(units: Units, scores: readonly number[]): number {
  const square = scores.reduce((sum, score) => sum + score * score, 0);
  if (units.kind === 'paired') {
    return Math.sqrt(square);
  }
  const [n, m] = [units.base.length, units.head.length];
  return Math.sqrt((m * n * square) / ((m + n) * Math.max(1, m + n - 1)));
}

/** Labels: by unit, +1 or −1 of a pair, 1 or 0 for a unit of the head or the base. */
type Labels = Int8Array;

function identity(units: Units): Labels {
  return units.kind === 'paired'
    ? new Int8Array(units.differences.length).fill(1)
    : Int8Array.from([...units.base.map(() => 0), ...units.head.map(() => 1)]);
}

/** The statistic under some labels; its mean over all of them is 0. */
function scoreSum(scores: readonly number[], labels: Labels): number {
  let sum = 0;
  for (let at = 0; at < scores.length; at++) {
    sum += (scores[at] as number) * (labels[at] as number);
  }
  return sum;
}

/** All ways to label the units, or drawn ones with the true one among them. The array is reused. */
function* relabellings(units: Units, source: Random): Iterable<Labels> {
  const labels = identity(units);
  if (units.kind === 'paired') {
    yield* signings(labels, source);
    return;
  }
  const size = labels.length;
  const heads = units.head.length;
  if (binomial(size, heads) <= MOST_EXACT) {
    yield* choices(size, heads);
    return;
  }
  yield labels;
  for (let draw = 1; draw < DRAWN; draw++) {
    const order = shuffledIndexes(size, source);
    labels.fill(0);
    for (let at = 0; at < heads; at++) {
      labels[order[at] as number] = 1;
    }
    yield labels;
  }
}

function* signings(labels: Labels, source: Random): Iterable<Labels> {
  const size = labels.length;
  const exact = 2 ** size <= MOST_EXACT;
  yield labels;
  for (let draw = 1; draw < (exact ? 2 ** size : DRAWN); draw++) {
    for (let at = 0, signs = draw; at < size; at++, signs >>>= 1) {
      if (!exact && at % SIGNS_DRAWN === 0) {
        signs = source.below(2 ** SIGNS_DRAWN);
      }
      labels[at] = (signs & 1) === 1 ? -1 : 1;
    }
    yield labels;
  }
}

/** All ways to choose `heads` of `size`. */
function* choices(size: number, heads: number): Iterable<Labels> {
  const chosen = Array.from({ length: heads }, (_, index) => index);
  const labels = new Int8Array(size);
  for (;;) {
    labels.fill(0);
    for (const at of chosen) {
      labels[at] = 1;
    }
    yield labels;
    let last = heads - 1;
    while (last >= 0 && chosen[last] === size - heads + last) {
      last--;
    }
    if (last < 0) {
      return;
    }
    chosen[last] = (chosen[last] as number) + 1;
    for (let at = last + 1; at < heads; at++) {
      chosen[at] = (chosen[at - 1] as number) + 1;
    }
  }
}

function binomial(n: number, k: number): number {
  let ways = 1;
  for (let step = 1; step <= k; step++) {
    ways = (ways * (n - k + step)) / step;
  }
  return ways;
}

/** The median of sorted values. */
function medianOf(sorted: Float64Array): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
