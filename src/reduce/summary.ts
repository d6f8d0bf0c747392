import { isSample, type Origin, type Outcome, wasSent } from '../samples/outcomes.js';
import type { Sample } from '../samples/sample.js';
import { US_PER_S } from '../units.js';
import { type AllInfDistribution, allInfDistribution, type Distribution, distribution } from './distribution.js';
import { histogram } from './histogram.js';

/** Requests by how they ended, those of the warm-up apart. planned = sent + dropped + not_sent; sent = ok + failed + abandoned. */
export interface Counts {
  readonly planned: number;
  readonly sent: number;
  readonly dropped: number;
  readonly not_sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly abandoned: number;
  /** Requests of the warm-up, which are in no other figure. */
  readonly warmup: number;
}

/** One way of failing, with an example of what the other side or the library said. */
export interface FailureCause {
  readonly outcome: Outcome;
  readonly origin: Origin | null;
  readonly count: number;
  readonly example: string | null;
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
  readonly rates: Rates;
  /** end − intended of the population `ok`. */
  readonly latency: Distribution;
  /** The same where failures, and what was due and not sent by our doing, count as never answered. */
  readonly latency_all_inf: AllInfDistribution;
  /** end − start of `ok`. */
  readonly service_time: Distribution;
  /** start − intended of everything sent. */
  readonly lag: Distribution;
  /** Requests that were sent more than 10 ms late. */
  readonly late_n: number;
  /** end − intended of what failed. */
  readonly time_to_failure: Distribution;
  readonly bytes: { readonly out_bytes: number; readonly in_bytes: number };
  /** Requests that went out on a connection which had carried one before, and on a new one. */
  readonly connections: { readonly reused: number; readonly fresh: number };
}

/** Lateness of a sending that the verdict counts. */
export const LATE_US = 10_000;

/** Counts of outcomes, each with the fault that its first failure had. */
type Outcomes = Map<Outcome, { count: number; readonly origin: Origin | null }>;

/**
 * Folds samples into a run's totals; those of the warm-up are left out. `measured` tells the measured window, which an
 * early stop shortens.
 */
export function totals(measured: () => Window): {
  add(sample: Sample): void;
  /** Keeps the first text that explains an outcome. */
  explain(outcome: Outcome, text: string): void;
  finish(): Totals;
} {
  const latency = histogram();
  const service = histogram();
  const lag = histogram();
  const failing = histogram();
  const outcomes: Outcomes = new Map();
  const examples = new Map<Outcome, string>();
  const sums = {
    warmup: 0,
    late: 0,
    inTime: 0,
    okInTime: 0,
    okItemsInTime: 0,
    busyUs: 0,
    outBytes: 0,
    inBytes: 0,
    reused: 0,
    fresh: 0,
  };

  function count({ outcome, origin }: Sample): void {
    const entry = outcomes.get(outcome) ?? { count: 0, origin: origin ?? null };
    entry.count++;
    outcomes.set(outcome, entry);
  }

  return {
    add(sample) {
      if (sample.phase === 'warmup') {
        sums.warmup++;
        return;
      }
      count(sample);
      if (!wasSent(sample.outcome)) {
        return;
      }
      const startUs = sample.startUs as number;
      const endUs = sample.endUs as number;
      const ok = sample.outcome === 'ok';
      lag.record(startUs - sample.intendedUs);
      sums.late += Number(startUs - sample.intendedUs > LATE_US);
      if (ok) {
        latency.record(endUs - sample.intendedUs);
        service.record(endUs - startUs);
      } else if (isSample(sample.outcome)) {
        failing.record(endUs - sample.intendedUs);
      }
      const { toUs } = measured();
      if (endUs <= toUs) {
        sums.inTime++;
        sums.okInTime += Number(ok);
        sums.okItemsInTime += ok ? sample.batch : 0;
      }
      sums.busyUs += Math.max(0, Math.min(endUs, toUs) - startUs);
      sums.outBytes += sample.bytesOut;
      sums.inBytes += sample.bytesIn;
      if (sample.reused !== undefined) {
        sums[sample.reused ? 'reused' : 'fresh']++;
      }
    },
    explain(outcome, text) {
      if (!examples.has(outcome)) {
        examples.set(outcome, text);
      }
    },
    finish() {
      const counts = { ...countsOf(outcomes), warmup: sums.warmup };
      const { fromUs, toUs } = measured();
      const windowS = Math.max(0, toUs - fromUs) / US_PER_S;
      const stopped = outcomes.get('not_sent_stopped')?.count ?? 0;
      const perS = (value: number) => (windowS > 0 ? value / windowS : 0);
      const failures = failing.count;
      const judged = counts.ok + failures;
      return {
        counts,
        failures: failuresOf(outcomes, examples),
        rates: {
          window_s: windowS,
          offered_per_s: perS(counts.planned - stopped),
          sent_per_s: perS(counts.sent),
          completed_per_s: perS(sums.inTime),
          ok_per_s: perS(sums.okInTime),
          ok_items_per_s: perS(sums.okItemsInTime),
          error_ratio: judged === 0 ? null : failures / judged,
          in_flight_mean: perS(sums.busyUs / US_PER_S),
        },
        latency: distribution(latency),
        latency_all_inf: allInfDistribution(latency, failures + counts.dropped),
        service_time: distribution(service),
        lag: distribution(lag),
        late_n: sums.late,
        time_to_failure: distribution(failing),
        bytes: { out_bytes: sums.outBytes, in_bytes: sums.inBytes },
        connections: { reused: sums.reused, fresh: sums.fresh },
      };
    },
  };
}

function countsOf(outcomes: Outcomes): Omit<Counts, 'warmup'> {
  const sum = (which: (outcome: Outcome) => boolean) =>
    [...outcomes].reduce((total, [outcome, { count }]) => total + (which(outcome) ? count : 0), 0);
  const ok = sum((outcome) => outcome === 'ok');
  const abandoned = sum((outcome) => outcome === 'abandoned');
  const sent = sum(wasSent);
  return {
    planned: sum(() => true),
    sent,
    dropped: sum((outcome) => outcome === 'dropped'),
    not_sent: sum((outcome) => outcome.startsWith('not_sent_')),
    ok,
    failed: sent - ok - abandoned,
    abandoned,
  };
}

function failuresOf(outcomes: Outcomes, examples: ReadonlyMap<Outcome, string>): readonly FailureCause[] {
  return [...outcomes]
    .filter(([outcome]) => outcome !== 'ok')
    .map(([outcome, { count, origin }]) => ({ outcome, origin, count, example: examples.get(outcome) ?? null }))
    .sort((a, b) => b.count - a.count);
}
