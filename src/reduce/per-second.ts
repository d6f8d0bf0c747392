import { wasSent } from '../samples/outcomes.js';
import type { Sample } from '../samples/sample.js';
import { US_PER_S } from '../units.js';
import { toMs } from './distribution.js';
import type { Histogram } from './histogram.js';
import { secondHistograms } from './second-histograms.js';

/** One second of a run. Empty is null: a second without an `ok` answer has no percentile. */
export interface PerSecondRow {
  readonly epoch_s: number;
  /** Requests due in it; sent in it; ended in it. */
  readonly planned: number;
  readonly sent: number;
  readonly completed: number;
  readonly ok: number;
  readonly failed: number;
  readonly dropped: number;
  /** At its end. */
  readonly in_flight: number;
  readonly users: number;
  /** Latency of `ok` requests that ended in it. */
  readonly p50_ms: number | null;
  readonly p90_ms: number | null;
  readonly p95_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
  readonly service_p95_ms: number | null;
  /** Lag of the requests that were sent in it. */
  readonly lag_p50_ms: number | null;
  readonly lag_p99_ms: number | null;
  readonly lag_max_ms: number | null;
}

const COUNTERS = ['planned', 'sent', 'completed', 'ok', 'failed', 'dropped'] as const;
type Counters = Record<(typeof COUNTERS)[number], number>;

/**
 * Folds samples into whole epoch seconds: `planned` by intended start, `sent` and lag by start, the rest by
 * completion. `startedEpochUs` is the epoch of the run's zero.
 */
export function perSecond(startedEpochUs: number): {
  add(sample: Sample): void;
  users(atUs: number, users: number): void;
  finish(): readonly PerSecondRow[];
} {
  const counters = new Map<number, Counters>();
  const users = new Map<number, number>();
  const latency = secondHistograms();
  const service = secondHistograms();
  const lag = secondHistograms();
  const secondOf = (us: number) => Math.floor((startedEpochUs + us) / US_PER_S);

  function count(us: number, counter: keyof Counters): number {
    const second = secondOf(us);
    let entry = counters.get(second);
    if (!entry) {
      entry = { planned: 0, sent: 0, completed: 0, ok: 0, failed: 0, dropped: 0 };
      counters.set(second, entry);
    }
    entry[counter]++;
    return second;
  }

  return {
    add({ intendedUs, startUs, endUs, outcome }) {
      count(intendedUs, 'planned');
      if (outcome === 'dropped') {
        count(intendedUs, 'dropped');
      }
      if (!wasSent(outcome) || startUs === undefined || endUs === undefined) {
        return;
      }
      lag.record(count(startUs, 'sent'), startUs - intendedUs);
      const second = count(endUs, 'completed');
      count(endUs, outcome === 'ok' ? 'ok' : 'failed');
      if (outcome === 'ok') {
        latency.record(second, endUs - intendedUs);
        service.record(second, endUs - startUs);
      }
    },
    users(atUs, active) {
      users.set(secondOf(atUs), active);
    },
    finish() {
      const seconds = [...counters.keys(), ...users.keys()];
      const first = seconds.reduce((least, second) => Math.min(least, second), Number.POSITIVE_INFINITY);
      const last = seconds.reduce((most, second) => Math.max(most, second), Number.NEGATIVE_INFINITY);
      const rows: PerSecondRow[] = [];
      let inFlight = 0;
      let active = 0;
      for (let second = first; second <= last; second++) {
        const counted = counters.get(second) ?? { planned: 0, sent: 0, completed: 0, ok: 0, failed: 0, dropped: 0 };
        inFlight += counted.sent - counted.completed;
        active = users.get(second) ?? active;
        rows.push({
          epoch_s: second,
          ...counted,
          in_flight: inFlight,
          users: active,
          ...percentiles(latency.at(second), service.at(second), lag.at(second)),
        });
      }
      return rows;
    },
  };
}

function percentiles(latency: Histogram | undefined, service: Histogram | undefined, lag: Histogram | undefined) {
  const ms = (of: Histogram | undefined, p: number) => toMs(of?.percentileUs(p) ?? null);
  return {
    p50_ms: ms(latency, 0.5),
    p90_ms: ms(latency, 0.9),
    p95_ms: ms(latency, 0.95),
    p99_ms: ms(latency, 0.99),
    max_ms: toMs(latency?.maxUs ?? null),
    service_p95_ms: ms(service, 0.95),
    lag_p50_ms: ms(lag, 0.5),
    lag_p99_ms: ms(lag, 0.99),
    lag_max_ms: toMs(lag?.maxUs ?? null),
  };
}
