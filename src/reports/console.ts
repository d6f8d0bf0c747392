import { stripVTControlCharacters, styleText } from 'node:util';
import { type Distribution, SUMMARY_PERCENTILES } from '../reduce/distribution.js';
import type { GeneratorTotals } from '../reduce/generator-totals.js';
import type { FailureCause } from '../reduce/outcome-counts.js';
import type { ServerShare } from '../reduce/server-share.js';
import type { PhaseTotals } from '../reduce/summary.js';
import type { TokenTotals } from '../reduce/tokens.js';
import { inert } from '../text.js';
import { formatBytes, formatMs, formatPercent, groupDigits } from '../units.js';
import type { Status } from '../verdicts/validity.js';
import { evidence, starred } from './evidence.js';
import { plainTable, wrap } from './layout.js';
import type { Report, RunFacts } from './report.js';
import type { ResultsReporter } from './results.js';
import { thresholdLines } from './threshold-lines.js';

const COLORS = { VALID: 'green', SUSPECT: 'yellow', INVALID: 'red', INCONCLUSIVE: 'yellow' } as const;

const MARK_COLORS = { pass: 'green', fail: 'red', no_data: 'red', inconclusive: 'yellow' } as const;

/** Longer names would make the table of latencies wider than the screen. */
const NAME_WIDTH = 'until failure'.length;

/** The summary at the end of a run: 80 columns, readable without colour. */
export const consoleText: ResultsReporter = (results) => plain(consoleColored(results));

/** The same with the verdict and failures coloured. */
export const consoleColored: ResultsReporter = (results) => {
  // A run directory is a file as any other: what is printed of it must not move the cursor.
  const report = inert(results.report);
  return `${[
    [headline(report), ...(report.verdict.reasons.length > 0 ? [reasons(report)] : [])].join('\n'),
    ...(report.thresholds.length > 0
      ? [thresholdLines(report.thresholds, (mark, state) => styleText(MARK_COLORS[state], mark))]
      : []),
    counts(report),
    [latencies(report), ...evidence(report).map((line) => wrap(line))].join('\n'),
    ...(report.server_side ? [serverSide(report.server_side)] : []),
    ...(report.failures.length > 0 ? [failures(report.failures)] : []),
    ...report.notes.map((note) => wrap(note)),
    files(report),
  ].join('\n\n')}\n`;
};

function headline({ verdict, run }: Report): string {
  const where = run.embedded_server ? `${run.url} (embedded server)` : run.url;
  const level = run.model === 'open' ? `${Number(run.rate_max_per_s?.toFixed(2))}/s` : users(run.users_max ?? 0);
  const length = `${run.duration_s} s, up to ${level}`;
  return [
    `${paint(verdict.status)}  ${run.protocol} · ${run.pattern} · ${length}`,
    `  ${where} · ${run.dataset} · batch ${run.batch} · seed ${run.seed}`,
    ...(run.insecure ? ["  --insecure: the server's certificate was not verified"] : []),
  ].join('\n');
}

/** How the generator fared, in one line. */
function client({ pacing, workers }: RunFacts, of: GeneratorTotals): string {
  const parts = [
    ...(pacing === null ? [] : [`${pacing} pacing`]),
    ...(workers > 1 ? [`${workers} workers`] : []),
    `CPU ${of.cpu_ratio?.toFixed(2) ?? '-'} of a core`,
    `loop ${formatMs(of.loop_delay_p99_ms)} ms late`,
    `GC ${Math.round(of.gc_ms)} ms`,
    ...(of.handshakes_n > 0 ? [`${groupDigits(of.handshakes_n)} handshakes`] : []),
  ];
  return parts.join(', ');
}

/** How many payloads went out, or how often each: once round the pool in the plain orders, by the share that was met in the others. */
function repeats({ repeats: { requests_n: sent, repeated_ratio: ratio }, run }: Report): string {
  const share = formatPercent(ratio);
  if (run.data_order !== 'repeat' && run.data_order !== 'zipf') {
    if (sent < run.payloads) {
      return `${groupDigits(sent)} of them sent`;
    }
    const times = sent / run.payloads;
    const each = times >= 10 ? groupDigits(Math.round(times)) : times.toFixed(1);
    return `each sent ${each} times`;
  }
  const asked = run.repeat_rate_ratio === null ? '' : `, asked ${formatPercent(run.repeat_rate_ratio)}`;
  return `${run.data_order === 'zipf' ? 'zipf order, ' : ''}${share} repeats${asked}`;
}

