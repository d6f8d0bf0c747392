import type { ChunkGaps } from '../samples/chunk-gaps.js';
import { OK_CODE, type Outcome, SAMPLE_CODES, SENT_CODES, WARMUP_CODE } from '../samples/outcomes.js';
import type { SampleBlock } from '../samples/sample.js';
import type { Sink } from '../samples/sink.js';
import { US_PER_S } from '../units.js';
import { type AllInfDistribution, allInfDistribution, type Distribution, distribution, toMs } from './distribution.js';
import { type Histogram, histogram } from './histogram.js';
import { type FailureCause, type OutcomeTotals, outcomeCounts } from './outcome-counts.js';
import { type BodyBytes, type CacheTotals, cacheSplit, type EndpointTotals, endpointSplit } from './splits.js';
import { type StatusCount, statusCounts } from './status-counts.js';
import { type TokenTotals, tokenFold } from './tokens.js';

/** All requests by how they ended, those of the warm-up apart. */
export interface Counts extends OutcomeTotals {
  /** Requests of the warm-up, which are in no other figure. */
  readonly warmup: number;
}

/** A stretch of a run, µs from its start. */
export interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

/** All over the measured window. */
export interface Rates {
  readonly window_s: number;
  /** Requests that were due, sent or not. */
  readonly offered_per_s: number;
  readonly sent_per_s: number;
  /** Requests that ended inside the window. */
  readonly completed_per_s: number;
  readonly ok_per_s: number;
  /** ok requests times their batch. */
  readonly ok_items_per_s: number;
  /** What target or network failed or left open / what was sent to them, failures of this machine in neither; null when nothing was. */
  readonly error_ratio: number | null;
  /** Time-weighted mean of requests in flight. */
  readonly in_flight_mean: number;
}

/** What a run's samples come to. */
export interface Totals {
  readonly counts: Counts;
  readonly failures: readonly FailureCause[];
  /** What was sent by the status of its answer, without a status first. */
  readonly statuses: readonly StatusCount[];
  /** The run by endpoint, the main one first; empty where there is one only. */
  readonly endpoints: readonly EndpointTotals[];
  /** Hits and misses apart; null where no answer told of a cache. */
  readonly cache: CacheTotals | null;
  readonly rates: Rates;
  /** end − intended of the population `ok`. */
  readonly latency: Distribution;
  /** The same where failures, and what was due and not sent by our doing, count as never answered. */
  readonly latency_all_inf: AllInfDistribution;
  /** end − start of `ok`. */
  readonly service_time: Distribution;
  /** start − intended of everything sent. */
  readonly lag: Distribution;
  /** Requests that were due, sent or not; what a stop left unsent was not. */
  readonly due_n: number;
  /** Requests that were sent more than 10 ms late. */
  readonly late_n: number;
  /** end − intended of what failed. */
  readonly time_to_failure: Distribution;
  readonly bytes: BodyBytes;
  /** Requests that went out on a connection which had carried one before, and on a new one. */
  readonly connections: { readonly reused: number; readonly fresh: number };
  /** Where the time of `ok` answers went; null where none told of its first byte. */
  readonly phases: PhaseTotals | null;
  /** Requests that a pause of this program touched, and the latency of the others; null where it touched none. */
  readonly client_pauses: ClientPauses | null;
  /** null when no answer told of tokens. */
  readonly tokens: TokenTotals | null;
}

/** Means over the `ok` answers whose first byte is known; they add up to their mean latency. */
export interface PhaseTotals {
  readonly n: number;
  /** Intended start to start, to the first byte of the answer, to its end. */
  readonly lag_mean_ms: number;
  readonly wait_mean_ms: number;
  readonly receive_mean_ms: number;
}

/** What pauses of the generator did to the measurement. */
export interface ClientPauses {
  /** `ok` requests in flight while the thread that sent them stood still for more than 5 ms. */
  readonly touched_n: number;
  /** Latency of the `ok` requests that no pause touched. */
  readonly latency_without: Distribution;
}

/** The durations of a whole run, µs. */
export interface WholeHistograms {
  readonly latency: Histogram;
  readonly serviceTime: Histogram;
  readonly lag: Histogram;
  /** Latency and service time at each endpoint; a single endpoint's are those of the whole. */
  readonly byEndpoint: readonly {
    readonly endpoint: string;
    readonly latency: Histogram;
    readonly serviceTime: Histogram;
  }[];
}

/** What Little's law needs of the requests that ended in the measured window, whatever came of them. */
export interface EndedSums {
  readonly n: number;
  /** Sums of end − start and of end − intended. */
  readonly serviceUs: number;
  readonly latencyUs: number;
}

/** Lateness of a sending that the verdict counts. */
export const LATE_US = 10_000;

/**
 * Folds samples into a run's totals; those of the warm-up are left out. `measured` tells the measured window, which an
 * early stop shortens; `endpointNames` are those of the endpoints by their index.
 */
