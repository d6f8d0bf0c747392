import type { PerSecondRow } from '../reduce/per-second.js';
import type { Totals } from '../reduce/summary.js';
import type { GeneratorSecond } from '../samples/generator.js';
import { wasSent } from '../samples/outcomes.js';
import { formatPercent } from '../units.js';
import { fewestSamples } from './early-stopping.js';
import type { Little } from './little.js';
import type { ThresholdResult } from './threshold-result.js';
import { slopeOf } from './trend.js';

/** Whether the measurement itself can be trusted. It says nothing about whether the target was good. */
export type Status = 'VALID' | 'SUSPECT' | 'INVALID' | 'INCONCLUSIVE';

/** One reason for doubt, with the figure that triggered it and what to do. */
export interface Reason {
  readonly code:
    | 'no_success'
    | 'accounting'
    | 'errors'
    | 'local_faults'
    | 'interrupted'
    | 'schedule_not_kept'
    | 'client_bound'
    | 'buffered_stream'
    | 'backlog'
    | 'too_few_samples'
    | 'little'
    | 'clock'
    | 'cache_served';
  readonly status: Exclude<Status, 'VALID'>;
  readonly value: number;
  readonly limit: number;
  readonly message: string;
  readonly advice: string;
  /** How many seconds it shows in, and the first hundred of them; null where it is about the run as a whole. */
  readonly seconds_n: number | null;
  readonly at_epoch_s: readonly number[];
}

/** Of the seconds that a reason shows in, so many are named. */
const MOST_NAMED = 100;

/** A reason as its rule finds it. */
type Finding = Omit<Reason, 'seconds_n' | 'at_epoch_s'> & { readonly seconds?: readonly number[] };

export interface Verdict {
  readonly status: Status;
  readonly reasons: readonly Reason[];
}

/** What the run itself knows beside its samples. */
export interface RunFacts {
  /** Requests that the loop issued, counted apart from the samples. */
  readonly issued: number;
  /** Rows that went into `samples.csv`. */
  readonly rows: number;
  /** How it ended: at the end of its load, stopped by the user, or without a word. */
  readonly ended: 'done' | 'stopped' | 'killed';
  readonly model: 'closed' | 'open';
  /** The user set the number of connections: waiting for one is what was asked for. */
  readonly cappedConnections: boolean;
  /** Worst second of the event loop's delay, 99th percentile in ms; null when it was not watched. */
  readonly loopDelayP99Ms: number | null;
  /** Mean share of its time that the busiest thread that sends did not wait; null where it spins, or was not watched. */
  readonly loopBusyRatio: number | null;
  /** What this machine can send (`calibrate`) / what was sent in the busiest second; null without a calibration. */
  readonly headroomRatio: number | null;
  /** Why worker threads ended before their loop did. */
  readonly lostWorkers: readonly string[];
  /** The run and the generator by second. */
  readonly seconds: readonly PerSecondRow[];
  readonly generator: readonly GeneratorSecond[];
  /** Little's law on this run; null where it cannot be judged. */
  readonly little: Little | null;
  /** The rate was the same all the time: the run claims a steady state. */
  readonly steady: boolean;
  /** The workload repeats payloads on purpose. */
  readonly repeatsWanted: boolean;
  readonly thresholds: readonly ThresholdResult[];
  readonly limits: VerdictLimits;
}

/** Limits that the user may set. */
export interface VerdictLimits {
  /** Failures of this machine that are let pass. */
  readonly max_local_errors: number;
  /** Above this share of answers from a cache the run is INVALID; null: any share is let pass. */
  readonly max_cache_hit_ratio: number | null;
}

type Rule = (totals: Totals, facts: RunFacts) => Finding | undefined;

const MAX_ERROR_RATIO = 0.01;
/** More of the sends than this late by more than 10 ms, or less than this much sent, is not the plan any more. */
const MAX_LATE_RATIO = 0.01;
const MIN_SENT_RATIO = 0.99;
const LAG_P99_MS = 5;
const LOOP_DELAY_MS = { suspect: 5, invalid: 20 } as const;
const LOOP_DELAY_SHARE = 0.1;
/** A thread that waits for events less than this leaves is the bottleneck itself. */
const MAX_BUSY_RATIO = 0.9;
const MIN_HEADROOM_RATIO = 1.3;
const MAX_BUFFERED_RATIO = 0.01;
const MIN_COMPLETED_RATIO = 0.98;
const MAX_LITTLE_RATIO = 0.1;
const DRIFT_RATIO = { suspect: 0.001, invalid: 0.01 } as const;
/** Both clocks are read in milliseconds: less than this is no drift, and a jump of this much within a second is a step. */
const LEAST_DRIFT_MS = 5;
const STEP_MS = 50;

