import { stringify } from 'csv-stringify/sync';
import type { Distribution } from '../reduce/distribution.js';
import { type Histogram, histogram } from '../reduce/histogram.js';
import type { OutcomeTotals } from '../reduce/outcome-counts.js';
import type { BodyBytes } from '../reduce/splits.js';
import { safeText } from '../text.js';
import { US_PER_MS } from '../units.js';
import type { Results, ResultsReporter } from './results.js';

/*
 * Locust's four files, column for column, for tools that read them. Its percentiles are of rounded values and can lie above
 * the true maximum; they are made as it makes them, from our histograms, whose buckets are narrower than its own. Times are
 * of ok requests and count from the intended start; requests and failures are of what was sent. Source: locust/stats.py.
 */

const PERCENTILES = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1] as const;
const PERCENTILE_COLUMNS = ['50%', '66%', '75%', '80%', '90%', '95%', '98%', '99%', '99.9%', '99.99%', '100%'];
const STATS_COLUMNS = [
  'Type',
  'Name',
  'Request Count',
  'Failure Count',
  'Median Response Time',
  'Average Response Time',
  'Min Response Time',
  'Max Response Time',
  'Average Content Size',
  'Requests/s',
  'Failures/s',
  ...PERCENTILE_COLUMNS,
];
const HISTORY_COLUMNS = [
  'Timestamp',
  'User Count',
  'Type',
  'Name',
  'Requests/s',
  'Failures/s',
  ...PERCENTILE_COLUMNS,
  'Total Request Count',
  'Total Failure Count',
  'Total Median Response Time',
  'Total Average Response Time',
  'Total Min Response Time',
  'Total Max Response Time',
  'Total Average Content Size',
];
/** Seconds whose requests are in a line's percentiles; its rates leave out the last two, whose counts are not complete. */
const WINDOW_S = 10;
const UNSETTLED_S = 2;

type Cell = string | number | null;

/** How many requests took each of Locust's rounded times, in ms. */
export type LocustTimes = Map<number, number>;

/** `locust_stats.csv`: a line for each endpoint and one for all. */
export const locustStats: ResultsReporter = ({ report, byEndpoint, latency }) => {
  const { counts, rates, bytes, run, endpoints } = report;
  const row = (
    head: readonly [type: string, name: string],
    of: OutcomeTotals,
    latencies: Histogram,
    { mean_ms }: Distribution,
    { in_bytes }: BodyBytes,
  ): readonly Cell[] => {
    const times = locustTimes(latencies);
    return [
      ...head,
      of.sent,
      of.sent - of.ok,
      ...totalsOf(times, latencies, mean_ms),
      of.sent === 0 ? null : in_bytes / of.sent,
      ...[of.sent, of.sent - of.ok].map((n) => (rates.window_s > 0 ? n / rates.window_s : null)),
      ...percentileCells(times),
    ];
  };
  const rows =
    endpoints.length > 0
      ? endpoints.map((own, index) =>
          row(
            [run.protocol, own.endpoint],
            own.counts,
            (byEndpoint[index] as (typeof byEndpoint)[number]).latency,
            own.latency,
            own.bytes,
          ),
        )
      : [row([run.protocol, run.endpoint], counts, latency, report.latency, bytes)];
  return csv(STATS_COLUMNS, [...rows, row(['', 'Aggregated'], counts, latency, report.latency, bytes)]);
};

/**
 * `locust_stats_history.csv` with full history: a line for each second, endpoint and all of them. Percentiles are of the
 * last ten seconds, totals since the start, the warm-up included. What is not known has an empty cell: sizes by second,
 * and an endpoint's failures, which are counted by second, and by endpoint, not by both.
 */
