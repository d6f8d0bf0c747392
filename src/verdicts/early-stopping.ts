/**
 * Enough samples for a percentile, by the early stopping of MLPerf's LoadGen: how sure one can be that a percentile lies
 * at or below a limit when `over` of the samples lie above it. It takes latencies for independent; a stall makes
 * neighbours alike, so the confidence is that of the best case.
 */

/** The confidence of every statement about enough samples. */
export const CONFIDENCE = 0.95;

/**
 * The probability of at most `over` samples above the percentile `p` among `n`, P[Bin(n, 1 − p) ≤ over], by a sum of
 * logarithms that holds for any `n`. Source: LoadGen's early stopping, there with the incomplete beta function.
 */
function atMost(over: number, n: number, p: number): number {
  const q = 1 - p;
  const stepLog = Math.log(q) - Math.log1p(-q);
  const logs = [n * Math.log1p(-q)];
  for (let k = 1; k <= over; k++) {
    logs.push((logs[k - 1] as number) + Math.log((n - k + 1) / k) + stepLog);
  }
  const most = logs.reduce((high, log) => Math.max(high, log), Number.NEGATIVE_INFINITY);
  return Math.exp(most) * logs.reduce((sum, log) => sum + Math.exp(log - most), 0);
}

/**
 * How many samples it takes to say at a confidence that percentile `p` is at or below a limit when `over` of them are
 * above it: h_min(t) + t with t = `over`. Source: LoadGen; measurement totals for p99 at 99 %: 459, 662, 838, …
 */
export function samplesNeeded(p: number, over: number, confidence = CONFIDENCE): number {
  const enough = (n: number) => atMost(over, n, p) < 1 - confidence;
  let high = over + 1;
  while (!enough(high)) {
    high *= 2;
  }
  let low = over;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;
}

/** The least samples for any statement about percentile `p`: one may be above it. p99 at 95 %: 473. */
export function fewestSamples(p: number): number {
  return samplesNeeded(p, 1);
}

/** The ranks, from 1, of the sorted samples between which a percentile lies; null where no sample is far enough out. */
export interface RankInterval {
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * The order statistics x_j, x_k between which percentile `p` of the population lies at the confidence: P[Bin(n, p) < j]
 * and P[Bin(n, p) ≥ k] are each at most half of what is missing to 1. Exact for any distribution.
 */
export function rankInterval(p: number, n: number, confidence = CONFIDENCE): RankInterval {
  if (n === 0) {
    return { low: null, high: null };
  }
  const { first, weights, sum } = binomial(n, p);
  const tail = ((1 - confidence) / 2) * sum;
  // Below: the largest j with P[X ≤ j − 1] at most the tail.
  let below = 0;
  let low = first;
  while (below + (weights[low - first] as number) <= tail) {
    below += weights[low - first] as number;
    low++;
  }
  // Above: the smallest k with P[X ≥ k] at most the tail.
  let above = 0;
  let high = first + weights.length;
  while (above + (weights[high - 1 - first] as number) <= tail) {
    above += weights[high - 1 - first] as number;
    high--;
  }
  return { low: low >= 1 ? low : null, high: high <= n ? high : null };
}

/** A weight this small beside that of the mode changes no sum. */
const NEGLIGIBLE = 1e-18;

/** Bin(n, p) about its mode without its constant factor: weights from the outcome `first` on, and their sum. */
function binomial(n: number, p: number) {
  const odds = p / (1 - p);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  const down: number[] = [];
  for (let k = mode, weight = 1; k > 0; k--) {
    weight *= k / ((n - k + 1) * odds);
    if (weight < NEGLIGIBLE) {
      break;
    }
    down.push(weight);
  }
  const up: number[] = [];
  for (let k = mode, weight = 1; k < n; k++) {
    weight *= ((n - k) * odds) / (k + 1);
    if (weight < NEGLIGIBLE) {
      break;
    }
    up.push(weight);
  }
  const weights = [...down.reverse(), 1, ...up];
  return { first: mode - down.length, weights, sum: weights.reduce((total, weight) => total + weight, 0) };
}
