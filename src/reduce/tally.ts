import { OK_CODE, OUTCOMES, type Outcome } from '../samples/outcomes.js';
import type { Sink } from '../samples/sink.js';
import { US_PER_S } from '../units.js';
import { toMs } from './distribution.js';
import { histogram } from './histogram.js';

/** How many seconds the trend goes back. */
const TREND_S = 60;

/** What a running run looks like, from the samples that arrived so far. */
export interface Snapshot {
  readonly users: number;
  readonly requests: number;
  readonly failures: readonly (readonly [outcome: Outcome, count: number])[];
  /** Of the last whole second: answers per second and their latency; null without an `ok` one. */
  readonly perS: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** p95 of the last seconds, oldest first; null for a second without an `ok` answer. */
  readonly p95TrendMs: readonly (number | null)[];
}

/** The live count of a run, for its progress display. */
export function tally(): Sink & { snapshot(nowUs: number): Snapshot } {
  const current = histogram();
  const failures = new Float64Array(OUTCOMES.length);
  const trend: (number | null)[] = [];
  let second = 0;
  let nextSecondUs = US_PER_S;
  let ended = 0;
  let last: Pick<Snapshot, 'perS' | 'p50Ms' | 'p95Ms'> = { perS: 0, p50Ms: null, p95Ms: null };
  let requests = 0;
  let activeUsers = 0;

  function advanceTo(nextSecond: number): void {
    for (; second < nextSecond; second++) {
      last = { perS: ended, p50Ms: toMs(current.percentileUs(0.5)), p95Ms: toMs(current.percentileUs(0.95)) };
      trend.push(last.p95Ms);
      trend.splice(0, trend.length - TREND_S);
      current.reset();
      ended = 0;
    }
    nextSecondUs = (second + 1) * US_PER_S;
  }

  return {
    rows(block) {
      requests += block.length;
      for (let row = 0; row < block.length; row++) {
        const code = block.outcome[row] as number;
        const endUs = block.endUs[row] as number;
        // NaN, of what was never sent, is neither.
        if (endUs >= nextSecondUs) {
          advanceTo(Math.floor(endUs / US_PER_S));
        }
        ended += endUs >= 0 ? 1 : 0;
        if (code === OK_CODE) {
          current.record(endUs - (block.intendedUs[row] as number));
        } else {
          failures[code] = (failures[code] as number) + 1;
        }
      }
    },
    users(_atUs, users) {
      activeUsers = users;
    },
    close() {},
    snapshot(nowUs) {
      advanceTo(Math.floor(nowUs / US_PER_S));
      return {
        users: activeUsers,
        requests,
        failures: OUTCOMES.map((outcome, code) => [outcome, failures[code] as number] as const)
          .filter(([, count]) => count > 0)
          .sort(([, a], [, b]) => b - a),
        ...last,
        p95TrendMs: [...trend],
      };
    },
  };
}
