import { type Distribution, SUMMARY_PERCENTILES } from '../reduce/distribution.js';
import { formatMs, formatPercent, groupDigits } from '../units.js';
import type { ThresholdResult, ThresholdState } from '../verdicts/threshold-result.js';
import type { Status } from '../verdicts/validity.js';
import { evidence, starred } from './evidence.js';
import { markdownCode, markdownText } from './markdown-text.js';
import type { Report } from './report.js';
import type { ResultsReporter } from './results.js';

const STATUS_SIGNS: Readonly<Record<Status, string>> = {
  VALID: '✅',
  SUSPECT: '⚠️',
  INCONCLUSIVE: '❔',
  INVALID: '❌',
};
const STATE_SIGNS: Readonly<Record<ThresholdState, string>> = {
  pass: '✅',
  fail: '❌',
  no_data: '❌',
  inconclusive: '❔',
};
const MOST_FAILURES = 20;

/**
 * `report.md`: the run on one page of GitHub-flavoured Markdown, verdict first; also a job summary. Text from elsewhere
 * is in code spans or escaped, so that it makes no link, no mention, no tag and no cell.
 */
export const markdown: ResultsReporter = ({ report }) =>
  `${[
    headline(report),
    reasons(report),
    thresholds(report.thresholds),
    latencies(report),
    ...evidence(report).map(markdownText),
    requests(report),
    rates(report),
    failures(report),
    ...report.notes.map(markdownText),
    `Files in ${markdownCode(report.run.directory)}: ${report.run.files.map(markdownCode).join(' ')}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;

function headline({ verdict, run, version }: Report): string {
  const level =
    run.model === 'open'
      ? `${Number(run.rate_max_per_s?.toFixed(2))}/s`
      : `${run.users_max} ${run.users_max === 1 ? 'user' : 'users'}`;
  const facts = [
    markdownCode(run.url) + (run.embedded_server ? ' (embedded server)' : ''),
    markdownCode(run.dataset),
    `batch ${run.batch}`,
    `${run.duration_s} s, up to ${level}`,
    `seed ${run.seed}`,
    markdownText(run.started_at),
    `infer-bench ${markdownText(version)}`,
  ];
  return (
    `## ${STATUS_SIGNS[verdict.status]} ${verdict.status}: ${markdownText(run.protocol)}, ${markdownText(run.pattern)}\n\n` +
    facts.join(' · ')
  );
}

function reasons({ verdict }: Report): string {
  return verdict.reasons
    .map(
      ({ code: name, status, message, advice }, index) =>
        `${index + 1}. **${status}** ${markdownCode(name)}: ${markdownText(message)}. To do: ${markdownText(advice)}.`,
    )
    .join('\n');
}

function thresholds(results: readonly ThresholdResult[]): string {
  return section(
    'Thresholds',
    ['', 'threshold', 'samples', 'found'],
    results.map(({ state, expression, n, message }) => [
      `${STATE_SIGNS[state]} ${state.replace('_', ' ')}`,
      markdownCode(expression),
      groupDigits(n),
      markdownText(message),
    ]),
  );
}

function latencies(report: Report): string {
  const { run, cache, tokens, time_to_failure: failing } = report;
  const named: (readonly [name: string, of: Distribution])[] = [['latency', report.latency]];
  if (run.batch > 1) {
    named.push(['latency per item', report.latency_per_item]);
  }
  named.push(['service time', report.service_time]);
  if (run.model === 'open') {
    named.push(['lag', report.lag]);
  }
  named.push(...report.endpoints.map((own) => [`latency of ${markdownCode(own.endpoint)}`, own.latency] as const));
  if (cache) {
    named.push(['latency, cache hit', cache.hit.latency], ['latency, cache miss', cache.miss.latency]);
  }
  const ofTokens: typeof named = tokens
    ? [
        ['time to first token', tokens.ttft],
        ['gap between chunks', tokens.itl_chunk],
        ['time per output token (TPOT)', tokens.tpot],
        ['whole time / output tokens (NTPOT)', tokens.ntpot],
      ]
    : [];
  named.push(...[...ofTokens, ['until failure', failing] as const].filter(([, { n }]) => n > 0));
  return section(
    'Latency',
    ['ms', 'n', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    named.map(([name, of]) => [
      name,
      groupDigits(of.n),
      formatMs(of.mean_ms),
      ...SUMMARY_PERCENTILES.map((p) => starred(of, p)),
      formatMs(of.max_ms),
    ]),
  );
}

function requests({ counts, rates, endpoints, run }: Report): string {
  const row = (name: string, of: Omit<typeof counts, 'warmup'>, errorRatio: number | null, okPerS: number) => [
    name,
    ...[of.planned, of.sent, of.ok, of.failed, of.abandoned, of.dropped, of.not_sent].map(groupDigits),
    formatPercent(errorRatio),
    okPerS.toFixed(1),
  ];
  const rows = endpoints.map((of) => row(markdownCode(of.endpoint), of.counts, of.error_ratio, of.ok_per_s));
  return section(
    'Requests',
    ['endpoint', 'planned', 'sent', 'ok', 'failed', 'abandoned', 'dropped', 'not sent', 'errors', 'ok/s'],
    [...rows, row(rows.length > 0 ? 'all' : markdownCode(run.endpoint), counts, rates.error_ratio, rates.ok_per_s)],
  );
}

/** How fast, how good, and what helped. */
function rates({ rates: of, run, goodput, correct_rate, cache, tokens }: Report): string {
  return [
    ...(run.model === 'open' ? [`${of.offered_per_s.toFixed(1)} due/s`] : []),
    `${of.sent_per_s.toFixed(1)} sent/s`,
    `${of.ok_per_s.toFixed(1)} ok/s over ${Number(of.window_s.toFixed(1))} s`,
    `${of.in_flight_mean.toFixed(2)} in flight`,
    ...(goodput
      ? [`goodput ${goodput.good_per_s.toFixed(1)}/s, ${formatPercent(goodput.good_ratio)} of what was due`]
      : []),
    ...(correct_rate === null ? [] : [`${formatPercent(correct_rate)} of the compared answers right`]),
    ...(cache ? [`cache ${formatPercent(cache.hit_ratio)} hits`] : []),
    ...(tokens && tokens.counted_n > 0
      ? [`${groupDigits(tokens.tokens_out_n)} tokens out, ${tokens.tokens_out_per_s.toFixed(1)}/s`]
      : []),
  ].join(' · ');
}

function failures({ failures: causes }: Report): string {
  const shown = causes
    .slice(0, MOST_FAILURES)
    .map(({ outcome, origin, count, example }) => [
      markdownCode(outcome),
      origin ?? '-',
      groupDigits(count),
      example === null ? '-' : markdownCode(example),
    ]);
  const more = causes.length - shown.length;
  const table = section('Failures', ['outcome', 'origin', 'n', 'for example'], shown);
  return more > 0 ? `${table}\n\n${more} more kinds of failure are in summary.json.` : table;
}

/** A heading with a table, columns of numbers to the right; nothing without rows. */
function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) {
    return '';
  }
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(head),
    line(head.map((_, column) => (rows.every((cells) => isNumber(cells[column] as string)) ? '--:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}

function isNumber(cell: string): boolean {
  return /^(-|[\d.,]+\*?( %)?)$/.test(cell);
}
