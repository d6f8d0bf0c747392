import type { ChunkGaps } from '../samples/chunk-gaps.js';
import {
  OK_CODE,
  ORIGINS,
  type Origin,
  OUTCOMES,
  type Outcome,
  SAMPLE_CODES,
  SENT_CODES,
  WARMUP_CODE,
  wasSent,
} from '../samples/outcomes.js';
import type { SampleBlock } from '../samples/sample.js';
import type { Sink } from '../samples/sink.js';
import { US_PER_S } from '../units.js';
import { type AllInfDistribution, allInfDistribution, type Distribution, distribution } from './distribution.js';
import { histogram } from './histogram.js';
import { type TokenTotals, tokenFold } from './tokens.js';

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
  /** Requests that were due, sent or not; what a stop left unsent was not. */
  readonly due_n: number;
  /** Requests that were sent more than 10 ms late. */
  readonly late_n: number;
  /** end − intended of what failed. */
  readonly time_to_failure: Distribution;
  readonly bytes: { readonly out_bytes: number; readonly in_bytes: number };
  /** Requests that went out on a connection which had carried one before, and on a new one. */
  readonly connections: { readonly reused: number; readonly fresh: number };
  /** null when no answer told of tokens. */
  readonly tokens: TokenTotals | null;
}

/** Lateness of a sending that the verdict counts. */
export const LATE_US = 10_000;

/** How often an outcome came, and the fault that its first row had (index of ORIGINS, −1 for none). */
interface OutcomeCount {
  readonly outcome: Outcome;
  count: number;
  origin: number;
}

/**
 * Folds samples into a run's totals; those of the warm-up are left out. `measured` tells the measured window, which an
 * early stop shortens.
 */
export function totals(measured: () => Window): Pick<Sink, 'rows'> & {
  /** Keeps the first text that explains an outcome. */
  explain(outcome: Outcome, text: string): void;
  /** What a streamed answer adds to its row. */
  gaps(answer: ChunkGaps): void;
  finish(): Totals;
} {
  const latency = histogram();
  const service = histogram();
  const lag = histogram();
  const failing = histogram();
  const tokens = tokenFold();
  const outcomes: readonly OutcomeCount[] = OUTCOMES.map((outcome) => ({ outcome, count: 0, origin: -1 }));
  const examples = new Map<Outcome, string>();
  let warmup = 0;
  let late = 0;
  let inTime = 0;
  let okInTime = 0;
  let okItemsInTime = 0;
  let busyUs = 0;
  let outBytes = 0;
  let inBytes = 0;
  let reused = 0;
  let fresh = 0;

  function add(block: SampleBlock, row: number, toUs: number): void {
    const code = block.outcome[row] as number;
    const entry = outcomes[code] as OutcomeCount;
    if (entry.count++ === 0) {
      entry.origin = block.origin[row] as number;
    }
    if (SENT_CODES[code] === 0) {
      return;
    }
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
      tokens.add(block, row, endUs <= toUs);
    } else if (SAMPLE_CODES[code] === 1) {
      failing.record(endUs - intendedUs);
    }
    if (endUs <= toUs) {
      inTime++;
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
    finish() {
      const seen = outcomes.filter(({ count }) => count > 0);
      const counts = { ...countsOf(seen), warmup };
      const { fromUs, toUs } = measured();
      const windowS = Math.max(0, toUs - fromUs) / US_PER_S;
      const stopped = seen.find(({ outcome }) => outcome === 'not_sent_stopped')?.count ?? 0;
      const due = counts.planned - stopped;
      const perS = (value: number) => (windowS > 0 ? value / windowS : 0);
      const failures = failing.count;
      const judged = counts.ok + failures;
      return {
        counts,
        failures: failuresOf(seen, examples),
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
        tokens: tokens.finish(windowS),
      };
    },
  };
}

function countsOf(seen: readonly OutcomeCount[]): Omit<Counts, 'warmup'> {
  const sum = (which: (outcome: Outcome) => boolean) =>
    seen.reduce((total, { outcome, count }) => total + (which(outcome) ? count : 0), 0);
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

/** Ways of failing, the most frequent first. */
function failuresOf(seen: readonly OutcomeCount[], examples: ReadonlyMap<Outcome, string>): readonly FailureCause[] {
  return seen
    .filter(({ outcome }) => outcome !== 'ok')
    .map(({ outcome, count, origin }) => ({
      outcome,
      origin: ORIGINS[origin] ?? null,
      count,
      example: examples.get(outcome) ?? null,
    }))
    .sort((a, b) => b.count - a.count);
}