function users(count: number): string {
  return `${count} ${count === 1 ? 'user' : 'users'}`;
}

function counts(report: Report): string {
  const {
    counts: all,
    rates,
    bytes,
    run,
    calibration,
    generator,
    endpoints,
    cache,
    tokens,
    correct_rate: correct,
  } = report;
  const errors = formatPercent(rates.error_ratio);
  const parts = [
    `${groupDigits(all.ok)} ok`,
    `${groupDigits(all.failed)} failed`,
    `${groupDigits(all.abandoned)} abandoned`,
  ];
  const items = run.batch > 1 ? `${rates.ok_items_per_s.toFixed(1)} items ok/s, ` : '';
  return [
    `  requests  ${groupDigits(all.sent)} sent: ${parts.join(', ')} (errors ${errors})`,
    ...endpoints.map(
      ({ endpoint, counts: own, error_ratio }) =>
        `            ${endpoint} ${groupDigits(own.sent)} sent: ${groupDigits(own.ok)} ok (errors ${formatPercent(error_ratio)})`,
    ),
    ...(all.warmup > 0 ? [`            ${groupDigits(all.warmup)} more in the warm-up, in no figure below`] : []),
    ...(all.dropped + all.not_sent > 0
      ? [
          `            ${groupDigits(all.dropped)} dropped at the in-flight cap, ${groupDigits(all.not_sent)} not sent after the stop`,
        ]
      : []),
    `  rate      ${run.model === 'open' ? `${rates.offered_per_s.toFixed(1)} due/s, ` : ''}` +
      `${rates.sent_per_s.toFixed(1)} sent/s, ${rates.ok_per_s.toFixed(1)} ok/s over ${Number(rates.window_s.toFixed(1))} s`,
    `            ${items}${rates.in_flight_mean.toFixed(2)} in flight`,
    ...(correct === null ? [] : [`  answers   ${(correct * 100).toFixed(2)} % right of those that were compared`]),
    ...(report.goodput
      ? [
          `  goodput   ${report.goodput.good_per_s.toFixed(1)} good/s, ${formatPercent(report.goodput.good_ratio)} of what was due`,
        ]
      : []),
    ...(calibration?.headroom_ratio
      ? [
          `  headroom  ${calibration.headroom_ratio.toFixed(1)} x: this machine keeps ` +
            `${groupDigits(Math.round(calibration.ceiling_per_s))}/s (calibrated ${calibration.calibrated_at.slice(0, 10)})`,
        ]
      : []),
    ...(tokens === null ? [] : [tokenLine(tokens)]),
    `  bodies    ${formatBytes(bytes.out_bytes)} out, ${formatBytes(bytes.in_bytes)} in`,
    `  payloads  ${groupDigits(run.payloads)} distinct, ${formatBytes(run.payload_bytes)}, ${repeats(report)}`,
    ...(cache
      ? [
          `  cache     ${formatPercent(cache.hit_ratio)} hits: ${groupDigits(cache.hit.n)} of ${groupDigits(cache.hit.n + cache.miss.n)}`,
        ]
      : []),
    ...(report.phases ? [phaseLine(report.phases)] : []),
    `  client    ${wrap(client(run, generator), ' '.repeat(12)).trimStart()}`,
  ].join('\n');
}

/** Where the time of an answer went, on average. */
function phaseLine({ lag_mean_ms, wait_mean_ms, receive_mean_ms }: PhaseTotals): string {
  const parts = [
    `${formatMs(lag_mean_ms)} ms until sent`,
    `${formatMs(wait_mean_ms)} to first byte`,
    `${formatMs(receive_mean_ms)} to last`,
  ];
  return `  time      ${parts.join(', ')} (mean)`;
}

