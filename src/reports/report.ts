import { type Distribution, perItem } from '../reduce/distribution.js';
import type { GeneratorTotals } from '../reduce/generator-totals.js';
import { PERCENTILE_METHOD } from '../reduce/histogram.js';
import type { Repeats } from '../reduce/repeats.js';
import type { ServerShare } from '../reduce/server-share.js';
import type { Totals } from '../reduce/summary.js';
import type { PercentileConfidence } from '../verdicts/confidence.js';
import type { Little } from '../verdicts/little.js';
import type { ThresholdResult } from '../verdicts/threshold-result.js';
import type { Goodput } from '../verdicts/thresholds.js';
import type { Verdict } from '../verdicts/validity.js';
import { VERSION } from '../version.js';

/** What a run was, for the head of a report. */
export interface RunFacts {
  /** Run directory as shown to the user, with a slash at its end. */
  readonly directory: string;
  readonly files: readonly string[];
  readonly started_at: string;
  readonly url: string;
  readonly embedded_server: boolean;
  readonly protocol: string;
  readonly endpoint: string;
  readonly pattern: string;
  readonly model: 'closed' | 'open';
  /** Most users of a closed run; most requests per second of an open one. */
  readonly users_max: number | null;
  readonly rate_max_per_s: number | null;
  readonly pacing: string | null;
  readonly spacing: string | null;
  readonly warmup_s: number;
  readonly connections: number;
  /** The server's certificate was not verified. */
  readonly insecure: boolean;
  /** Threads that sent. */
  readonly workers: number;
  readonly duration_s: number;
  readonly think_time_ms: number | null;
  readonly timeout_ms: number;
  readonly batch: number;
  readonly seed: number;
  readonly check: string;
  readonly dataset: string;
  /** In which order they went out, and the share of repeats that was asked for; null in the other orders. */
  readonly data_order: string;
  readonly repeat_rate_ratio: number | null;
  /** Distinct requests, their bytes, and what it took to encode them before the run. */
  readonly payloads: number;
  readonly payload_bytes: number;
  readonly payload_encode_ms: number;
}

/** Whether a run's statuses are gRPC's codes, where 0 is OK. */
export function isGrpc({ protocol }: Pick<RunFacts, 'protocol'>): boolean {
  return protocol === 'grpc' || protocol.endsWith('-grpc');
}

/** What `calibrate` says of this machine beside what the run asked of it. */
export interface Headroom {
  /** Requests per second up to which lag stays small, for the run's protocol, transport and workers. */
  readonly ceiling_per_s: number;
  /** Ceiling / requests sent in the busiest second; null when none was sent. */
  readonly headroom_ratio: number | null;
  readonly calibrated_at: string;
}