export const locustStatsHistory: ResultsReporter = (results) => {
  const { report, seconds, endpoints } = results;
  const latencies = latenciesBySecond(results);
  const all = history();
  const own = endpoints.map((name, index) => {
    const counts = endpoints.length > 1 ? report.endpoints[index]?.counts : undefined;
    return { name, index, line: history(), isKnown: counts === undefined || counts.sent === counts.ok };
  });
  const rows = seconds.flatMap(({ epoch_s, users, completed, failed }): readonly (readonly Cell[])[] => {
    const ended = latencies.next(epoch_s);
    const cells = (type: string, name: string, line: History, isKnown: boolean): readonly Cell[] => [
      epoch_s,
      users,
      type,
      name,
      ...(isKnown ? line.rates() : [null, null]),
      ...percentileCells(line.recent(), 'N/A'),
      ...(isKnown ? line.counts() : [null, null]),
      ...totalsOf(line.totalTimes, line.total, msOf(line.total.meanUs)),
      null,
    ];
    all.second(completed, failed, ended);
    return [
      ...own.map(({ name, index, line, isKnown }) => {
        const here = ended.filter(({ endpoint }) => endpoint === index);
        const ok = here.reduce((sum, { packed }) => sum + packed.count, 0);
        line.second(...(endpoints.length > 1 ? ([ok, 0] as const) : ([completed, failed] as const)), here);
        return cells(report.run.protocol, name, line, isKnown);
      }),
      cells('', 'Aggregated', all, true),
    ];
  });
  return csv(HISTORY_COLUMNS, rows);
};

/** `locust_failures.csv`: a line for each way of failing at each endpoint. */
export const locustFailures: ResultsReporter = ({ report: { run, endpoints, failures } }) => {
  const examples = new Map(failures.map(({ outcome, example }) => [outcome, example]));
  const from = endpoints.length > 0 ? endpoints : [{ endpoint: run.endpoint, failures }];
  return csv(
    ['Method', 'Name', 'Error', 'Occurrences'],
    from.flatMap(({ endpoint, failures: causes }) =>
      causes.map(({ outcome, count }) => {
        const example = examples.get(outcome);
        return [run.protocol, endpoint, example ? `${outcome}: ${example}` : outcome, count];
      }),
    ),
  );
};

/** `locust_exceptions.csv`: its header. Exceptions in a user's own code, which we have not. */
export const locustExceptions: ResultsReporter = () => csv(['Count', 'Message', 'Traceback', 'Nodes'], []);

/** What Locust makes of a time before it counts it: two digits from 100 ms on, halves to the even one. */
export function locustRoundedMs(ms: number): number {
  const step = ms < 100 ? 1 : ms < 1_000 ? 10 : ms < 10_000 ? 100 : 1_000;
  const steps = ms / step;
  const below = Math.floor(steps);
  const isHalf = steps - below === 0.5;
  return (isHalf ? below + (below % 2) : Math.round(steps)) * step;
}

/**
 * Locust's percentiles of `ps`, ascending in (0, 1]: each is the first time from above with
 * `n - (count at or above it) <= trunc(n * p)`; null without a time.
 */
export function locustPercentilesMs(times: LocustTimes, ps: readonly number[]): readonly (number | null)[] {
  const sorted = ascending(times);
  const n = countOf(times);
  let seen = 0;
  let next = sorted.length;
  const found = ps.toReversed().map((p) => {
    while (next > 0 && (seen === 0 || n - seen > Math.trunc(n * p))) {
      seen += sorted[--next]?.[1] as number;
    }
    return sorted[next]?.[0] ?? null;
  });
  return found.reverse();
}

/** Locust's median, which is not its 50 %: the time of the sample in the middle, the lower one of two. */
function locustMedianMs(times: LocustTimes): number | null {
  let rest = (countOf(times) - 1) / 2;
  for (const [ms, count] of ascending(times)) {
    if (rest < count) {
      return ms;
    }
    rest -= count;
  }
  return null;
}

function ascending(times: LocustTimes): readonly (readonly [ms: number, count: number])[] {
  return [...times].sort(([a], [b]) => a - b);
}

function countOf(times: LocustTimes): number {
  return [...times.values()].reduce((sum, count) => sum + count, 0);
}

function addTimes(times: LocustTimes, into: LocustTimes): void {
  for (const [ms, count] of times) {
    into.set(ms, (into.get(ms) ?? 0) + count);
  }
}

function locustTimes(of: Histogram): LocustTimes {
  const into: LocustTimes = new Map();
  of.forEachBucket((lowestUs, highestUs, count) => {
    const ms = locustRoundedMs((lowestUs + highestUs) / 2 / US_PER_MS);
    into.set(ms, (into.get(ms) ?? 0) + count);
  });
  return into;
}

