import { hlogHead, hlogInterval, PERCENTILE_METHOD } from '../reduce/histogram.js';
import type { Attribution, PerSecondStream, StreamSecond } from '../reduce/per-second-percentiles.js';
import type { PsLine } from '../reduce/percentile-ps.js';
import type { RawSummary } from '../samples/raw-reader.js';
import { US_PER_MS } from '../units.js';
import { VERSION } from '../version.js';

/** Everything that the formats of `infer-bench percentile` show. They give text in parts: a stream may be long. */
export interface PercentileReport {
  readonly by: Attribution;
  readonly population: 'ok' | 'all';
  /** Units per second of the input where it does not name its unit. */
  readonly timeFactor: number;
  /** In (0, 1]. */
  readonly percentiles: readonly number[];
  /** Operations per second instead of percentiles. */
  readonly ops: boolean;
  readonly files: readonly RawSummary[];
  readonly stream: PerSecondStream;
}

/** The name of a percentile's column: `p95_ms`, `p99.9_ms`. */
export function percentileColumn(p: number): string {
  // 0.07 · 100 is 7.000000000000001 in doubles.
  return `p${Number((p * 100).toPrecision(12))}_ms`;
}

/** CSV: one row per second, an empty cell where there is no sample, milliseconds with three decimals. */
export function* percentileCsv(report: PercentileReport): Iterable<string> {
  const { percentiles, ops, stream } = report;
  yield ops ? 'epoch_s,ops\n' : `epoch_s,count,${percentiles.map(percentileColumn).join(',')}\n`;
  for (const second of stream.seconds()) {
    const values = percentilesUs(second, percentiles).map((us) => (us === null ? '' : (us / US_PER_MS).toFixed(3)));
    yield `${[second.epochS, second.count, ...(ops ? [] : values)].join(',')}\n`;
  }
}

/** One JSON object; null where there is no sample. */
export function* percentileJson(report: PercentileReport): Iterable<string> {
  const { percentiles, ops, stream } = report;
  const head = {
    schema: 'infer-bench/percentile/1',
    version: VERSION,
    by: report.by,
    population: report.population,
    time_factor: report.timeFactor,
    ...(ops ? {} : { percentiles, percentile_method: PERCENTILE_METHOD }),
    files: report.files.map((file) => ({
      file: file.file,
      kind: file.kind,
      time_factor: file.timeFactor,
      requests: file.rows,
      failed: file.failed,
      left_out: file.leftOut,
      rejected: file.rejected,
      torn: file.torn,
    })),
  };
  yield `${JSON.stringify(head).slice(0, -1)},"rows":[`;
  let separator = '\n';
  for (const second of stream.seconds()) {
    const values = percentilesUs(second, percentiles).map((us, index) => [
      percentileColumn(percentiles[index] as number),
      us === null ? null : us / US_PER_MS,
    ]);
    const row = ops
      ? { epoch_s: second.epochS, ops: second.count }
      : { epoch_s: second.epochS, count: second.count, ...Object.fromEntries(values) };
    yield `${separator}${JSON.stringify(row)}`;
    separator = ',\n';
  }
  yield '\n]}\n';
}

/** HdrHistogram log: one interval per second that has a sample, readable by other HDR tools. */
export function* percentileHlog(report: PercentileReport): Iterable<string> {
  yield hlogHead(report.stream.firstS ?? 0);
  for (const { epochS, histogram } of report.stream.seconds()) {
    if (histogram) {
      yield hlogInterval(histogram, epochS, epochS + 1);
    }
  }
}

/** The lines of `--compat percentile-ps`: `second,value`, without a header. */
export function* percentilePsText(lines: Iterable<PsLine>): Iterable<string> {
  for (const { second, value } of lines) {
    yield `${second},${value}\n`;
  }
}

function percentilesUs(second: StreamSecond, percentiles: readonly number[]): readonly (number | null)[] {
  return percentiles.map((p) => second.histogram?.percentileUs(p) ?? null);
}
