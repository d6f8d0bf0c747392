import type { Clock } from '../clock.js';
import { type Pacing, pace } from '../engine/pacer.js';
import { distribution } from '../reduce/distribution.js';
import { type Histogram, histogram } from '../reduce/histogram.js';
import type { Lateness } from '../reports/calibration.js';
import { US_PER_MS, US_PER_S } from '../units.js';

/** Waits longer than this run several beside each other, so that there are as many of them. */
const CHAIN_US = 10 * US_PER_MS;

/** How late `Clock.at` calls back: waits of one length after each other for as long as `durationUs`. */
export function timerLateness(clock: Clock, waitUs: number, durationUs: number): Promise<Lateness> {
  const late = histogram();
  const endUs = clock.nowUs() + durationUs;
  const chains = Math.max(1, Math.round(waitUs / CHAIN_US));
  const chain = (fromUs: number) =>
    new Promise<void>((resolve) => {
      const wait = (dueUs: number) =>
        clock.at(dueUs, () => {
          const nowUs = clock.nowUs();
          late.record(nowUs - dueUs);
          if (nowUs + waitUs > endUs) {
            resolve();
          } else {
            wait(nowUs + waitUs);
          }
        });
      wait(fromUs + waitUs);
    });
  const startUs = clock.nowUs();
  const all = Array.from({ length: chains }, (_, index) => chain(startUs + (index * waitUs) / chains));
  return Promise.all(all).then(() => latenessOf(late));
}

/** How late the pacer sends at an even rate. */
export function pacingLateness(clock: Clock, pacing: Pacing, ratePerS: number, durationUs: number): Promise<Lateness> {
  const late = histogram();
  const startUs = clock.nowUs() + CHAIN_US;
  const count = Math.floor((durationUs / US_PER_S) * ratePerS);
  const dueUs = Float64Array.from({ length: count }, (_, index) => startUs + (index * US_PER_S) / ratePerS);
  return new Promise((resolve) => {
    pace({
      clock,
      pacing,
      dueUs,
      send: (index) => late.record(clock.nowUs() - (dueUs[index] as number)),
      done: () => resolve(latenessOf(late)),
    });
  });
}

function latenessOf(late: Histogram): Lateness {
  const { n, p50_ms = null, p99_ms = null, max_ms } = distribution(late);
  return { n, p50_ms, p99_ms, max_ms };
}