/** The reasons, each found on its own. To add one, write its rule here. */
const RULES: readonly Rule[] = [
  function accounting({ counts, latency }, { issued, rows, model, lostWorkers }) {
    if (model === 'closed' && lostWorkers.length > 0) {
      // What the users of a lost thread had issued is not known.
      return undefined;
    }
    const { planned, sent, dropped, not_sent, ok, failed, abandoned, warmup } = counts;
    const lost = Math.max(
      Math.abs(issued - planned - warmup),
      Math.abs(issued - rows),
      Math.abs(planned - sent - dropped - not_sent),
      Math.abs(sent - ok - failed - abandoned),
      Math.abs(ok - latency.n),
    );
    return lost === 0
      ? undefined
      : {
          code: 'accounting',
          status: 'INVALID',
          value: lost,
          limit: 0,
          message: `${lost} requests do not add up: ${issued} issued, ${planned + warmup} counted, ${rows} rows written`,
          advice: 'this is a bug in infer-bench: please report it with the run directory',
        };
  },
  function noSuccess({ counts }) {
    return counts.ok > 0
      ? undefined
      : {
          code: 'no_success',
          status: 'INVALID',
          value: counts.ok,
          limit: 1,
          message: `none of ${counts.sent} requests succeeded`,
          advice: 'look at the failures by cause; try one request by hand',
        };
  },
  function localFaults({ failures }, { lostWorkers, limits }) {
    if (lostWorkers.length > 0) {
      return {
        code: 'local_faults',
        status: 'INVALID',
        value: lostWorkers.length,
        limit: 0,
        message: `${lostWorkers.length} worker threads ended during the run: ${lostWorkers[0]}`,
        advice: 'what they had in flight is lost; the rows of origin target are good',
      };
    }
    const value = failures
      .filter(({ outcome, origin }) => origin === 'local' && wasSent(outcome))
      .reduce((sum, { count }) => sum + count, 0);
    return value <= limits.max_local_errors
      ? undefined
      : {
          code: 'local_faults',
          status: 'INVALID',
          value,
          limit: limits.max_local_errors,
          message: `${value} requests failed on this machine, not on the target`,
          advice: 'see the failures of origin local; raise the limit they name or lower the load',
        };
  },
  function errors({ counts, rates }, { seconds }) {
    return rates.error_ratio === null || rates.error_ratio <= MAX_ERROR_RATIO || counts.ok === 0
      ? undefined
      : {
          code: 'errors',
          status: 'SUSPECT',
          value: rates.error_ratio,
          limit: MAX_ERROR_RATIO,
          message: `${formatPercent(rates.error_ratio)} of the requests failed: latency is that of the survivors`,
          advice: 'read latency together with the failures by cause',
          seconds: secondsWhere(seconds, ({ failed, completed }) => failed > MAX_ERROR_RATIO * completed),
        };
  },
  function scheduleNotKept({ counts, lag, due_n, late_n }, { model, cappedConnections, seconds }) {
    if (model === 'closed') {
      return undefined;
    }
    const lateRatio = counts.sent === 0 ? 0 : late_n / counts.sent;
    const sentRatio = due_n === 0 ? 1 : counts.sent / due_n;
    const reason = {
      code: 'schedule_not_kept',
      advice: LATE_ADVICE,
      seconds: secondsWhere(seconds, ({ dropped, lag_p99_ms }) => dropped > 0 || (lag_p99_ms ?? 0) > LAG_P99_MS),
    } as const;
    const lateStatus = cappedConnections ? 'SUSPECT' : 'INVALID';
    if (sentRatio < MIN_SENT_RATIO) {
      const unsent = due_n - counts.sent - counts.dropped;
      const message =
        `only ${formatPercent(sentRatio)} of the planned requests were sent, ${counts.dropped} were dropped` +
        (unsent > 0 ? `, ${unsent} not sent before the drain ended` : '');
      return { ...reason, status: 'INVALID', value: sentRatio, limit: MIN_SENT_RATIO, message };
    }
    if (lateRatio > MAX_LATE_RATIO) {
      const message = `${formatPercent(lateRatio)} of the requests were sent more than 10 ms late`;
      return { ...reason, status: lateStatus, value: lateRatio, limit: MAX_LATE_RATIO, message };
    }
    if (counts.dropped > 0) {
      const message = `${counts.dropped} requests were dropped at the in-flight cap`;
      return { ...reason, status: 'SUSPECT', value: counts.dropped, limit: 0, message };
    }
    const lagMs = lag.p99_ms ?? 0;
    return lagMs > LAG_P99_MS
      ? {
          ...reason,
          status: 'SUSPECT',
          value: lagMs,
          limit: LAG_P99_MS,
          message: `the 99th percentile of lag is ${lagMs} ms`,
        }
      : undefined;
  },
  function clientBound({ service_time }, { model, loopDelayP99Ms, loopBusyRatio, headroomRatio, generator }) {
    const limit = Math.max(LOOP_DELAY_MS.suspect, (service_time.p50_ms ?? 0) * LOOP_DELAY_SHARE);
    const isLate = loopDelayP99Ms !== null && loopDelayP99Ms > limit;
    const isBusy = loopBusyRatio !== null && loopBusyRatio > MAX_BUSY_RATIO;
    if (!isLate && !isBusy) {
      return headroomRatio === null || headroomRatio >= MIN_HEADROOM_RATIO ? undefined : noHeadroom(headroomRatio);
    }
    const reason = {
      code: 'client_bound',
      status: model === 'open' && (isBusy || loopDelayP99Ms! > LOOP_DELAY_MS.invalid) ? 'INVALID' : 'SUSPECT',
      advice: 'latency includes its own time; give the generator a core of its own, more --workers, or a lower load',
      seconds: generator
        .filter((second) => second.loopDelayP99Ms > limit || (isBusy && second.loopBusyRatio > MAX_BUSY_RATIO))
        .map(({ epochS }) => epochS),
    } as const;
    return isBusy
      ? {
          ...reason,
          value: loopBusyRatio,
          limit: MAX_BUSY_RATIO,
          message: `the thread that sends was busy ${formatPercent(loopBusyRatio)} of the time`,
        }
      : {
          ...reason,
          value: loopDelayP99Ms!,
          limit,
          message: `this program's event loop came round up to ${loopDelayP99Ms!.toFixed(1)} ms late (p99 of its worst second)`,
        };
  },
  function bufferedStream({ tokens }) {
    const ratio = tokens && tokens.streams_n > 0 ? tokens.buffered_n / tokens.streams_n : 0;
    return ratio <= MAX_BUFFERED_RATIO
      ? undefined
      : {
          code: 'buffered_stream',
          status: 'SUSPECT',
          value: ratio,
          limit: MAX_BUFFERED_RATIO,
          message: `${formatPercent(ratio)} of the streams came all at once: TTFT, TPOT and chunk gaps of these are withheld`,
          advice:
            'look for a proxy that collects answers and turn that off; a server or a client that stood still does the same',
        };
  },
  function backlog({ counts, rates, service_time }, { model, steady, seconds }) {
    const sent = rates.sent_per_s * rates.window_s;
    const missing = sent - rates.completed_per_s * rates.window_s;
    const ratio = sent === 0 ? 1 : 1 - missing / sent;
    // What a server that keeps up has in flight when the load ends is no backlog: rate × service time, by Little's law.
    const lastPerS = seconds.findLast(({ planned }) => planned > 0)?.planned ?? 0;
    const usual = Math.max(rates.in_flight_mean, lastPerS * ((service_time.mean_ms ?? 0) / 1000));
    if (model === 'closed' || ratio >= MIN_COMPLETED_RATIO || missing <= 1.5 * usual + 3 || counts.ok === 0) {
      return undefined;
    }
    const loaded = seconds.filter(({ planned }) => planned > 0).map(({ in_flight }) => in_flight);
    const grows = (slopeOf(loaded.slice(0, -1))?.low ?? 0) > 0;
    return {
      code: 'backlog',
      status: steady && grows ? 'INVALID' : 'SUSPECT',
      value: ratio,
      limit: MIN_COMPLETED_RATIO,
      message:
        `only ${formatPercent(ratio)} of what was sent was answered while the load lasted` +
        (grows ? ', and more was in flight with each second: latency tells how long the run was' : ''),
      advice: 'the server takes less than this rate; lower it, and look for the highest that it keeps up with',
    };
  },
  function tooFewSamples(_totals, { thresholds }) {
    const short = thresholds
      .flatMap(({ aggregation, n, windows }) => {
        // Windows have a least number of samples of their own.
        const p = aggregation === 'med' ? 0.5 : Number(/^p\((\d+(?:\.\d+)?)\)$/.exec(aggregation)?.[1]) / 100;
        return windows === null && p > 0 && p < 1 && n > 0 && n < fewestSamples(p) ? [{ p, n, aggregation }] : [];
      })
      .sort((a, b) => b.p - a.p)[0];
    if (short === undefined) {
      return undefined;
    }
    const needed = fewestSamples(short.p);
    return {
      code: 'too_few_samples',
      status: 'INCONCLUSIVE',
      value: short.n,
      limit: needed,
      message: `${short.aggregation} needs ${needed} requests at 95 % confidence: ${needed - short.n} more`,
      advice: 'let the run be longer, or ask for a lower percentile',
    };
  },
  function little(_totals, { little: law, loopDelayP99Ms }) {
    // A loop that comes round late keeps users waiting: that is told as `client_bound`, once.
    const isLate = (loopDelayP99Ms ?? 0) > LOOP_DELAY_MS.suspect;
    return law === null || isLate || Math.abs(law.ratio - 1) <= MAX_LITTLE_RATIO
      ? undefined
      : {
          code: 'little',
          status: 'SUSPECT',
          value: law.ratio - 1,
          limit: MAX_LITTLE_RATIO,
          message:
            `${law.in_system_mean.toFixed(1)} ${law.of === 'users' ? 'users' : 'requests in flight'} do not fit rate times ` +
            `time, which make ${law.expected_mean.toFixed(1)} (Little's law)`,
          advice: 'time went by that no request shows; look at the loop delay and the users of each second',
        };
  },
  function clock(_totals, { generator }) {
    const read = generator.flatMap(({ epochS, wallOffsetMs: ms }) => (ms === null ? [] : [{ epochS, ms }]));
    const [first, last] = [read[0], read.at(-1)];
    if (first === undefined || last === undefined || last.epochS === first.epochS) {
      return undefined;
    }
    const driftMs = Math.abs(last.ms - first.ms);
    const ratio = driftMs > LEAST_DRIFT_MS ? driftMs / 1000 / (last.epochS - first.epochS) : 0;
    const steps = read
      .filter(({ ms }, index) => Math.abs(ms - (read[Math.max(0, index - 1)]?.ms ?? ms)) > STEP_MS)
      .map(({ epochS }) => epochS);
    return ratio <= DRIFT_RATIO.suspect && steps.length === 0
      ? undefined
      : {
          code: 'clock',
          status: ratio > DRIFT_RATIO.invalid ? 'INVALID' : 'SUSPECT',
          value: ratio,
          limit: DRIFT_RATIO.suspect,
          message: `wall clock and monotonic clock went apart by ${driftMs.toFixed(0)} ms`,
          advice: 'durations are of the monotonic clock; have the time service settle, or do not suspend the machine',
          seconds: steps,
        };
  },
  function cacheServed({ cache }, { repeatsWanted, limits }) {
    if (cache === null || cache.hit.n === 0) {
      return undefined;
    }
    const reason = {
      code: 'cache_served',
      value: cache.hit_ratio,
      message: `${formatPercent(cache.hit_ratio)} of the answers came from the server's cache`,
      advice: 'say so with --data-order repeat or zipf, use a larger dataset, or turn the cache off',
    } as const;
    const most = limits.max_cache_hit_ratio;
    if (most !== null && cache.hit_ratio > most) {
      return { ...reason, status: 'INVALID', limit: most };
    }
    return repeatsWanted ? undefined : { ...reason, status: 'SUSPECT', limit: 0 };
  },
  function interruptedEarly({ rates }, { ended }) {
    return ended === 'done'
      ? undefined
      : {
          code: 'interrupted',
          status: 'INCONCLUSIVE',
          value: 1,
          limit: 0,
          message:
            ended === 'stopped'
              ? 'the run was stopped before its end'
              : `the run was killed after ${rates.window_s.toFixed(1)} s of its load; what was in flight then is in no row`,
          advice: 'what was measured until then is kept; run again for the whole pattern',
        };
  },
];

