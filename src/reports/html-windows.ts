import { toMs } from '../reduce/distribution.js';
import { type Histogram, histogram } from '../reduce/histogram.js';
import type { PerSecondRow } from '../reduce/per-second.js';
import type { Results } from './results.js';

/** More rows than this tell a reader nothing more, and make a table of hours slow. */
const MOST_ROWS = 2_000;
/** Lengths of a window in seconds that people count in. */
const LENGTHS_S = [1, 2, 4, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/**
 * A stretch of a run, a second or several. Counts are sums; `in_flight` and `users` those at its end; percentiles those of
 * all its requests; of the lag and of the generator, whose seconds have no histograms, it is the worst second.
 */
export interface TimeWindow extends PerSecondRow {
  readonly loop_delay_p99_ms: number | null;
  readonly gc_ms: number | null;
}

export interface TimeWindows {
  /** Seconds in each. */
  readonly lengthS: number;
  readonly rows: readonly TimeWindow[];
}

/** The seconds of a run, merged into windows of equal length where there are more than 2,000. */
export function timeWindows(results: Results): TimeWindows {
  const { seconds } = results;
  const lengthS =
    LENGTHS_S.find((length) => seconds.length <= length * MOST_ROWS) ?? Math.ceil(seconds.length / MOST_ROWS);
  const generator = new Map(results.generator.map((second) => [second.epochS, second]));
  const firstS = seconds[0]?.epoch_s ?? 0;
  const durations = lengthS === 1 ? undefined : mergedPercentiles(results, firstS, lengthS);
  const rows: TimeWindow[] = [];
  for (let from = 0; from < seconds.length; from += lengthS) {
    const part = seconds.slice(from, from + lengthS);
    const own = part.flatMap(({ epoch_s }) => generator.get(epoch_s) ?? []);
    rows.push({
      ...(durations
        ? { ...merged(part), ...NO_DURATIONS, ...durations.get(from / lengthS) }
        : (part[0] as PerSecondRow)),
      loop_delay_p99_ms: most(own.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
      gc_ms: own.length === 0 ? null : own.reduce((sum, { gcMs }) => sum + gcMs, 0),
    });
  }
  return { lengthS, rows };
}

const NO_DURATIONS = { p50_ms: null, p90_ms: null, p95_ms: null, p99_ms: null, max_ms: null, service_p95_ms: null };
type Durations = Pick<PerSecondRow, keyof typeof NO_DURATIONS>;

function merged(part: readonly PerSecondRow[]): Omit<PerSecondRow, keyof Durations> {
  const sum = (of: (row: PerSecondRow) => number) => part.reduce((total, row) => total + of(row), 0);
  const last = part.at(-1) as PerSecondRow;
  return {
    epoch_s: (part[0] as PerSecondRow).epoch_s,
    planned: sum(({ planned }) => planned),
    sent: sum(({ sent }) => sent),
    completed: sum(({ completed }) => completed),
    ok: sum(({ ok }) => ok),
    failed: sum(({ failed }) => failed),
    dropped: sum(({ dropped }) => dropped),
    in_flight: last.in_flight,
    users: last.users,
    lag_p50_ms: most(part.map(({ lag_p50_ms }) => lag_p50_ms)),
    lag_p99_ms: most(part.map(({ lag_p99_ms }) => lag_p99_ms)),
    lag_max_ms: most(part.map(({ lag_max_ms }) => lag_max_ms)),
  };
}

function most(values: readonly (number | null)[]): number | null {
  return values.reduce((high, value) => (value !== null && (high === null || value > high) ? value : high), null);
}

/** The percentiles of each window by its index, from the merged histograms of its seconds and endpoints. */
function mergedPercentiles(results: Results, firstS: number, lengthS: number): ReadonlyMap<number, Durations> {
  const found = new Map<number, Durations>();
  const latency = histogram();
  const service = histogram();
  let window = 0;
  const close = () => {
    if (latency.count > 0) {
      found.set(window, durations(latency, service));
      latency.reset();
      service.reset();
    }
  };
  for (const { epochS, metric, histogram: second } of results.secondHistograms()) {
    const index = Math.floor((epochS - firstS) / lengthS);
    if (index !== window) {
      close();
      window = index;
    }
    if (metric !== 'itl_chunk') {
      (metric === 'latency' ? latency : service).add(second);
    }
  }
  close();
  return found;
}

function durations(latency: Histogram, service: Histogram): Durations {
  const at = (p: number) => toMs(latency.percentileUs(p));
  return {
    p50_ms: at(0.5),
    p90_ms: at(0.9),
    p95_ms: at(0.95),
    p99_ms: at(0.99),
    max_ms: toMs(latency.maxUs),
    service_p95_ms: toMs(service.percentileUs(0.95)),
  };
}
