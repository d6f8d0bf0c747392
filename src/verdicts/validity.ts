import type { Totals } from '../reduce/summary.js';

/** Whether the measurement itself can be trusted. It says nothing about whether the target was good. */
export type Status = 'VALID' | 'SUSPECT' | 'INVALID' | 'INCONCLUSIVE';

/** One reason for doubt, with the figure that triggered it and what to do. */
export interface Reason {
  readonly code: 'no_success' | 'accounting' | 'errors' | 'local_faults' | 'interrupted';
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
  readonly interrupted: boolean;
}

type Rule = (totals: Totals, facts: RunFacts) => Reason | undefined;

const MAX_ERROR_RATIO = 0.01;

/** The reasons, each found on its own. To add one, write its rule here. */
const RULES: readonly Rule[] = [
  function accounting({ counts }, { issued, rows }) {
    const { planned, sent, dropped, not_sent, ok, failed, abandoned } = counts;
    const lost = Math.max(
      Math.abs(issued - planned),
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
          message: `${lost} requests do not add up: ${issued} issued, ${planned} counted, ${rows} rows written`,
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
  function localFaults({ failures }) {
    const value = failures.filter(({ origin }) => origin === 'local').reduce((sum, { count }) => sum + count, 0);
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
  function interruptedEarly(_totals, { interrupted }) {
    return interrupted
      ? {
          code: 'interrupted',
          status: 'INCONCLUSIVE',
          value: 1,
          limit: 0,
          message: 'the run was stopped before its end',
          advice: 'what was measured until then is kept; run again for the whole pattern',
        }
      : undefined;
  },
];

const SEVERITY: readonly Status[] = ['INVALID', 'INCONCLUSIVE', 'SUSPECT'];

/** The verdict of a run: its worst reason wins. */
export function judge(totals: Totals, facts: RunFacts): Verdict {
  const reasons = RULES.map((rule) => rule(totals, facts)).filter((reason) => reason !== undefined);
  const status = SEVERITY.find((candidate) => reasons.some((reason) => reason.status === candidate)) ?? 'VALID';
  return { status, reasons };
}