function tokenLine({ counted_n, tokens_out_n, tokens_out_per_s, per_request, ...more }: TokenTotals): string {
  const parts =
    counted_n === 0
      ? ['not counted by the server']
      : [
          `${groupDigits(tokens_out_n)} out`,
          `${tokens_out_per_s.toFixed(1)} out/s`,
          ...(per_request.mean_per_s === null ? [] : [`${per_request.mean_per_s.toFixed(1)}/s per request`]),
          ...(more.tokens_per_chunk_mean === null ? [] : [`${more.tokens_per_chunk_mean.toFixed(2)} per chunk`]),
        ];
  return `  tokens    ${wrap(parts.join(', '), ' '.repeat(12)).trimStart()}`;
}

function latencies(report: Report): string {
  const table = plainTable(['ms', 'n', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'], 1);
  const row = (name: string, of: Distribution) =>
    table.push([
      name,
      groupDigits(of.n),
      formatMs(of.mean_ms),
      ...SUMMARY_PERCENTILES.map((p) => starred(of, p)),
      formatMs(of.max_ms),
    ]);
  row('latency', report.latency);
  if (report.run.batch > 1) {
    row('per item', report.latency_per_item);
  }
  row('service time', report.service_time);
  if (report.client_pauses) {
    row('  no pauses', report.client_pauses.latency_without);
  }
  if (report.run.model === 'open') {
    row('lag', report.lag);
  }
  for (const { endpoint, latency } of report.endpoints) {
    row(`  ${endpoint}`.slice(0, NAME_WIDTH), latency);
  }
  if (report.cache) {
    row('  cache hit', report.cache.hit.latency);
    row('  cache miss', report.cache.miss.latency);
  }
  if (report.tokens) {
    const { ttft, itl_chunk, tpot, ntpot } = report.tokens;
    const named = { TTFT: ttft, itl_chunk, TPOT: tpot, NTPOT: ntpot };
    for (const [name, of] of Object.entries(named).filter(([, { n }]) => n > 0)) {
      row(name, of);
    }
  }
  if (report.time_to_failure.n > 0) {
    row('until failure', report.time_to_failure);
  }
  return table.toString();
}

/** Where the server says that the time went. */
function serverSide(of: ServerShare): string {
  const parts = [
    `queue ${formatMs(of.queue_mean_ms)}`,
    `input ${formatMs(of.compute_input_mean_ms)}`,
    `infer ${formatMs(of.compute_infer_mean_ms)}`,
    `output ${formatMs(of.compute_output_mean_ms)}`,
    ...(of.cache_hits_n + of.cache_misses_n > 0 ? [`cache ${formatMs(of.cache_mean_ms)}`] : []),
    `rest ${formatMs(of.rest_mean_ms)} ms`,
  ];
  const text =
    `${parts.join(', ')}: means of its own ${groupDigits(of.success_n)} requests, ` +
    `${of.batch_mean?.toFixed(2) ?? '-'} items per execution` +
    (of.cache_hits_n > 0 ? `, ${groupDigits(of.cache_hits_n)} answered by its cache` : '');
  return `  server    ${wrap(text, ' '.repeat(12)).trimStart()}`;
}

function failures(causes: readonly FailureCause[]): string {
  const table = plainTable(['failed', 'origin', 'n', 'for example'], 0, [24, 9, 9, 33]);
  for (const { outcome, origin, count, example } of causes) {
    table.push([outcome, origin ?? '-', { content: groupDigits(count), hAlign: 'right' }, example ?? '-']);
  }
  return table.toString();
}

function reasons({ verdict }: Report): string {
  return verdict.reasons
    .map(({ code, status, message, advice, seconds_n }, index) =>
      wrap(`${index + 1}. ${status} ${code}: ${message}${secondsOf(seconds_n)}. To do: ${advice}.`),
    )
    .join('\n');
}

function secondsOf(count: number | null): string {
  return count === null ? '' : ` (in ${count} ${count === 1 ? 'second' : 'seconds'})`;
}

function files({ run }: Report): string {
  return [`  files in ${run.directory}`, wrap(run.files.join(' '), '    ')].join('\n');
}

function paint(status: Status): string {
  return styleText(['bold', COLORS[status]], status);
}

function plain(text: string): string {
  return stripVTControlCharacters(text);
}
