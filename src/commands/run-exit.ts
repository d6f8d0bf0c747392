import { EXIT, type ExitCode, worstExit } from '../errors.js';
import type { StopSignal } from '../io.js';
import type { Report } from '../reports/report.js';

export interface ExitOptions {
  /** The signal that ended the run early. */
  readonly stopped?: StopSignal | undefined;
  /** Anything but VALID is a failure. */
  readonly requireValid: boolean;
}

/** The exit code of what a signal ended. */
export function exitCodeOfStop(stopped: StopSignal | undefined): ExitCode {
  return stopped === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}

/** The exit code that a run deserves, while it ends and whenever a report is made of it again. */
export function exitCodeOf({ verdict, thresholds }: Report, { stopped, requireValid }: ExitOptions): ExitCode {
  const codes: ExitCode[] = stopped ? [exitCodeOfStop(stopped)] : [];
  if (verdict.status === 'INVALID') {
    // Requests that do not add up are our own bug, whatever the target did.
    codes.push(verdict.reasons.some(({ code }) => code === 'accounting') ? EXIT.bug : EXIT.invalid);
  }
  if (requireValid && verdict.status !== 'VALID') {
    codes.push(EXIT.invalid);
  }
  const isLost = thresholds.some(({ state }) => state === 'fail' || state === 'no_data');
  if (isLost) {
    codes.push(EXIT.thresholds);
  } else if (thresholds.some(({ state }) => state === 'inconclusive')) {
    // Nobody can say that it holds: that is no pass.
    codes.push(EXIT.invalid);
  }
  return worstExit(codes);
}
