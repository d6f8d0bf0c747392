import type { Clock } from '../clock.js';
import { US_PER_MS } from '../units.js';

/**
 * How due times are met. `precise` spins on a core while the next one is near, `frugal` looks once a millisecond and
 * leaves the core to others.
 */
export type Pacing = 'precise' | 'frugal';

/** A timer may come this late: from here on `precise` spins. */
const SPIN_US = 2 * US_PER_MS;
/** So many requests go out before the clock and the sockets are looked at again. */
const BURST = 32;

export interface PacerOptions {
  readonly clock: Clock;
  readonly pacing: Pacing;
  /** Due times in µs, in order. */
  readonly dueUs: Float64Array;
  /** Called for each due time in turn, never before it; what is overdue is not skipped. */
  readonly send: (index: number) => void;
  /** Called once after the last. */
  readonly done: () => void;
}

/**
 * Which pacing is chosen when the user does not: spinning pays where timers of a millisecond show, if a core is to spare
 * beside those that the `workers` would keep busy.
 */
export function choosePacing(dueUs: Float64Array, cores: number, workers: number): Pacing {
  const spanUs = (dueUs.at(-1) ?? 0) - (dueUs[0] ?? 0);
  const meanGapUs = dueUs.length > 1 ? spanUs / (dueUs.length - 1) : Number.POSITIVE_INFINITY;
  return cores > workers && meanGapUs < 100 * US_PER_MS ? 'precise' : 'frugal';
}

/**
 * Sends at due times that were all fixed before. What is overdue goes at once, in order: a schedule is never shifted
 * and no request skipped, so lateness shows as lag and nowhere else. Returns a function that stops it and gives the
 * index of the first request that was not sent.
 */
export function pace({ clock, pacing, dueUs, send, done }: PacerOptions): () => number {
  let next = 0;
  let stopped = false;
  let cancel = clock.at(dueUs[0] === undefined ? 0 : wakeUs(dueUs[0]), drain);

  function drain(): void {
    if (stopped) {
      return;
    }
    const nowUs = clock.nowUs();
    const end = Math.min(next + BURST, dueUs.length);
    while (next < end && (dueUs[next] as number) <= nowUs) {
      send(next++);
    }
    if (next === dueUs.length) {
      done();
      return;
    }
    const dueNextUs = dueUs[next] as number;
    if (dueNextUs <= nowUs) {
      // A backlog: answers must be read in between, or lateness would be counted as theirs.
      clock.soon(drain);
    } else if (pacing === 'frugal' || dueNextUs - nowUs > SPIN_US) {
      cancel = clock.at(wakeUs(dueNextUs), drain);
    } else if (clock.comes(dueNextUs)) {
      drain();
    } else {
      clock.soon(drain);
    }
  }

  function wakeUs(dueNextUs: number): number {
    return pacing === 'precise' ? dueNextUs - SPIN_US : dueNextUs;
  }

  return () => {
    stopped = true;
    cancel();
    return next;
  };
}
