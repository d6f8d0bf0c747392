import type { Distribution } from '../reduce/distribution.js';
import type { Histogram } from '../reduce/histogram.js';
import type { OutcomeTotals } from '../reduce/outcome-counts.js';
import { safeText } from '../text.js';
import { US_PER_S } from '../units.js';
import type { Results, ResultsReporter } from './results.js';

/** Names and values of a sample's labels. */
export type Labels = Readonly<Record<string, string>>;

/** One figure; a `suffix` for the parts of a summary or histogram; null is no value and no line. */
export interface MetricSample {
  readonly labels?: Labels;
  readonly suffix?: '_sum' | '_count' | '_bucket';
  readonly value: number | null;
}

/** What Prometheus calls a family: figures of one name. Its unit, a base unit, is in the name. */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'summary' | 'histogram';
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

const MS_PER_S = 1000;
const STATUSES = ['VALID', 'SUSPECT', 'INCONCLUSIVE', 'INVALID'] as const;
const QUANTILES = { p50_ms: '0.5', p90_ms: '0.9', p95_ms: '0.95', p99_ms: '0.99', 'p99.9_ms': '0.999' } as const;

/** `metrics.prom`: the run in Prometheus' text format 0.0.4, for a textfile collector or a push gateway. */
export const prometheus: ResultsReporter = (results) => expositionText(familiesOf(results));