export function totals(
  measured: () => Window,
  endpointNames: readonly string[] = [],
): Pick<Sink, 'rows'> & {
  /** Keeps the first text that explains an outcome. */
  explain(outcome: Outcome, text: string): void;
  /** What a streamed answer adds to its row. */
  gaps(answer: ChunkGaps): void;
  finish(): Totals;
  histograms(): WholeHistograms;
  ended(): EndedSums;
} {
  const latency = histogram();
  const service = histogram();
  const lag = histogram();
  const unpaused = histogram();
  const failing = histogram();
  const tokens = tokenFold();
  const outcomes = outcomeCounts();
  const statuses = statusCounts();
  const endpoints = endpointSplit(endpointNames);
  const cache = cacheSplit();
  const examples = new Map<Outcome, string>();
  let warmup = 0;
  let late = 0;
  let inTime = 0;
  let okInTime = 0;
  let okItemsInTime = 0;
  let phased = 0;
  let lagUsOfPhased = 0;
  let waitUs = 0;
  let receiveUs = 0;
  let busyUs = 0;
  let endedServiceUs = 0;
  let endedLatencyUs = 0;
  let outBytes = 0;
  let inBytes = 0;
  let reused = 0;
  let fresh = 0;

  function add(block: SampleBlock, row: number, toUs: number): void {
    const code = block.outcome[row] as number;
    outcomes.add(code, block.origin[row] as number);
    endpoints.add(block, row, toUs);
    cache.add(block, row);
    if (SENT_CODES[code] === 0) {
      return;
    }
    statuses.add(block.status[row] as number);
    const intendedUs = block.intendedUs[row] as number;
    const startUs = block.startUs[row] as number;
    const endUs = block.endUs[row] as number;
    const lagUs = startUs - intendedUs;
    lag.record(lagUs);
    if (lagUs > LATE_US) {
      late++;
    }
    if (code === OK_CODE) {
      latency.record(endUs - intendedUs);
      service.record(endUs - startUs);
      const firstByteUs = block.firstByteUs[row] as number;
      if (firstByteUs >= startUs) {
        phased++;
        lagUsOfPhased += lagUs;
        waitUs += firstByteUs - startUs;
        receiveUs += endUs - firstByteUs;
      }
      if (block.paused[row] === 0) {
        unpaused.record(endUs - intendedUs);
      }
      tokens.add(block, row, endUs <= toUs);
    } else if (SAMPLE_CODES[code] === 1) {
      failing.record(endUs - intendedUs);
    }
    if (endUs <= toUs) {
      inTime++;
      endedServiceUs += endUs - startUs;
      endedLatencyUs += endUs - intendedUs;
      if (code === OK_CODE) {
        okInTime++;
        okItemsInTime += block.batch[row] as number;
      }
    }
    busyUs += Math.max(0, Math.min(endUs, toUs) - startUs);
    outBytes += block.bytesOut[row] as number;
    inBytes += block.bytesIn[row] as number;
    if (block.reused[row] === 1) {
      reused++;
    } else if (block.reused[row] === 0) {
      fresh++;
    }
  }

  return {
    rows(block) {
      const { toUs } = measured();
      for (let row = 0; row < block.length; row++) {
        if (block.phase[row] === WARMUP_CODE) {
          warmup++;
        } else {
          add(block, row, toUs);
        }
      }
    },
    explain(outcome, text) {
      if (!examples.has(outcome)) {
        examples.set(outcome, text);
      }
    },
    gaps: tokens.gaps,
    histograms() {
      const split = endpoints.histograms();
      const whole = { endpoint: endpointNames[0] ?? '', latency, serviceTime: service };
      return { latency, serviceTime: service, lag, byEndpoint: split.length > 0 ? split : [whole] };
    },
    ended: () => ({ n: inTime, serviceUs: endedServiceUs, latencyUs: endedLatencyUs }),
    finish() {
      const counts = { ...outcomes.totals(), warmup };
      const { fromUs, toUs } = measured();
      const windowS = Math.max(0, toUs - fromUs) / US_PER_S;
      const due = counts.planned - outcomes.countOf('not_sent_stopped');
      const perS = (value: number) => (windowS > 0 ? value / windowS : 0);
      const failures = failing.count;
      const judged = counts.ok + failures;
      return {
        counts,
        failures: outcomes.failures(examples),
        statuses: statuses.finish(),
        endpoints: endpoints.finish(windowS),
        cache: cache.finish(),
        rates: {
          window_s: windowS,
          offered_per_s: perS(due),
          sent_per_s: perS(counts.sent),
          completed_per_s: perS(inTime),
          ok_per_s: perS(okInTime),
          ok_items_per_s: perS(okItemsInTime),
          error_ratio: judged === 0 ? null : failures / judged,
          in_flight_mean: perS(busyUs / US_PER_S),
        },
        latency: distribution(latency),
        latency_all_inf: allInfDistribution(latency, failures + counts.dropped),
        service_time: distribution(service),
        lag: distribution(lag),
        due_n: due,
        late_n: late,
        time_to_failure: distribution(failing),
        bytes: { out_bytes: outBytes, in_bytes: inBytes },
        connections: { reused, fresh },
        phases:
          phased === 0
            ? null
            : {
                n: phased,
                lag_mean_ms: toMs(lagUsOfPhased / phased) as number,
                wait_mean_ms: toMs(waitUs / phased) as number,
                receive_mean_ms: toMs(receiveUs / phased) as number,
              },
        client_pauses:
          unpaused.count === latency.count
            ? null
            : { touched_n: latency.count - unpaused.count, latency_without: distribution(unpaused) },
        tokens: tokens.finish(windowS),
      };
    },
  };
}
