import type { PlotLimit, PlotSeries, PlotSpec, PlotZone } from '#page';
import { safeText } from '../text.js';
import { formatMs, groupDigits } from '../units.js';
import type { ThresholdResult } from '../verdicts/threshold-result.js';
import { bins, spectrum } from './html-distribution.js';
import { html, inertJson, type Markup, NOTHING, trusted } from './html-text.js';
import { type TimeWindow, type TimeWindows, timeWindows } from './html-windows.js';
import type { RunFacts } from './report.js';
import type { Results } from './results.js';

/** A column of a plot's table: the first is x. A plot draws what its table shows, so that there is one source of both. */
interface Column<Row> {
  /** Head of the table, unit included. */
  readonly head: string;
  readonly cell: (row: Row) => number | null;
  /** How it is drawn; a column without is only in the table. */
  readonly line?: Omit<PlotSeries, 'column'>;
}

interface Plot<Row> extends Pick<PlotSpec, 'kind' | 'unit'>, Partial<Omit<PlotSpec, 'kind' | 'unit' | 'series'>> {
  readonly id: string;
  readonly title: string;
  /** What it shows, for those who see it and for those who do not. */
  readonly summary: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Below the plot: what its figures are of. */
  readonly note: string;
}

const SOLID: readonly number[] = [];
const LONG = [10, 4];
const SHORT = [4, 3];
const DOT_DASH = [10, 3, 2, 3];
const DOTS = [2, 3];

function line(label: string, color: PlotSeries['color'], dash = SOLID, filled = false): Omit<PlotSeries, 'column'> {
  return { label, color, dash, filled };
}

/** All plots over the time of the run, and a note on what a point of them is. */
export function timePlots(results: Results): { readonly plots: readonly Markup[]; readonly note: string } {
  const windows = timeWindows(results);
  const { run, thresholds } = results.report;
  const load = loadOf(results);
  const zones = asides(load);
  const failing = missedWindows(results);
  const given = { windows, load, zones, thresholds };
  return {
    plots: [
      latencyPlot(given, failing),
      requestsPlot(given, run),
      loadPlot(given, run),
      windows.rows.some(({ failed, dropped }) => failed + dropped > 0) ? failuresPlot(given) : NOTHING,
      run.model === 'open' ? lagPlot(given) : NOTHING,
      results.generator.length > 0 ? generatorPlot(given) : NOTHING,
    ].filter((plot) => plot !== NOTHING),
    note:
      windows.lengthS === 1
        ? 'Each point is one second. A gap is a second in which nothing succeeded.'
        : `Each point and row is ${windows.lengthS} seconds of the ${groupDigits(results.seconds.length)} of this run: counts are ` +
          'means per second, percentiles come from the merged histograms of those seconds. Every single second is in per_second.csv.',
  };
}

interface Given {
  readonly windows: TimeWindows;
  readonly load: LoadTimes;
  readonly zones: readonly PlotZone[];
  readonly thresholds: readonly ThresholdResult[];
}

type TimePlot = Omit<Plot<TimeWindow>, 'kind' | 'rows' | 'columns'> & {
  readonly columns: readonly Column<TimeWindow>[];
};

function timePlot({ windows, zones }: Given, plot: TimePlot): Markup {
  const firstS = windows.rows[0]?.epoch_s ?? 0;
  return plotMarkup({
    zones,
    ...plot,
    kind: 'time',
    rows: windows.rows,
    columns: [{ head: 'time, s', cell: ({ epoch_s }) => epoch_s - firstS }, ...plot.columns],
  });
}