/** Families as text. What has no value has no line, and a family without a line has no head. Source: Prometheus' exposition formats. */
export function expositionText(families: readonly MetricFamily[]): string {
  return families
    .flatMap(({ name, type, help, samples }) => {
      const lines = samples
        .filter(({ value }) => value !== null)
        .map(
          ({ labels = {}, suffix = '', value }) =>
            `${name}${suffix}${labelText(labels)} ${valueText(value as number)}\n`,
        );
      return lines.length === 0 ? [] : [`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, ...lines];
    })
    .join('');
}

function familiesOf(results: Results): readonly MetricFamily[] {
  const { report, endpoints, byEndpoint } = results;
  const { run, verdict, rates, bytes, thresholds, generator } = report;
  const parts =
    report.endpoints.length > 0
      ? report.endpoints
      : [{ ...report, endpoint: endpoints[0] ?? run.endpoint, error_ratio: rates.error_ratio }];
  const gauge = (name: string, help: string, value: number | null, labels: Labels = {}): MetricFamily => ({
    name: `infer_bench_${name}`,
    type: 'gauge',
    help,
    samples: [{ value, labels }],
  });
  const seconds = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : ms / MS_PER_S);
  const summary = (
    name: string,
    help: string,
    each: readonly (readonly [Labels, Distribution, Pick<Histogram, 'sumUs'>?])[],
  ): MetricFamily => ({
    name: `infer_bench_${name}_seconds`,
    type: 'summary',
    help,
    samples: each.flatMap(([labels, of, whole]) => [
      ...Object.entries(QUANTILES).map(([field, quantile]) => ({
        labels: { ...labels, quantile },
        value: seconds(of[field as keyof typeof QUANTILES]),
      })),
      { labels, suffix: '_sum' as const, value: whole ? whole.sumUs / US_PER_S : null },
      { labels, suffix: '_count' as const, value: of.n },
    ]),
  });
  /** Of streamed answers; of these the mean alone is kept, which is no sum. */
  const ofTokens = (name: string, help: string, of: Distribution | undefined) =>
    summary(name, help, of && of.n > 0 ? [[{}, of]] : []);
  const times = (metric: 'latency' | 'service_time', histogram: 'latency' | 'serviceTime') =>
    parts.map(
      ({ endpoint, [metric]: of }, index) =>
        [{ endpoint }, of, (byEndpoint[index] as (typeof byEndpoint)[number])[histogram]] as const,
    );
  return [
    gauge('run_info', 'What the run was; the value is always 1.', 1, {
      version: report.version,
      protocol: run.protocol,
      pattern: run.pattern,
      model: run.model,
      url: run.url,
      dataset: run.dataset,
      batch: String(run.batch),
      seed: String(run.seed),
    }),
    gauge('run_start_time_seconds', 'When the run began, since the epoch.', Date.parse(run.started_at) / MS_PER_S),
    gauge('run_window_seconds', 'Length of the measured window.', rates.window_s),
    {
      name: 'infer_bench_verdict',
      type: 'gauge',
      help: 'Whether the measurement can be trusted: 1 at the verdict, 0 at the others.',
      samples: STATUSES.map((status) => ({ labels: { status }, value: Number(verdict.status === status) })),
    },
    {
      name: 'infer_bench_threshold_passed',
      type: 'gauge',
      help: 'Whether a threshold was met.',
      samples: distinct(thresholds.map(({ expression }) => expression)).map((expression) => ({
        labels: { expression },
        value: Number(thresholds.every((one) => one.expression !== expression || one.pass)),
      })),
    },
    {
      name: 'infer_bench_requests_total',
      type: 'counter',
      help: 'Planned requests by how they ended, without the warm-up.',
      samples: parts.flatMap(({ endpoint, counts }) => resultCounts(endpoint, counts)),
    },
    {
      name: 'infer_bench_failures_total',
      type: 'counter',
      help: 'Requests that did not succeed, by outcome.',
      samples: parts.flatMap(({ endpoint, failures }) =>
        failures.map(({ outcome, origin, count }) => ({
          labels: { endpoint, outcome, origin: origin ?? 'none' },
          value: count,
        })),
      ),
    },
    {
      name: 'infer_bench_error_ratio',
      type: 'gauge',
      help: 'What target or network failed over what was sent to them.',
      samples: parts.map(({ endpoint, error_ratio }) => ({ labels: { endpoint }, value: error_ratio })),
    },
    gauge(
      'ok_requests_per_second',
      'Requests that succeeded in the measured window, per second of it.',
      rates.ok_per_s,
    ),
    gauge('sent_requests_per_second', 'Requests sent, per second of the measured window.', rates.sent_per_s),
    gauge('in_flight_requests', 'Time-weighted mean of the requests in flight.', rates.in_flight_mean),
    summary('latency', 'End minus intended start of ok requests.', times('latency', 'latency')),
    summary('service_time', 'End minus start of ok requests.', times('service_time', 'serviceTime')),
    summary('lag', 'Start minus intended start of all that was sent.', [[{}, report.lag, results.lag]]),
    ofTokens('ttft', 'First chunk with content minus intended start.', report.tokens?.ttft),
    ofTokens('itl_chunk', 'Gaps between chunks with content.', report.tokens?.itl_chunk),
    ofTokens('tpot', 'Time per output token after the first, one value per answer.', report.tokens?.tpot),
    {
      name: 'infer_bench_body_bytes_total',
      type: 'counter',
      help: 'Bytes of bodies, by direction.',
      samples: [
        { labels: { direction: 'out' }, value: bytes.out_bytes },
        { labels: { direction: 'in' }, value: bytes.in_bytes },
      ],
    },
    {
      name: 'infer_bench_tokens_total',
      type: 'counter',
      help: 'Generated tokens by the count of the server.',
      samples: [{ value: report.tokens?.tokens_out_n ?? null }],
    },
    gauge('generator_cpu_ratio', 'CPU time of the generator over time; 1 is a whole core.', generator.cpu_ratio),
    gauge(
      'generator_loop_delay_seconds',
      'How late its event loop came round, 99th percentile of its worst second.',
      seconds(generator.loop_delay_p99_ms),
    ),
  ];
}

function resultCounts(endpoint: string, counts: OutcomeTotals): readonly MetricSample[] {
  const { ok, failed, abandoned, dropped, not_sent } = counts;
  return Object.entries({ ok, failed, abandoned, dropped, not_sent }).map(([result, value]) => ({
    labels: { endpoint, result },
    value,
  }));
}

/** Two samples of the same labels are an error: thresholds that are written alike are one. */
function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function labelText(labels: Labels): string {
  const cells = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${safeText(value).replace(/[\\"\n]/g, (mark) => (mark === '\n' ? '\\n' : `\\${mark}`))}"`,
  );
  return cells.length === 0 ? '' : `{${cells.join(',')}}`;
}

/** What is behind fifteen digits is the rounding of doubles. */
function valueText(value: number): string {
  return String(Number(value.toPrecision(15)));
}
