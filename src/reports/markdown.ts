import type { Distribution } from '../reduce/distribution.js';
import { safeText } from '../text.js';
import { formatMs, groupDigits } from '../units.js';
import type { ThresholdResult, ThresholdState } from '../verdicts/threshold-result.js';
import type { Status } from '../verdicts/validity.js';
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
const MOST_CHARACTERS = 1000;

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
    requests(report),
    failures(report),
    ...report.notes.map(plain),
    `Files in ${code(report.run.directory)}: ${report.run.files.map(code).join(' ')}`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;

function headline({ verdict, run, version }: Report): string {
  const level = run.model === 'open' ? `${run.rate_max_per_s}/s` : `${run.users_max} users`;
  const facts = [
    code(run.url) + (run.embedded_server ? ' (embedded server)' : ''),
    code(run.dataset),
    `batch ${run.batch}`,
    `${run.duration_s} s, up to ${level}`,
    `seed ${run.seed}`,
    plain(run.started_at),
    `infer-bench ${plain(version)}`,
  ];
  return (
    `## ${STATUS_SIGNS[verdict.status]} ${verdict.status}: ${plain(run.protocol)}, ${plain(run.pattern)}\n\n` +
    facts.join(' · ')
  );
}

function reasons({ verdict }: Report): string {
  return verdict.reasons
    .map(
      ({ code: name, status, message, advice }, index) =>
        `${index + 1}. **${status}** ${code(name)}: ${plain(message)}. To do: ${plain(advice)}.`,
    )
    .join('\n');
}

function thresholds(results: readonly ThresholdResult[]): string {
  return section(
    'Thresholds',
    ['', 'threshold', 'samples', 'found'],
    results.map(({ state, expression, n, message }) => [
      `${STATE_SIGNS[state]} ${state.replace('_', ' ')}`,
      code(expression),
      groupDigits(n),
      plain(message),
    ]),
  );
}

function latencies(report: Report): string {
  const named: [string, Distribution][] = [
    ['latency', report.latency],
    ['service time', report.service_time],
    ...(report.run.model === 'open' ? [['lag', report.lag] as [string, Distribution]] : []),
    ...report.endpoints.map(
      ({ endpoint, latency }) => [`latency of ${code(endpoint)}`, latency] as [string, Distribution],
    ),
    ...(report.cache
      ? ([
          ['latency, cache hit', report.cache.hit.latency],
          ['latency, cache miss', report.cache.miss.latency],
        ] as [string, Distribution][])
      : []),
    ...(report.tokens
      ? ([
          ['time to first token', report.tokens.ttft],
          ['gap between chunks', report.tokens.itl_chunk],
          ['time per output token', report.tokens.tpot],
        ] as [string, Distribution][])
      : []),
  ];
  return section(
    'Latency',
    ['ms', 'n', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    named.map(([name, of]) => [
      name,
      groupDigits(of.n),
      ...[of.mean_ms, of.p50_ms, of.p90_ms, of.p95_ms, of.p99_ms, of['p99.9_ms'], of.max_ms].map(formatMs),
    ]),
  );
}

function requests({ counts, rates, endpoints, run }: Report): string {
  const row = (name: string, of: Omit<typeof counts, 'warmup'>, errorRatio: number | null, okPerS: number) => [
    name,
    ...[of.planned, of.sent, of.ok, of.failed, of.abandoned, of.dropped, of.not_sent].map(groupDigits),
    errorRatio === null ? '-' : `${(errorRatio * 100).toFixed(2)} %`,
    okPerS.toFixed(1),
  ];
  const rows = endpoints.map((of) => row(code(of.endpoint), of.counts, of.error_ratio, of.ok_per_s));
  return section(
    'Requests',
    ['endpoint', 'planned', 'sent', 'ok', 'failed', 'abandoned', 'dropped', 'not sent', 'errors', 'ok/s'],
    [...rows, row(rows.length > 0 ? 'all' : code(run.endpoint), counts, rates.error_ratio, rates.ok_per_s)],
  );
}

function failures({ failures: causes }: Report): string {
  const shown = causes
    .slice(0, MOST_FAILURES)
    .map(({ outcome, origin, count, example }) => [
      code(outcome),
      origin ?? '-',
      groupDigits(count),
      example === null ? '-' : code(example),
    ]);
  const more = causes.length - shown.length;
  const table = section('Failures', ['outcome', 'origin', 'n', 'for example'], shown);
  return more > 0 ? `${table}\n\n${more} more kinds of failure are in summary.json.` : table;
}

/** A heading with a table; nothing without rows. */
function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) {
    return '';
  }
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [`### ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text from elsewhere as a code span. What would end the span or the cell is shown as `\xNN`, as control characters are. */
function code(text: string): string {
  const shown = safeText(text).replace(/[`|]/g, (mark) => `\\x${mark.charCodeAt(0).toString(16)}`);
  return `\`${shown || ' '}\``;
}

/** A sentence, in which nothing but its words is left of what it holds. */
function plain(text: string): string {
  return safeText(text, MOST_CHARACTERS)
    .replace(/[\\`*_[\]<>&#~@]/g, '\\$&')
    .replaceAll('|', '&#124;')
    .replace(/:\/\/|www\./gi, (start) => start.replace(/[/.]/g, '\\$&'));
}