function latencyPlot(given: Given, failing: readonly PlotZone[]): Markup {
  const rows = countedRows(given);
  return timePlot(given, {
    id: 'latency',
    title: 'Latency',
    unit: 'ms',
    canLogY: true,
    limits: limitsOf(given.thresholds, ['latency', 'service_time']),
    zones: [...given.zones, ...failing],
    summary: summaryOf(rows, 'ms', [
      ['p50', ({ p50_ms }) => p50_ms],
      ['p99', ({ p99_ms }) => p99_ms],
      ['max', ({ max_ms }) => max_ms],
    ]),
    note: `End − intended start of requests that succeeded, in the second in which they ended. Service time counts from the real start.${
      given.load.countedS > given.load.fromS ? ' The axis fits what is counted: the warm-up may reach beyond it.' : ''
    }`,
    columns: [
      { head: 'n ok', cell: ({ ok }) => ok },
      { head: 'p50, ms', cell: ({ p50_ms }) => p50_ms, line: line('p50', 'blue') },
      { head: 'p90, ms', cell: ({ p90_ms }) => p90_ms, line: line('p90', 'green', LONG) },
      { head: 'p95, ms', cell: ({ p95_ms }) => p95_ms, line: line('p95', 'orange', SHORT) },
      { head: 'p99, ms', cell: ({ p99_ms }) => p99_ms, line: line('p99', 'magenta', DOT_DASH) },
      { head: 'max, ms', cell: ({ max_ms }) => max_ms, line: line('max', 'gray', DOTS) },
      { head: 'service p95, ms', cell: (row) => row.service_p95_ms, line: line('service p95', 'purple', [1, 4]) },
    ],
  });
}

function requestsPlot(given: Given, { model }: RunFacts): Markup {
  const { lengthS } = given.windows;
  const { rows } = given.windows;
  const full = fullRows(given);
  const isFilled = full.length === loadRows(given).length;
  const perS = (of: (row: TimeWindow) => number) => (row: TimeWindow) => round(of(row) / lengthS);
  const open = model === 'open';
  return timePlot(given, {
    id: 'requests',
    title: 'Requests',
    unit: '/s',
    limits: limitsOf(given.thresholds, ['throughput', 'goodput']),
    summary: summaryOf(
      full.length > 0 ? full : rows,
      'per second',
      [
        ...(open ? [['scheduled', perS(({ planned }) => planned)] as const] : []),
        ['sent', perS(({ sent }) => sent)],
        ['completed', perS(({ completed }) => completed)],
      ],
      full.length > 0 ? ` in full ${lengthS === 1 ? 'seconds' : 'windows'} of the load` : '',
    ),
    note: `${
      open
        ? 'Scheduled by intended start, sent by real start, completed by end, failures included. Where the lines part, the load was not kept or the target fell behind.'
        : 'Sent by start, completed by end, failures included. A closed loop sends a request when a user is ready: there is no schedule to part from.'
    }${isFilled ? '' : ` The load fills its first or last ${lengthS === 1 ? 'second' : 'window'} only in part.`}`,
    columns: [
      ...(open
        ? [{ head: 'scheduled, /s', cell: perS(({ planned }) => planned), line: line('scheduled', 'gray', LONG) }]
        : []),
      { head: 'sent, /s', cell: perS(({ sent }) => sent), line: line('sent', 'orange', SHORT) },
      { head: 'completed, /s', cell: perS(({ completed }) => completed), line: line('completed', 'blue') },
    ],
  });
}

function loadPlot(given: Given, { model }: RunFacts): Markup {
  const { lengthS } = given.windows;
  const rows = countedRows(given);
  const closed = model === 'closed';
  return timePlot(given, {
    id: 'load',
    title: closed ? 'Users and requests in flight' : 'Requests in flight',
    unit: '',
    summary: summaryOf(rows, '', [
      ...(closed ? [['users', ({ users }: TimeWindow) => users] as const] : []),
      ['in flight', ({ in_flight }) => in_flight],
    ]),
    note: `At the end of each ${lengthS === 1 ? 'second' : `${lengthS} s`}.`,
    columns: [
      ...(closed
        ? [{ head: 'users', cell: ({ users }: TimeWindow) => users, line: line('users', 'purple', LONG) }]
        : []),
      { head: 'in flight', cell: ({ in_flight }) => in_flight, line: line('in flight', 'green') },
    ],
  });
}

