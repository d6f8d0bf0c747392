import type { Distribution } from '../reduce/distribution.js';
import { safeText } from '../text.js';
import type { ThresholdResult } from '../verdicts/threshold-result.js';
import { isGrpc } from './report.js';
import type { Results, ResultsReporter } from './results.js';

/** A metric's line: the value and what stands beside it, in columns of their own; or the statistics of a duration. */
interface Line {
  readonly name: string;
  readonly cells: readonly string[];
  readonly isTrend?: boolean;
}

interface Group {
  readonly title: string;
  readonly lines: readonly Line[];
}

/**
 * The end-of-test summary as k6 prints it, for people and scripts that look for its lines. `http_req_duration`
 * (`grpc_req_duration`) is our service time, and of the requests that succeeded alone; what counts from the intended start
 * is under CUSTOM. Layout and rounding: k6's compact summary.
 */
export const k6: ResultsReporter = (results) => {
  const { verdict, thresholds, counts } = results.report;
  const blocks = [
    block('VERDICT', [
      `    infer-bench: ${verdict.status}`,
      ...verdict.reasons.map(({ code, message }) => `    ${code}: ${safeText(message)}`),
    ]),
    ...(thresholds.length > 0 ? [block('THRESHOLDS', thresholdLines(thresholds))] : []),
    block('TOTAL RESULTS', [
      ...metricLines([{ title: '', lines: checks(counts, results.report.rates.window_s) }]),
      '',
      ...metricLines(groupsOf(results)),
    ]),
  ];
  return `${blocks.join('\n\n')}\n`;
};

function block(title: string, lines: readonly string[]): string {
  return [`  █ ${title}`, '', ...lines].join('\n');
}

/** By metric, as k6 has it. */
function thresholdLines(thresholds: readonly ThresholdResult[]): readonly string[] {
  const byMetric = new Map<string, string[]>();
  for (const one of thresholds) {
    const metric = one.endpoint === null ? one.metric : `${one.metric}{endpoint:${safeText(one.endpoint)}}`;
    const lines = byMetric.get(metric) ?? [];
    lines.push(`    ${one.pass ? '✓' : '✗'} '${safeText(one.expression)}' ${one.aggregation}=${foundText(one)}`);
    byMetric.set(metric, lines);
  }
  return [...byMetric].flatMap(([metric, lines], index) => [...(index > 0 ? [''] : []), `    ${metric}`, ...lines]);
}

function foundText({ value, infinite, unit }: ThresholdResult): string {
  if (infinite) {
    return '+Inf';
  }
  if (value === null) {
    return '-';
  }
  switch (unit) {
    case 'ms':
      return duration(value);
    case 'ratio':
      return percent(value);
    case 'per_s':
      return `${truncated(value, 2)}/s`;
    case 'count':
      return String(value);
  }
}

function checks({ sent, ok }: Results['report']['counts'], windowS: number): readonly Line[] {
  const outOf = (part: number) => [percent(ratio(part, sent)), `${part} out of ${sent}`];
  return [
    { name: 'checks_total', cells: [String(sent), rate(sent, windowS)] },
    { name: 'checks_succeeded', cells: outOf(ok) },
    { name: 'checks_failed', cells: outOf(sent - ok) },
  ];
}

function groupsOf({ report, seconds, endpoints }: Results): readonly Group[] {
  const { counts, rates, bytes, run, latency, service_time, lag, tokens } = report;
  const windowS = rates.window_s;
  const via = isGrpc(run) ? 'GRPC' : 'HTTP';
  const prefix = via.toLowerCase();
  const own = report.endpoints.map(({ endpoint, service_time: of }) =>
    trend(`  { endpoint:${safeText(endpoint)} }`, of),
  );
  const first = report.endpoints.find(({ endpoint }) => endpoint === endpoints[0])?.counts ?? counts;
  const users = seconds.map((second) => second.users);
  const closed = run.model === 'closed' && users.length > 0;
  const dropped = counts.dropped;
  return [
    {
      title: 'CUSTOM',
      lines: [
        ...(tokens ? [trend('itl_chunk', tokens.itl_chunk)] : []),
        ...(run.model === 'open' ? [trend('lag', lag)] : []),
        trend('latency', latency),
        ...(tokens ? [trend('tpot', tokens.tpot), trend('ttft', tokens.ttft)] : []),
      ],
    },
    {
      title: via,
      lines: [
        trend(`${prefix}_req_duration`, service_time),
        ...own,
        trend('  { expected_response:true }', service_time),
        {
          name: `${prefix}_req_failed`,
          cells: [
            percent(ratio(counts.sent - counts.ok, counts.sent)),
            `${counts.sent - counts.ok} out of ${counts.sent}`,
          ],
        },
        { name: `${prefix}_reqs`, cells: [String(counts.sent), rate(counts.sent, windowS)] },
      ],
    },
    {
      title: 'EXECUTION',
      lines: [
        ...(dropped > 0 ? [{ name: 'dropped_iterations', cells: [String(dropped), rate(dropped, windowS)] }] : []),
        { name: 'iterations', cells: [String(first.sent), rate(first.sent, windowS)] },
        ...(closed
          ? [
              gauge('vus', users.at(-1) as number, users),
              gauge('vus_max', run.users_max as number, [run.users_max as number]),
            ]
          : []),
      ],
    },
    {
      // k6 counts whole messages there, we their bodies alone.
      title: 'NETWORK (bodies)',
      lines: [
        { name: 'data_received', cells: [size(bytes.in_bytes), bytesRate(bytes.in_bytes, windowS)] },
        { name: 'data_sent', cells: [size(bytes.out_bytes), bytesRate(bytes.out_bytes, windowS)] },
      ],
    },
  ];
}

