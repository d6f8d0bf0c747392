import { US_PER_MS } from './units.js';

/**
 * Time as an argument: microseconds from the start of the run. The one seam that lets schedules, loops and deadlines be
 * tested without waiting.
 */
export interface Clock {
  /** Microseconds since the run's start, fractional, monotonic; negative before the start. */
  nowUs(): number;
  /** Epoch milliseconds of a moment of the run, from the one anchor taken at the start: steps of the wall clock after it do not show. */
  epochMsAt(us: number): number;
  /** Calls back once, at or after `atUs` and never before; the returned function cancels. */
  at(atUs: number, callback: () => void): () => void;
}

/** The one place where the run's clock meets the other two: what epoch and what monotonic time its zero was. */
export interface ClockAnchor {
  /** Epoch microseconds of the run's start. */
  readonly startedEpochUs: number;
  /** CLOCK_MONOTONIC nanoseconds of the run's start, as decimal text: comparable across processes of one machine. */
  readonly startedMonotonicNs: string;
}

const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock, with its zero `startInUs` from now: setting up after it was made does not eat into the run. */
export function systemClock(startInUs = 0): Clock & { readonly anchor: ClockAnchor } {
  const now = readBothClocks();
  const zeroMs = now.ms + startInUs / US_PER_MS;
  const startedEpochUs = Math.round((performance.timeOrigin + zeroMs) * US_PER_MS);

  const clock: Clock = {
    nowUs: () => (performance.now() - zeroMs) * US_PER_MS,
    epochMsAt: (us) => (startedEpochUs + us) / US_PER_MS,
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
  };
  const anchor = {
    startedEpochUs,
    startedMonotonicNs: String(now.monotonicNs + BigInt(Math.round(startInUs * 1000))),
  };
  return { ...clock, anchor };
}

/** The same moment on performance.now and on CLOCK_MONOTONIC: of a few readings the one with the least time between. */
function readBothClocks(): { readonly ms: number; readonly monotonicNs: bigint } {
  let best = { ms: 0, monotonicNs: 0n, gapMs: Number.POSITIVE_INFINITY };
  for (let reading = 0; reading < 8; reading++) {
    const before = performance.now();
    const monotonicNs = process.hrtime.bigint();
    const gapMs = performance.now() - before;
    if (gapMs < best.gapMs) {
      best = { ms: before + gapMs / 2, monotonicNs, gapMs };
    }
  }
  return best;
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
