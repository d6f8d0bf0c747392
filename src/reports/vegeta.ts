import { safeText } from '../text.js';
import { isGrpc } from './report.js';
import type { ResultsReporter } from './results.js';

const LABEL_WIDTH = 14;
const FIELDS_WIDTH = 34;

/**
 * The text report as vegeta prints it. Latencies are of ok requests and count from the intended start; the rates are those
 * of the measured window, and when the last answer came is not told. Status 0 is that of requests without an answer, as in
 * vegeta; of gRPC it is OK, and those without are `none`. Errors are named by their outcome. Source: vegeta's text reporter.
 */
export const vegeta: ResultsReporter = ({ report }) => {
  const { counts, rates, latency, bytes, failures, statuses, verdict } = report;
  const mean = (sum: number) => (counts.sent === 0 ? '-' : (sum / counts.sent).toFixed(2));
  const success = counts.sent === 0 ? '-' : `${((counts.ok / counts.sent) * 100).toFixed(2)}%`;
  const none = isGrpc(report.run) ? 'none' : 0;
  const codes = statuses.map(({ status, count }) => `${status ?? none}:${count}`);
  const line = (label: string, fields: string, value: string) =>
    label.padEnd(LABEL_WIDTH) + `[${fields}]`.padEnd(FIELDS_WIDTH) + value;
  const latencies = [
    latency.min_ms,
    latency.mean_ms,
    latency.p50_ms,
    latency.p90_ms,
    latency.p95_ms,
    latency.p99_ms,
    latency.max_ms,
  ];
  return `${[
    line('Verdict', 'status', verdict.status),
    line(
      'Requests',
      'total, rate, throughput',
      `${counts.sent}, ${rates.sent_per_s.toFixed(2)}, ${rates.ok_per_s.toFixed(2)}`,
    ),
    line('Duration', 'total, attack, wait', `-, ${duration(rates.window_s * 1000)}, -`),
    line('Latencies', 'min, mean, 50, 90, 95, 99, max', latencies.map(duration).join(', ')),
    line('Bytes In', 'total, mean', `${bytes.in_bytes}, ${mean(bytes.in_bytes)}`),
    line('Bytes Out', 'total, mean', `${bytes.out_bytes}, ${mean(bytes.out_bytes)}`),
    line('Success', 'ratio', success),
    line('Status Codes', 'code:count', codes.join('  ')).trimEnd(),
    'Error Set:',
    ...failures.map(({ outcome, example }) => (example === null ? outcome : `${outcome}: ${safeText(example)}`)),
  ].join('\n')}\n`;
};

/** A duration as Go prints it, to a thousandth of its unit: `762µs`, `145.082ms`, `1m40s`. */
function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) {
    return '-';
  }
  if (ms < 1) {
    return ms === 0 ? '0s' : `${round(ms * 1000)}µs`;
  }
  if (ms < 1000) {
    return `${round(ms)}ms`;
  }
  const allS = round(ms / 1000);
  const hours = Math.floor(allS / 3600);
  const minutes = Math.floor(allS / 60) % 60;
  const seconds = `${round(allS % 60)}s`;
  return hours > 0 ? `${hours}h${minutes}m${seconds}` : minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