function trend(name: string, of: Distribution): Line {
  const cell = (label: string, ms: number | null | undefined) =>
    `${label}=${ms === null || ms === undefined ? '-' : duration(ms)}`;
  return {
    name,
    isTrend: true,
    cells: [
      cell('avg', of.mean_ms),
      cell('min', of.min_ms),
      cell('med', of.p50_ms),
      cell('max', of.max_ms),
      cell('p(90)', of.p90_ms),
      cell('p(95)', of.p95_ms),
    ],
  };
}

function gauge(name: string, last: number, values: readonly number[]): Line {
  const extreme = (pick: (a: number, b: number) => number) => values.reduce((a, b) => pick(a, b));
  return { name, cells: [String(last), `min=${extreme(Math.min)}`, `max=${extreme(Math.max)}`] };
}

/** Lines with names dotted to one width, and cells in columns: one set for durations, one for the rest. */
function metricLines(groups: readonly Group[]): readonly string[] {
  const all = groups.flatMap(({ lines }) => lines);
  const nameWidth = Math.max(...all.map(({ name }) => [...name].length)) + 3;
  const widths = (isTrend: boolean) =>
    all
      .filter((line) => (line.isTrend ?? false) === isTrend)
      .reduce<readonly number[]>(
        (most, { cells }) =>
          Array.from({ length: Math.max(most.length, cells.length) }, (_, column) =>
            Math.max(most[column] ?? 0, cells[column]?.length ?? 0),
          ),
        [],
      );
  const [plainWidths, trendWidths] = [widths(false), widths(true)];
  return groups.flatMap(({ title, lines }, index) => [
    ...(index > 0 ? [''] : []),
    ...(title === '' ? [] : [`    ${title}`]),
    ...lines.map(({ name, cells, isTrend }) => {
      const columns = isTrend ? trendWidths : plainWidths;
      const dotted = name + '.'.repeat(nameWidth - [...name].length);
      return `    ${dotted}: ${cells.map((cell, column) => cell.padEnd(columns[column] as number)).join(' ')}`.trimEnd();
    }),
  ]);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** A share as k6 writes it, with two decimals and cut off: 99.999 % is not 100. */
function percent(share: number | null): string {
  return share === null ? '-' : `${truncated(share * 100, 2).toFixed(2)}%`;
}

function rate(count: number, windowS: number): string {
  return windowS > 0 ? `${Number((count / windowS).toFixed(6))}/s` : '-';
}

/** Milliseconds in the unit that fits, two decimals, cut off: `88.4ms`, `1.05s`, `2m30s`. */
function duration(ms: number): string {
  if (ms === 0) {
    return '0s';
  }
  if (ms < 1) {
    return `${truncated(ms * 1000, 2)}µs`;
  }
  if (ms < 1000) {
    return `${truncated(ms, 2)}ms`;
  }
  const minutes = Math.trunc(ms / 60_000);
  const seconds = `${truncated((ms % 60_000) / 1000, minutes > 0 ? 0 : 2)}s`;
  if (minutes < 1) {
    return seconds;
  }
  const hours = Math.trunc(minutes / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes % 60}m${seconds}`;
}

function truncated(value: number, decimals: number): number {
  // 231.02 · 100 is 23101.999999999996 in doubles: what is a decimal within a millionth of a step is that decimal.
  const steps = value * 10 ** decimals;
  return Math.trunc(steps + 1e-6) / 10 ** decimals;
}

/** Decimal units, one decimal below ten: `512 kB`, `1.8 MB`. */
function size(bytes: number): string {
  if (bytes < 10) {
    return `${truncated(bytes, 0)} B`;
  }
  const step = Math.floor(Math.log10(bytes) / 3);
  const value = Math.round((bytes / 1000 ** step) * 10) / 10;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB', 'PB'][step]}`;
}

function bytesRate(bytes: number, windowS: number): string {
  return windowS > 0 ? `${size(bytes / windowS)}/s` : '-';
}
