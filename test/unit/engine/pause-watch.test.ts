import { expect, it } from 'vitest';
import { pauseWatch } from '../../../src/engine/pause-watch.js';
import { fakeClock } from '../../support/clock.js';

it('a request is touched by a pause that it was in flight in, told before or after the watch saw it', () => {
  const clock = fakeClock();
  const watch = pauseWatch(clock);
  clock.runUntil(100_000);
  expect(watch.touched(50_000, 100_000)).toBe(false);
  clock.skipTo(120_000);
  // The answer is read before the timer fires.
  expect(watch.touched(90_000, 120_000)).toBe(true);
  clock.runUntil(130_000);
  expect(watch.touched(90_000, 130_000)).toBe(true);
  expect(watch.touched(125_000, 130_000)).toBe(false);
});

it('a thread that comes round a little late did not stand still', () => {
  const clock = fakeClock();
  const watch = pauseWatch(clock);
  clock.runUntil(100_000);
  clock.skipTo(104_000);
  expect(watch.touched(90_000, 104_000)).toBe(false);
  clock.runUntil(110_000);
  expect(watch.touched(90_000, 110_000)).toBe(false);
});

it('does nothing more when it is stopped', () => {
  const clock = fakeClock();
  const watch = pauseWatch(clock);
  watch.stop();
  clock.runUntil(100_000);
  expect(watch.touched(0, 100_000)).toBe(true);
});
