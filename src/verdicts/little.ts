import type { EndedSums, Totals } from '../reduce/summary.js';
import { US_PER_MS, US_PER_S } from '../units.js';

/** Little's law on a run: what was in the system, by counting, and what rate times time make of it. */
export interface Little {
  /** Users of a closed run, who think between requests; requests in flight of an open one. */
  readonly of: 'users' | 'in_flight';
  readonly in_system_mean: number;
  /** Requests that ended per second × their mean time, of users with what they think. */
  readonly expected_mean: number;
  readonly ratio: number;
}

export interface LittleParts {
  readonly totals: Totals;
  readonly ended: EndedSums;
  readonly model: 'closed' | 'open';
  /** Time-weighted mean of active users, and the most of them. */
  readonly usersMean: number;
  readonly usersMax: number;
  /** Pause of a user for each request, its part of the one after each turn. */
  readonly thinkUs: number;
}

/** What begins in a window and ends after it may be at most this share of it, or the law has too little to go by. */
const MAX_EDGE_RATIO = 0.05;
/** Timers come round by the millisecond: less than this for each request says nothing. */
const LEAST_US = 5 * US_PER_MS;
/** Users whose connection fails wait, which is no thinking. */
const MAX_ERROR_RATIO = 0.01;

/** null where the window is too short beside a request, or failures make users wait. */
export function littleOf({ totals, ended, model, usersMean, usersMax, thinkUs }: LittleParts): Little | null {
  const { window_s: windowS, in_flight_mean: inFlightMean, error_ratio: errorRatio } = totals.rates;
  const isClosed = model === 'closed';
  const inSystem = isClosed ? usersMean : inFlightMean;
  const eachUs = ended.n === 0 ? 0 : isClosed ? ended.latencyUs / ended.n + thinkUs : ended.serviceUs / ended.n;
  const windowUs = windowS * US_PER_S;
  const edge = isClosed ? (usersMax * eachUs) / (usersMean * windowUs) : eachUs / windowUs;
  if (!(inSystem > 0 && eachUs > 0 && edge <= MAX_EDGE_RATIO) || (errorRatio ?? 1) > MAX_ERROR_RATIO) {
    return null;
  }
  const expected = (ended.n * eachUs) / windowUs;
  const ratio = Math.abs(inSystem / expected - 1) * eachUs < LEAST_US && isClosed ? 1 : inSystem / expected;
  return { of: isClosed ? 'users' : 'in_flight', in_system_mean: inSystem, expected_mean: expected, ratio };
}