function noHeadroom(ratio: number): Finding {
  return {
    code: 'client_bound',
    status: 'SUSPECT',
    value: ratio,
    limit: MIN_HEADROOM_RATIO,
    message: `the busiest second was near what this machine can send: headroom ${ratio.toFixed(2)}`,
    advice:
      'latency may include its own time; lower the rate, or give the generator more --workers or a faster machine',
  };
}

function secondsWhere(seconds: readonly PerSecondRow[], shows: (second: PerSecondRow) => boolean): readonly number[] {
  return seconds.filter(shows).map(({ epoch_s }) => epoch_s);
}

const LATE_ADVICE =
  'the numbers do not describe the planned load; give the generator a core of its own, lower the rate or raise the cap';

const SEVERITY: readonly Status[] = ['INVALID', 'INCONCLUSIVE', 'SUSPECT'];

/** The verdict of a run: its worst reason wins, and comes first. */
export function judge(totals: Totals, facts: RunFacts): Verdict {
  const findings = RULES.map((rule) => rule(totals, facts))
    .filter((finding) => finding !== undefined)
    .sort((a, b) => SEVERITY.indexOf(a.status) - SEVERITY.indexOf(b.status));
  const reasons = findings.map(({ seconds, ...finding }): Reason => {
    const shows = seconds !== undefined && seconds.length > 0;
    return { ...finding, seconds_n: shows ? seconds.length : null, at_epoch_s: (seconds ?? []).slice(0, MOST_NAMED) };
  });
  return { status: reasons[0]?.status ?? 'VALID', reasons };
}