function failuresPlot(given: Given): Markup {
  const { lengthS, rows } = given.windows;
  const perS = (of: (row: TimeWindow) => number) => (row: TimeWindow) => round(of(row) / lengthS);
  return timePlot(given, {
    id: 'failures',
    title: 'Failed and dropped requests',
    unit: '/s',
    summary: summaryOf(rows, 'per second', [
      ['failed', perS(({ failed }) => failed)],
      ['dropped', perS(({ dropped }) => dropped)],
    ]),
    note: 'Failed in the second in which they ended, abandoned ones included; dropped at the cap of requests in flight, in the second in which they were due.',
    columns: [
      { head: 'failed, /s', cell: perS(({ failed }) => failed), line: line('failed', 'red', SOLID, true) },
      { head: 'dropped, /s', cell: perS(({ dropped }) => dropped), line: line('dropped', 'orange', LONG) },
    ],
  });
}

function lagPlot(given: Given): Markup {
  const { lengthS } = given.windows;
  const worst = lengthS === 1 ? '' : ', worst second';
  return timePlot(given, {
    id: 'lag',
    title: 'Lag of the generator',
    unit: 'ms',
    canLogY: true,
    limits: limitsOf(given.thresholds, ['lag']),
    summary: summaryOf(countedRows(given), 'ms', [
      ['p99', ({ lag_p99_ms }) => lag_p99_ms],
      ['max', ({ lag_max_ms }) => lag_max_ms],
    ]),
    note: 'Start − intended start of everything that was sent: how late this program was, waiting for a free connection included. It is part of latency.',
    columns: [
      { head: `lag p50${worst}, ms`, cell: ({ lag_p50_ms }) => lag_p50_ms, line: line('p50', 'blue') },
      { head: `lag p99${worst}, ms`, cell: ({ lag_p99_ms }) => lag_p99_ms, line: line('p99', 'magenta', DOT_DASH) },
      { head: 'lag max, ms', cell: ({ lag_max_ms }) => lag_max_ms, line: line('max', 'gray', DOTS) },
    ],
  });
}

function generatorPlot(given: Given): Markup {
  const { lengthS, rows } = given.windows;
  return timePlot(given, {
    id: 'generator',
    title: 'The generator itself',
    unit: 'ms',
    summary: summaryOf(rows, 'ms', [
      ['loop delay p99', (row) => row.loop_delay_p99_ms],
      ['garbage collection', ({ gc_ms }) => gc_ms],
    ]),
    note: 'How late its event loop came round, and its time in garbage collection. What is slow here must not be blamed on the target.',
    columns: [
      {
        head: `loop delay p99${lengthS === 1 ? '' : ', worst second'}, ms`,
        cell: (row) => rounded(row.loop_delay_p99_ms),
        line: line('loop delay p99', 'blue'),
      },
      {
        head: `garbage collection, ms in ${lengthS} s`,
        cell: ({ gc_ms }) => rounded(gc_ms),
        line: line('garbage collection', 'orange', SHORT),
      },
    ],
  });
}

