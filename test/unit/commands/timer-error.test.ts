import { expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.js';
import { pacingLateness, timerLateness } from '../../../src/commands/timer-error.js';
import { fakeClock } from '../../support/clock.js';

/** A clock whose callbacks come later than they should by a time of their own. */
function lateBy(lateUs: () => number) {
  const clock = fakeClock();
  const late: Clock = { ...clock, at: (atUs, callback) => clock.at(atUs + lateUs(), callback) };
  return { late, clock };
}

it('the lateness of timers is what their callbacks came late', async () => {
  let calls = 0;
  // Every tenth 5 ms late, the others 0.2 ms.
  const { late, clock } = lateBy(() => (++calls % 10 === 0 ? 5_000 : 200));
  const measured = timerLateness(late, 1_000, 1e6);
  clock.runUntil(2e6);
  const { n, p50_ms, p99_ms, max_ms } = await measured;
  // Ten waits take 9 · 1.2 ms + 6 ms.
  expect(n).toBeGreaterThan(590);
  expect(n).toBeLessThan(600);
  expect({ p50_ms, max_ms }).toEqual({ p50_ms: 0.2, max_ms: 5 });
  expect(p99_ms).toBeCloseTo(5, 1);
});

it('long waits run beside each other', async () => {
  const clock = fakeClock();
  const measured = timerLateness(clock, 100_000, 1e6);
  clock.runUntil(2e6);
  const { n, max_ms } = await measured;
  expect(n).toBeGreaterThanOrEqual(90);
  expect(max_ms).toBe(0);
});

it('the lateness of pacing is what requests went out late', async () => {
  const clock = fakeClock();
  const measured = pacingLateness(clock, 'precise', 1_000, 1e6);
  clock.runUntil(500_000);
  clock.skipTo(540_000);
  clock.runUntil(2e6);
  const { n, p50_ms, p99_ms, max_ms } = await measured;
  expect(n).toBe(1_000);
  // Spinning looks every 5 µs of this clock.
  expect(p50_ms).toBeLessThanOrEqual(0.005);
  // 40 ms were lost: as many requests late, the first of them by nearly all of it.
  expect(max_ms).toBeGreaterThan(38);
  expect(p99_ms).toBeGreaterThan(25);
});
