import { US_PER_MS, US_PER_S } from './units.js';

/**
 * Time as an argument: microseconds from the start of the run. The one seam that lets schedules, loops and deadlines be
 * tested without waiting.
 */
export interface Clock {
  /** Microseconds since the run's start, fractional, monotonic; negative before the start. */
  nowUs(): number;
  /** Epoch milliseconds of a moment of the run, from the one anchor taken at the start: steps of the wall clock after it do not show. */
  epochMsAt(us: number): number;
  /**
   * Whether a moment has come, or comes in the next few microseconds: looks again and again, which is free of garbage
   * and keeps the program from its sockets for so long.
   */
  comes(atUs: number): boolean;
  /** Calls back once, at or after `atUs` and never before; the returned function cancels. */
  at(atUs: number, callback: () => void): () => void;
  /** Calls back as soon as sockets were looked at: the finest way to wait, which keeps a core busy. Not to be cancelled, so that it makes no garbage. */
  soon(callback: () => void): void;
}

/** The one place where the run's clock meets the other two: what epoch and what monotonic time its zero was. */
export interface ClockAnchor {
  /** Epoch microseconds of the run's start. */
  readonly startedEpochUs: number;
  /** CLOCK_MONOTONIC nanoseconds of the run's start, as decimal text: comparable across processes of one machine. */
  readonly startedMonotonicNs: string;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
/** Readings of the clock in a row: six microseconds or so. */
const LOOKS = 128;
const NS_PER_US = 1_000;
const NS_PER_S = 1_000_000_000n;

/** A clock whose zero can be moved to where the run starts. */
export interface SystemClock extends Clock {
  /**
   * Moves the zero to `us` from now: connections are opened on this clock before the run, and what has to be written
   * then must not eat into it. Nothing may be waiting on the clock.
   */
  startIn(us: number): void;
  /** Puts the zero where another clock of this process has it, in another thread: one clock for all of a run. */
  startAt(anchor: ClockAnchor): void;
  anchor(): ClockAnchor;
}

/** The machine's clock; its zero is now until it is moved. */
export function systemClock(): SystemClock {
  let zero = readBothClocks();
  /** The monotonic zero in two parts, as `hrtime` gives them. */
  let zeroS = 0;
  let zeroNs = 0;
  setZero(zero);

  function setZero(moment: Moment): void {
    zero = moment;
    zeroS = Number(moment.monotonicNs / NS_PER_S);
    zeroNs = Number(moment.monotonicNs % NS_PER_S);
  }

  const clock: SystemClock = {
    nowUs() {
      const [seconds, ns] = process.hrtime();
      return (seconds - zeroS) * US_PER_S + (ns - zeroNs) / NS_PER_US;
    },
    comes(atUs) {
      // In a loop of its own, where the pair that hrtime gives is never made: a million of them a second, or as many turns
      // of the event loop, would be a garbage collection every few milliseconds.
      for (let look = 0; look < LOOKS; look++) {
        const [seconds, ns] = process.hrtime();
        if ((seconds - zeroS) * US_PER_S + (ns - zeroNs) / NS_PER_US >= atUs) {
          return true;
        }
      }
      return false;
    },
    epochMsAt: (us) => (zero.epochUs + us) / US_PER_MS,
    at(atUs, callback) {
      let timer: NodeJS.Timeout;
      const arm = () => {
        const delayMs = Math.min(MAX_TIMER_MS, Math.max(1, Math.ceil((atUs - clock.nowUs()) / US_PER_MS)));
        timer = setTimeout(fire, delayMs);
      };
      // Node fires up to a millisecond early: look again rather than act before time.
      const fire = () => (clock.nowUs() < atUs ? arm() : callback());
      arm();
      return () => clearTimeout(timer);
    },
    soon(callback) {
      setImmediate(callback);
    },
    startIn(us) {
      const now = readBothClocks();
      setZero({
        epochUs: now.epochUs + Math.round(us),
        monotonicNs: now.monotonicNs + BigInt(Math.round(us * NS_PER_US)),
      });
    },
    startAt({ startedEpochUs, startedMonotonicNs }) {
      setZero({ epochUs: startedEpochUs, monotonicNs: BigInt(startedMonotonicNs) });
    },
    anchor: () => ({ startedEpochUs: zero.epochUs, startedMonotonicNs: String(zero.monotonicNs) }),
  };
  return clock;
}

/** The same moment on the wall clock and on the monotonic one. */
interface Moment {
  readonly epochUs: number;
  readonly monotonicNs: bigint;
}

/** Of a few readings of both clocks the one with the least time between. */
function readBothClocks(): Moment {
  let best = { ms: 0, monotonicNs: 0n, gapMs: Number.POSITIVE_INFINITY };
  for (let reading = 0; reading < 8; reading++) {
    const before = performance.now();
    const monotonicNs = process.hrtime.bigint();
    const gapMs = performance.now() - before;
    if (gapMs < best.gapMs) {
      best = { ms: before + gapMs / 2, monotonicNs, gapMs };
    }
  }
  return { monotonicNs: best.monotonicNs, epochUs: Math.round((performance.timeOrigin + best.ms) * US_PER_MS) };
}

/**
 * The wall clock − the epoch time that the run's monotonic clock makes of the same moment, ms. Its value says little, as
 * both are read in whole milliseconds; how it changes is the drift of the two, or a step of the wall clock.
 */
export function wallOffsetMs(clock: Pick<Clock, 'nowUs' | 'epochMsAt'>): number {
  let best = { ms: 0, gapUs: Number.POSITIVE_INFINITY };
  for (let reading = 0; reading < 3; reading++) {
    const beforeUs = clock.nowUs();
    const wall = Date.now();
    const gapUs = clock.nowUs() - beforeUs;
    if (gapUs < best.gapUs) {
      best = { ms: wall - clock.epochMsAt(beforeUs + gapUs / 2), gapUs };
    }
  }
  return best.ms;
}

/** Resolves at `atUs`, or at once when `signal` aborts. */
export function sleepUntil(clock: Clock, atUs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const wake = () => {
      cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = clock.at(atUs, wake);
    signal?.addEventListener('abort', wake, { once: true });
  });
}

/** CLOCK_MONOTONIC of this machine in nanoseconds, for records that are compared across processes. */
export function monotonicNs(): bigint {
  return process.hrtime.bigint();
}

/** The wall clock in epoch milliseconds: for names and labels, never for durations. */
export function wallMs(): number {
  return Date.now();
}