/** Percentile spectrum and histogram of the whole run. */
export function distributionPlots(results: Results): readonly Markup[] {
  const points = spectrum(results);
  const histogram = bins(results);
  if (points.length === 0) {
    return [];
  }
  const { latency, latency_all_inf: allInf, service_time: service, thresholds } = results.report;
  const perRequest = thresholds.filter(({ windows }) => windows === null);
  const ofN = counted(latency.n, 'request');
  return [
    plotMarkup({
      id: 'spectrum',
      kind: 'spectrum',
      title: 'Percentile spectrum',
      unit: 'ms',
      canLogY: true,
      logX: true,
      limits: limitsOf(perRequest, ['latency', 'service_time']),
      summary:
        `Latency of ${ofN}: p50 ${formatMs(latency.p50_ms)}, p90 ${formatMs(latency.p90_ms)}, p99 ${formatMs(latency.p99_ms)}, ` +
        `p99.9 ${formatMs(latency['p99.9_ms'])}, max ${formatMs(latency.max_ms)} ms; service time p50 ${formatMs(service.p50_ms)}, ` +
        `p99 ${formatMs(service.p99_ms)}, max ${formatMs(service.max_ms)} ms.`,
      note:
        'Each further nine takes the same room, so the tail is seen as well as the middle.' +
        (allInf.infinite_n > 0
          ? ` With failures: ${groupDigits(allInf.infinite_n)} failed or dropped requests count as never answered, and the line ends where they begin.`
          : ''),
      rows: points,
      columns: [
        { head: 'percentile', cell: ({ p }) => Number((100 * p).toPrecision(9)) },
        { head: '1/(1 − p)', cell: ({ p }) => Number((1 / (1 - p)).toPrecision(6)) },
        { head: 'latency, ms', cell: ({ latencyMs }) => latencyMs, line: line('latency', 'blue') },
        { head: 'service time, ms', cell: ({ serviceMs }) => serviceMs, line: line('service time', 'purple', SHORT) },
        ...(allInf.infinite_n > 0
          ? [
              {
                head: 'latency with failures, ms',
                cell: ({ allInfMs }: (typeof points)[number]) => allInfMs,
                line: line('with failures', 'red', LONG),
              },
            ]
          : []),
      ],
      x: 1,
    }),
    plotMarkup({
      id: 'histogram',
      kind: 'bins',
      title: 'Histogram',
      unit: '',
      logX: histogram.isLog,
      summary: `${ofN} by latency, in ${counted(histogram.bins.length, 'bin')} from ${formatMs(latency.min_ms)} to ${formatMs(latency.max_ms)} ms.`,
      note: `Requests in each bin${histogram.isLog ? '; the bins grow by the same factor' : ''}.`,
      rows: histogram.bins,
      columns: [
        { head: 'from, ms', cell: ({ fromMs }) => round(fromMs) },
        { head: 'to, ms', cell: ({ toMs }) => round(toMs) },
        { head: 'latency, n', cell: (bin) => bin.latency, line: line('latency', 'blue', SOLID, true) },
        { head: 'service time, n', cell: (bin) => bin.service, line: line('service time', 'purple', SHORT) },
      ],
    }),
  ];
}

/** A figure: its title, the place where the script draws, what it says in words, and the table that it draws. */
function plotMarkup<Row>({ id, title, summary, note, columns, rows, ...plot }: Plot<Row>): Markup {
  const spec: PlotSpec = {
    x: 0,
    limits: [],
    zones: [],
    canLogY: false,
    logX: false,
    ...plot,
    series: columns.flatMap(({ line: own }, column) => (own ? [{ ...own, column }] : [])),
  };
  const body = rows.map((row) => `<tr>${columns.map(({ cell }) => `<td>${cell(row) ?? ''}`).join('')}`).join('\n');
  return html`<figure class="plot" id="plot-${id}">
<h3 id="title-${id}">${title}</h3>
<div class="drawing" role="img" tabindex="0" aria-labelledby="title-${id}" aria-describedby="summary-${id}"></div>
<figcaption><span id="summary-${id}">${summary}</span> <span class="note">${note}</span></figcaption>
<script type="application/json">${inertJson(spec)}</script>
<details><summary>Data of “${title}”, ${counted(rows.length, 'row')}</summary>
<div class="scroll" role="region" tabindex="0" aria-label="Data of ${title}"><table class="numbers">
<thead><tr>${columns.map(({ head }) => html`<th scope="col">${head}`)}</thead>
<tbody>${trusted(body)}</tbody></table></div></details>
</figure>`;
}

/** The range of each series in one sentence. */
function summaryOf<Row>(
  rows: readonly Row[],
  unit: string,
  series: readonly (readonly [name: string, of: (row: Row) => number | null])[],
  where = '',
): string {
  const parts = series.flatMap(([name, of]) => {
    const values = rows.map(of).filter((value) => value !== null);
    if (values.length === 0) {
      return [];
    }
    const low = values.reduce((least, value) => Math.min(least, value));
    const high = values.reduce((highest, value) => Math.max(highest, value));
    return [low === high ? `${name} ${short(low)}` : `${name} ${short(low)} to ${short(high)}`];
  });
  return parts.length === 0 ? 'Nothing was measured.' : `Ranges${where}: ${parts.join(', ')}${unit && ` ${unit}`}.`;
}

