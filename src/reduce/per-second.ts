import type { ChunkGaps } from '../samples/chunk-gaps.js';
import { DROPPED_CODE, OK_CODE, SENT_CODES } from '../samples/outcomes.js';
import type { Sink } from '../samples/sink.js';
import { US_PER_S } from '../units.js';
import { toMs } from './distribution.js';
import type { Histogram } from './histogram.js';
import { type SecondHistograms, secondHistograms } from './second-histograms.js';

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

/** The durations of one second at one endpoint, under the name of what they measure. */
export interface SecondHistogram {
  readonly epochS: number;
  /** Index of the endpoint. */
  readonly endpoint: number;
  readonly metric: 'latency' | 'service' | 'itl_chunk';
  readonly histogram: Histogram;
}

/** What is counted for each second; the columns of one row of counters. */
const COUNTERS = ['planned', 'sent', 'completed', 'ok', 'failed', 'dropped'] as const;
const [PLANNED, SENT, COMPLETED, OK, FAILED, DROPPED] = [0, 1, 2, 3, 4, 5] as const;
const FIRST_SECONDS = 256;

/**
 * Folds samples into whole epoch seconds: `planned` by intended start, `sent` and lag by start, the rest by
 * completion. `startedEpochUs` is the epoch of the run's zero; rows go to so many `endpoints`, whose histograms are kept
 * apart where there are several.
 */
export function perSecond(
  startedEpochUs: number,
  endpoints = 1,
): Required<Pick<Sink, 'rows' | 'users'>> & {
  /** The gaps between the chunks of a streamed answer, in the second in which it ended. */
  gaps(answer: ChunkGaps): void;
  finish(): readonly PerSecondRow[];
  /** What `ok` requests that ended in each second took, by endpoint; a histogram is good until the next one is asked for. */
  histograms(): Iterable<SecondHistogram>;
} {
  const firstS = Math.floor(startedEpochUs / US_PER_S);
  /** Between the beginning of that second and the run's zero. */
  const offsetUs = startedEpochUs - firstS * US_PER_S;
  /** A row of counters for each second from `firstS` on. */
  let counters = new Float64Array(FIRST_SECONDS * COUNTERS.length);
  let seconds = 0;
  const users = new Map<number, number>();
  const latency = secondHistograms();
  const service = secondHistograms();
  const lag = secondHistograms();
  /** Made when the first streamed answer ends: few runs have any. */
  let itl: SecondHistograms | undefined;
  /** Latency and service time at each endpoint; at a single one they are those of the whole. */
  const atEndpoint =
    endpoints === 1
      ? [{ latency, service }]
      : Array.from({ length: endpoints }, () => ({ latency: secondHistograms(), service: secondHistograms() }));

  /** The second that was asked for last, and where it begins: the next one is mostly the same. */
  let recentS = 0;
  let recentUs = -offsetUs;

  /** The second of a moment, from `firstS`. */
  function secondAt(us: number): number {
    const intoUs = us - recentUs;
    if (intoUs < 0 || intoUs >= US_PER_S) {
      recentS = Math.floor((offsetUs + us) / US_PER_S);
      recentUs = recentS * US_PER_S - offsetUs;
    }
    return recentS;
  }

  function count(second: number, counter: number): void {
    if (second >= seconds) {
      seconds = second + 1;
      if (seconds * COUNTERS.length > counters.length) {
        const larger = new Float64Array(2 * seconds * COUNTERS.length);
        larger.set(counters);
        counters = larger;
      }
    }
    (counters[second * COUNTERS.length + counter] as number)++;
  }

  return {
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        const code = block.outcome[row] as number;
        const intendedUs = block.intendedUs[row] as number;
        const dueS = secondAt(intendedUs);
        count(dueS, PLANNED);
        if (SENT_CODES[code] === 0) {
          if (code === DROPPED_CODE) {
            count(dueS, DROPPED);
          }
          continue;
        }
        const startUs = block.startUs[row] as number;
        const endUs = block.endUs[row] as number;
        const startS = secondAt(startUs);
        const endS = secondAt(endUs);
        count(startS, SENT);
        lag.record(startS, startUs - intendedUs);
        count(endS, COMPLETED);
        if (code === OK_CODE) {
          count(endS, OK);
          latency.record(endS, endUs - intendedUs);
          service.record(endS, endUs - startUs);
          if (endpoints > 1) {
            const own = atEndpoint[block.endpoint[row] as number] as (typeof atEndpoint)[number];
            own.latency.record(endS, endUs - intendedUs);
            own.service.record(endS, endUs - startUs);
          }
        } else {
          count(endS, FAILED);
        }
      }
    },
    gaps({ endUs, gapsUs }) {
      itl ??= secondHistograms();
      const second = secondAt(endUs);
      for (const gapUs of gapsUs) {
        itl.record(second, gapUs);
      }
    },
    users(atUs, active) {
      users.set(secondAt(atUs), active);
    },
    *histograms() {
      for (let second = 0; second < seconds; second++) {
        for (const [endpoint, own] of atEndpoint.entries()) {
          for (const metric of ['latency', 'service'] as const) {
            const histogram = own[metric].at(second);
            if (histogram) {
              yield { epochS: firstS + second, endpoint, metric, histogram };
            }
          }
        }
        const chunks = itl?.at(second);
        if (chunks) {
          yield { epochS: firstS + second, endpoint: 0, metric: 'itl_chunk', histogram: chunks };
        }
      }
    },
    finish() {
      const rows: PerSecondRow[] = [];
      const last = [...users.keys()].reduce((most, second) => Math.max(most, second), seconds - 1);
      let inFlight = 0;
      let active = 0;
      for (let second = 0; second <= last; second++) {
        const counted = Object.fromEntries(
          COUNTERS.map((name, counter) => [name, counters[second * COUNTERS.length + counter] ?? 0]),
        ) as Record<(typeof COUNTERS)[number], number>;
        inFlight += counted.sent - counted.completed;
        active = users.get(second) ?? active;
        rows.push({
          epoch_s: firstS + second,
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
