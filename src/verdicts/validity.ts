import type { Totals } from '../reduce/summary.js';
import { wasSent } from '../samples/outcomes.js';

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
    | 'buffered_stream';
  readonly status: Exclude<Status, 'VALID'>;
  readonly value: number;
  readonly limit: number;
  readonly message: string;
  readonly advice: string;
}

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
}

type Rule = (totals: Totals, facts: RunFacts) => Reason | undefined;

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

/** The reasons, each found on its own. To add one, write its rule here. */
const RULES: readonly Rule[] = [
  function accounting({ counts }, { issued, rows, model, lostWorkers }) {
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
  function localFaults({ failures }, { lostWorkers }) {
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
    return value === 0
      ? undefined
      : {
          code: 'local_faults',
          status: 'INVALID',
          value,
          limit: 0,
          message: `${value} requests failed on this machine, not on the target`,
          advice: 'see the failures of origin local; raise the limit they name or lower the load',
        };
  },
  function errors({ counts, rates }) {
    return rates.error_ratio === null || rates.error_ratio <= MAX_ERROR_RATIO || counts.ok === 0
      ? undefined
      : {
          code: 'errors',
          status: 'SUSPECT',
          value: rates.error_ratio,
          limit: MAX_ERROR_RATIO,
          message: `${(rates.error_ratio * 100).toFixed(1)} % of the requests failed: latency is that of the survivors`,
          advice: 'read latency together with the failures by cause',
        };
  },
  function scheduleNotKept({ counts, lag, due_n, late_n }, { model, cappedConnections }) {
    if (model === 'closed') {
      return undefined;
    }
    const lateRatio = counts.sent === 0 ? 0 : late_n / counts.sent;
    const sentRatio = due_n === 0 ? 1 : counts.sent / due_n;
    const reason = { code: 'schedule_not_kept', advice: LATE_ADVICE } as const;
    const lateStatus = cappedConnections ? 'SUSPECT' : 'INVALID';
    if (sentRatio < MIN_SENT_RATIO) {
      const unsent = due_n - counts.sent - counts.dropped;
      const message =
        `only ${percent(sentRatio)} of the planned requests were sent, ${counts.dropped} were dropped` +
        (unsent > 0 ? `, ${unsent} not sent before the drain ended` : '');
      return { ...reason, status: 'INVALID', value: sentRatio, limit: MIN_SENT_RATIO, message };
    }
    if (lateRatio > MAX_LATE_RATIO) {
      const message = `${percent(lateRatio)} of the requests were sent more than 10 ms late`;
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
  function clientBound({ service_time }, { model, loopDelayP99Ms, loopBusyRatio, headroomRatio }) {
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
    } as const;
    return isBusy
      ? {
          ...reason,
          value: loopBusyRatio,
          limit: MAX_BUSY_RATIO,
          message: `the thread that sends was busy ${percent(loopBusyRatio)} of the time`,
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
          message: `${percent(ratio)} of the streams came all at once: TTFT, TPOT and chunk gaps of these are withheld`,
          advice:
            'look for a proxy that collects answers and turn that off; a server or a client that stood still does the same',
        };
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

function noHeadroom(ratio: number): Reason {
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

const LATE_ADVICE =
  'the numbers do not describe the planned load; give the generator a core of its own, lower the rate or raise the cap';

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}

const SEVERITY: readonly Status[] = ['INVALID', 'INCONCLUSIVE', 'SUSPECT'];

/** The verdict of a run: its worst reason wins. */
export function judge(totals: Totals, facts: RunFacts): Verdict {
  const reasons = RULES.map((rule) => rule(totals, facts)).filter((reason) => reason !== undefined);
  const status = SEVERITY.find((candidate) => reasons.some((reason) => reason.status === candidate)) ?? 'VALID';
  return { status, reasons };
}