/** Everything that any report of a run says; `summary.json` is this object. Every field's unit is in its name. */
export interface Report extends Totals {
  readonly schema: 'infer-bench/summary/1';
  readonly version: string;
  readonly run: RunFacts;
  /** This program itself: what is slow here is not the server's. */
  readonly generator: GeneratorTotals;
  readonly verdict: Verdict;
  /** What the samples say about each percentile of latency. */
  readonly confidence: readonly PercentileConfidence[];
  /** Little's law on the run; null where it says nothing. */
  readonly little: Little | null;
  /** How many requests had a payload that was sent before: what a cache could have answered. */
  readonly repeats: Repeats;
  /** null in a closed run, and where this machine was not calibrated for the way of sending. */
  readonly calibration: Headroom | null;
  /** Right answers / answers that were compared; null when answers are not (`--check none` or `shape`), or none came. */
  readonly correct_rate: number | null;
  /** `latency` of the main endpoint / items per request. */
  readonly latency_per_item: Distribution;
  /** The server's own statistics of the run, warm-up and drain included; null where it offers none. */
  readonly server_side: ServerShare | null;
  readonly thresholds: readonly ThresholdResult[];
  /** What met every limit of `--slo`; null without one. */
  readonly goodput: Goodput | null;
  readonly percentile_method: typeof PERCENTILE_METHOD;
  readonly definitions: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

const DEFINITIONS = {
  latency: 'end - intended start, population ok: requests answered in time, complete and with the right shape',
  latency_all_inf:
    'end - intended start of every request that was due; failures of target or network, abandoned and dropped requests never end',
  service_time: 'end - start, population ok',
  latency_per_item: 'latency / items per request: every item of a batch waits for the whole of it',
  correct_rate: 'ok / (ok + wrong_output): answers that were compared and right / all that were compared',
  lag: 'start - intended start, every request that was sent',
  time_to_failure:
    'end - intended start, requests that were sent and not ok; abandoned ones up to the end of the drain',
  ttft: 'first chunk with content - intended start (ttft_service: - start), streamed answers of population ok',
  itl_chunk: 'gaps between successive chunks with content, pooled over the streamed answers of population ok',
  tpot: '(last chunk with content - first) / (n_out - 1), one value per streamed answer with n_out >= 2 in 2 chunks or more',
  ntpot: '(end - start) / n_out, one value per answer with n_out >= 1',
  n_out: "generated tokens by the server's own usage; where it has none there is no value",
  goodput:
    'requests that were ok and within every --slo: per second of the measured window, and of what was due to the target',
  thresholds: 'latency is all_inf unless it names a population; windows hold what was due in them',
  endpoints: 'the same figures for the requests to each endpoint; the other figures are over all of them',
  cache: 'ok answers that the server said were from its cache (hit) or not (miss); others are in neither',
  repeats: 'requests sent whose payload was sent before in this run, the warm-up included',
  headroom: 'ceiling of this machine (infer-bench calibrate) / requests sent in the busiest second',
  server_side:
    "difference of two readings of the server's own counters, before the first and after the last request; means per successful request; rest = mean service time of the client less all others, at least 0",
  phases: 'means over ok answers: intended start to start, to the first byte, to the last',
  client_pauses:
    'ok requests in flight while the thread that sent them stood still for more than 5 ms, and latency without them',
  confidence:
    'requests that a percentile of latency needs (early stopping of MLPerf), and its interval by order statistics',
  little:
    'users (requests in flight) by counting, and requests ended per second x mean time of a request (and of thinking)',
  statuses: 'requests that were sent by the HTTP status or gRPC code of their answer; null: no answer with one came',
  rates: 'per second of the measured window, which ends when the pattern ends or the run is stopped',
} as const;

const CLOSED_NOTE =
  'Closed loop: a user waits for each answer, so a slow server is sent less load and a stall shows as one slow ' +
  'request per user. Coordinated omission is possible and cannot be seen from inside this model.';

export interface ReportParts {
  readonly run: RunFacts;
  readonly totals: Totals;
  readonly generator: GeneratorTotals;
  readonly repeats: Repeats;
  readonly calibration: Headroom | null;
  readonly verdict: Verdict;
  readonly serverSide: ServerShare | null;
  readonly thresholds: readonly ThresholdResult[];
  readonly confidence: readonly PercentileConfidence[];
  readonly little: Little | null;
  readonly goodput: Goodput | null;
  /** What stopped the run early, a sentence each. */
  readonly stops: readonly string[];
}

/** Puts the report of a run together. */
export function reportOf({ run, totals, generator, repeats, calibration, ...judged }: ReportParts): Report {
  return {
    schema: 'infer-bench/summary/1',
    version: VERSION,
    run,
    verdict: judged.verdict,
    calibration,
    thresholds: judged.thresholds,
    goodput: judged.goodput,
    ...totals,
    confidence: judged.confidence,
    little: judged.little,
    repeats,
    correct_rate: correctRate(run, totals),
    latency_per_item: perItem((totals.endpoints[0] ?? totals).latency, run.batch),
    server_side: judged.serverSide,
    generator,
    percentile_method: PERCENTILE_METHOD,
    definitions: DEFINITIONS,
    notes: [...judged.stops, ...(run.model === 'closed' ? [CLOSED_NOTE] : [])],
  };
}

function correctRate({ check }: RunFacts, totals: Totals): number | null {
  // What goes out beside the payloads, such as a look at the health, has no answers to compare.
  const { counts, failures } = totals.endpoints[0] ?? totals;
  const wrong = failures.find(({ outcome }) => outcome === 'wrong_output')?.count ?? 0;
  const compared = counts.ok + wrong;
  return check === 'none' || check === 'shape' || compared === 0 ? null : counts.ok / compared;
}
