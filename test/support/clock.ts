import type { Clock } from '../../src/clock.js';

const TURN_US = 5;

interface Alarm {
  readonly atUs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Virtual time: nothing happens until `runUntil`, which fires what is due in order. */
export function fakeClock(epochMsAtZero = 1_700_000_000_000): Clock & {
  runUntil(us: number): void /** Time goes on and nothing runs, as for a stopped process. */;
  skipTo(us: number): void;
} {
  let nowUs = 0;
  let order = 0;
  const alarms = new Set<Alarm>();

  return {
    nowUs: () => nowUs,
    comes: (atUs) => nowUs >= atUs,
    epochMsAt: (us) => epochMsAtZero + us / 1000,
    at(atUs, callback) {
      const alarm = { atUs: Math.max(atUs, nowUs), order: order++, callback };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    // A turn of the event loop takes some time: a few microseconds, or spinning would never get anywhere.
    soon(callback) {
      this.at(nowUs + TURN_US, callback);
    },
    runUntil(us) {
      for (;;) {
        const [next] = [...alarms].sort((a, b) => a.atUs - b.atUs || a.order - b.order);
        if (!next || next.atUs > us) {
          break;
        }
        alarms.delete(next);
        nowUs = Math.max(nowUs, next.atUs);
        next.callback();
      }
      nowUs = us;
    },
    skipTo(us) {
      nowUs = us;
    },
  };
}

/** A clock set by hand: nothing is ever woken, so that what depends on being woken in time shows. */
export function handClock(): Clock & { set(us: number): void } {
  let nowUs = 0;
  return {
    nowUs: () => nowUs,
    comes: (atUs) => nowUs >= atUs,
    epochMsAt: (us) => us / 1000,
    at: () => () => {},
    soon() {},
    set(us) {
      nowUs = us;
    },
  };
}
