import { distribution } from '../reduce/distribution.js';
import { histogram } from '../reduce/histogram.js';
import type { LatencyError } from '../reports/calibration.js';

const NS_PER_US = 1000n;

export interface BothRecords {
  /** `samples.csv`. */
  readonly samples: string;
  /** CLOCK_MONOTONIC nanoseconds of the run's start: of `plan.json`. */
  readonly startedMonotonicNs: bigint;
  /** The server's truth log of the same run. */
  readonly truth: string;
}

/**
 * What the client measured of each answered request, end − start, beyond what the server says it took, send − recv:
 * the client's own time and the way through the kernel. Joined by the request's id, which is its sequence number.
 */
export function latencyError({ samples, startedMonotonicNs, truth }: BothRecords): LatencyError {
  const served = new Map(rowsOf(truth).map((row) => [Number(row.id), row]));
  const beyond = histogram();
  let unmatched = 0;
  let outOfOrder = 0;
  for (const { seq, phase, outcome, start_us: startUs, end_us: endUs } of rowsOf(samples)) {
    if (phase === 'warmup' || outcome !== 'ok') {
      continue;
    }
    const server = served.get(Number(seq));
    if (!server) {
      unmatched++;
      continue;
    }
    const [receivedNs, sentNs] = [BigInt(server.recv_ns as string), BigInt(server.send_ns as string)];
    const startNs = startedMonotonicNs + BigInt(startUs as string) * NS_PER_US;
    // Ends are whole microseconds, cut off.
    const endNs = startedMonotonicNs + (BigInt(endUs as string) + 1n) * NS_PER_US;
    if (!(startNs <= receivedNs && receivedNs <= sentNs && sentNs <= endNs)) {
      outOfOrder++;
    }
    beyond.record(Math.max(0, Number(endUs) - Number(startUs) - Number((sentNs - receivedNs) / NS_PER_US)));
  }
  const { n, p50_ms = null, p99_ms = null, max_ms } = distribution(beyond);
  return { n, p50_ms, p99_ms, max_ms, unmatched_n: unmatched, out_of_order_n: outOfOrder };
}

function rowsOf(csv: string): readonly Readonly<Record<string, string | undefined>>[] {
  const [header = '', ...lines] = csv.trimEnd().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, index) => [name, cells[index]]));
  });
}
