import type { Clock } from '../clock.js';
import { US_PER_MS } from '../units.js';

/** The event loop is asked to come round this often. */
const LOOK_EVERY_US = 2 * US_PER_MS;
/** It stood still when it comes round later than that by more than this. */
const PAUSE_US = 5 * US_PER_MS;

/** Knows when the thread it was made in stood still: a garbage collection, a long callback, a core taken away. */
export interface PauseWatch {
  /** Whether the thread stood still at some time from `startUs` on, up to the end of a request that is told at `nowUs`. */
  touched(startUs: number, nowUs: number): boolean;
  stop(): void;
}

/** Places of the cells: when the loop last came round, and when the last pause was over. */
const LOOKED = 0;
const PAUSED_UNTIL = 1;

/**
 * Watches from now on. Asking costs two loads and makes no object: the watch keeps two numbers, of which a timer moves
 * one 500 times a second. Answers are read before that timer fires after a pause, so a request also counts as touched
 * while the timer is overdue. A pause is seen for sure from 7 ms on, one of 5 ms when it meets the timer.
 */
export function pauseWatch(clock: Clock): PauseWatch {
  const cells = Float64Array.of(clock.nowUs(), Number.NEGATIVE_INFINITY);
  let cancel = clock.at(clock.nowUs() + LOOK_EVERY_US, look);

  function look(): void {
    const nowUs = clock.nowUs();
    if (nowUs - (cells[LOOKED] as number) > LOOK_EVERY_US + PAUSE_US) {
      cells[PAUSED_UNTIL] = nowUs;
    }
    cells[LOOKED] = nowUs;
    cancel = clock.at(nowUs + LOOK_EVERY_US, look);
  }

  return {
    touched: (startUs, nowUs) =>
      startUs < (cells[PAUSED_UNTIL] as number) || nowUs - (cells[LOOKED] as number) > LOOK_EVERY_US + PAUSE_US,
    stop: () => cancel(),
  };
}