function percentileCells(times: LocustTimes, none: Cell = null): readonly Cell[] {
  return locustPercentilesMs(times, PERCENTILES).map((ms) => ms ?? none);
}

/** Median, average, minimum and maximum. The median is never outside of the exact extremes, as Locust has it. */
function totalsOf(times: LocustTimes, of: Histogram, meanMs: number | null): readonly Cell[] {
  const median = locustMedianMs(times);
  const [min, max] = [msOf(of.minUs), msOf(of.maxUs)];
  return [median === null ? null : Math.min(Math.max(median, min as number), max as number), meanMs, min, max];
}

function msOf(us: number | null): number | null {
  return us === null ? null : us / US_PER_MS;
}

/** Latencies of the answers of one second at one endpoint. */
interface Ended {
  readonly endpoint: number;
  readonly times: LocustTimes;
  readonly packed: ReturnType<Histogram['pack']>;
}

/** What is known of an endpoint, or of all, up to a second. */
interface History {
  /** Takes a second: how many requests ended in it, how many of these failed, and what the others took. */
  second(completed: number, failed: number, ended: readonly Ended[]): void;
  /** Latencies since the start, exactly and as Locust has them. */
  readonly total: Histogram;
  readonly totalTimes: LocustTimes;
  /** Those of the last ten seconds. */
  recent(): LocustTimes;
  /** Requests and failures since the start. */
  counts(): readonly Cell[];
  /** Both per second, over the ten seconds that end two before the last one with an answer; 0 before there are such. */
  rates(): readonly Cell[];
}

function history(): History {
  const total = histogram();
  const totalTimes: LocustTimes = new Map();
  const seconds: { readonly completed: number; readonly failed: number; readonly times: readonly LocustTimes[] }[] = [];
  let completedSoFar = 0;
  let failedSoFar = 0;
  /** The last second with an answer. */
  let last = -1;
  return {
    total,
    totalTimes,
    second(completed, failed, ended) {
      last = completed > 0 ? seconds.length : last;
      seconds.push({ completed, failed, times: ended.map(({ times }) => times) });
      completedSoFar += completed;
      failedSoFar += failed;
      for (const { packed, times } of ended) {
        total.addPacked(packed);
        addTimes(times, totalTimes);
      }
    },
    recent() {
      const sum: LocustTimes = new Map();
      for (const times of seconds.slice(-WINDOW_S).flatMap((second) => second.times)) {
        addTimes(times, sum);
      }
      return sum;
    },
    counts: () => [completedSoFar, failedSoFar],
    rates() {
      const settled = seconds.slice(Math.max(0, last - UNSETTLED_S - WINDOW_S), Math.max(0, last - UNSETTLED_S));
      const mean = (sum: number) => (settled.length === 0 ? 0 : sum / settled.length);
      return [
        mean(settled.reduce((sum, { completed }) => sum + completed, 0)),
        mean(settled.reduce((sum, { failed }) => sum + failed, 0)),
      ];
    },
  };
}

/** The latencies of each second, in turn: a histogram is good until the next one is asked for. */
function latenciesBySecond({ secondHistograms }: Results) {
  const source = secondHistograms()[Symbol.iterator]();
  let ahead = source.next();
  return {
    next(epochS: number): readonly Ended[] {
      const ended: Ended[] = [];
      for (; !ahead.done && ahead.value.epochS <= epochS; ahead = source.next()) {
        const { metric, endpoint, histogram: of } = ahead.value;
        if (metric === 'latency') {
          ended.push({ endpoint, times: locustTimes(of), packed: of.pack() });
        }
      }
      return ended;
    },
  };
}

/** Lines as Locust ends them; text that a spreadsheet would take for a formula begins with an apostrophe. */
function csv(columns: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return stringify([columns, ...rows.map((cells) => cells.map(cellOf))], {
    record_delimiter: 'windows',
    escape_formulas: true,
  });
}

function cellOf(cell: Cell): Cell {
  return typeof cell === 'string' ? safeText(cell).replace(/^\|/, "'|") : cell;
}