function counted(count: number, thing: string): string {
  return `${groupDigits(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** A number for a sentence: three digits are enough. */
function short(value: number): string {
  return value >= 100 ? groupDigits(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function rounded(value: number | null): number | null {
  return value === null ? null : round(value);
}

/** The limits that can be drawn across a plot of these metrics. */
function limitsOf(thresholds: readonly ThresholdResult[], metrics: readonly string[]): readonly PlotLimit[] {
  return thresholds
    .filter(({ metric, unit }) => metrics.includes(metric) && unit !== 'count' && unit !== 'ratio')
    .map(({ expression, limit, aggregation, state }) => {
      const percent = Number(/^p\((\d+(?:\.\d+)?)\)$/.exec(aggregation)?.[1]);
      const at = percent < 100 ? Number((1 / (1 - percent / 100)).toPrecision(6)) : null;
      return { label: safeText(expression, Number.POSITIVE_INFINITY), value: limit, at, failed: state === 'fail' };
    });
}

/** When the load was, in seconds on the axis of the plots: from its first second. */
interface LoadTimes {
  readonly fromS: number;
  /** Where the warm-up ends and what is counted begins. */
  readonly countedS: number;
  readonly toS: number;
  /** End of the last second with a row. */
  readonly lastS: number;
}

function loadOf({ report: { run, rates }, seconds }: Results): LoadTimes {
  const first = seconds[0]?.epoch_s ?? 0;
  const fromS = Date.parse(run.started_at) / 1000 - first;
  const countedS = fromS + run.warmup_s;
  return { fromS, countedS, toS: countedS + rates.window_s, lastS: (seconds.at(-1)?.epoch_s ?? first) + 1 - first };
}

/** The warm-up, which is in no figure, and the drain, in which what was due before is still answered. */
function asides({ fromS, countedS, toS, lastS }: LoadTimes): readonly PlotZone[] {
  return [
    ...(countedS > fromS ? [{ label: 'warm-up, not counted', from: 0, to: countedS, kind: 'uncounted' } as const] : []),
    ...(lastS - toS >= 1 ? [{ label: 'after the load', from: toS, to: lastS, kind: 'aside' } as const] : []),
  ];
}

/** The rows that are not of the warm-up alone. */
function countedRows(given: Given): readonly TimeWindow[] {
  return rowsWhere(given, (_fromS, toS) => toS > given.load.countedS);
}

/** The rows with a part of the load. */
function loadRows(given: Given): readonly TimeWindow[] {
  return rowsWhere(given, (fromS, toS) => toS > given.load.fromS && fromS < given.load.toS);
}

/** The rows that the load fills from their beginning to their end: only these say how much it was per second. */
function fullRows(given: Given): readonly TimeWindow[] {
  return rowsWhere(given, (fromS, toS) => fromS >= given.load.fromS && toS <= given.load.toS);
}

function rowsWhere(
  { windows: { rows, lengthS } }: Given,
  holds: (fromS: number, toS: number) => boolean,
): readonly TimeWindow[] {
  const first = rows[0]?.epoch_s ?? 0;
  return rows.filter(({ epoch_s }) => holds(epoch_s - first, epoch_s - first + lengthS));
}

/** Windows in which a threshold on latency was missed. */
function missedWindows({ report: { thresholds }, seconds }: Results): readonly PlotZone[] {
  const first = seconds[0]?.epoch_s ?? 0;
  return thresholds.flatMap(({ metric, windows }) =>
    metric === 'latency' && windows
      ? windows.violated_at_epoch_s.map((epochS) => ({
          label: 'window that missed its threshold',
          from: epochS - first,
          to: epochS - first + windows.window_s,
          kind: 'missed' as const,
        }))
      : [],
  );
}
