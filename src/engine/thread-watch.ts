import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import type { Clock } from '../clock.js';
import type { ThreadSecond } from '../samples/generator.js';
import { US_PER_S } from '../units.js';

/** The loop monitor's own timer: what it measures includes this interval. */
const RESOLUTION_MS = 10;

/**
 * Watches the thread it is called in from the run's start on and tells once a second how it fared. Returns a function
 * that ends the watching and tells what is left.
 */
export function watchThread(
  clock: Clock,
  takeHandshakesMs: () => readonly number[],
  tell: (second: ThreadSecond) => void,
): () => void {
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let gcMs = 0;
  const gc = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMs += duration;
    }
  });
  gc.observe({ entryTypes: ['gc'] });
  loop.enable();
  let utilization = performance.eventLoopUtilization();
  let sinceUs = 0;
  let cancel = clock.at(US_PER_S, tick);

  function tick(): void {
    observe();
    cancel = clock.at((Math.floor(clock.nowUs() / US_PER_S) + 1) * US_PER_S, tick);
  }

  function observe(): void {
    const before = utilization;
    utilization = performance.eventLoopUtilization();
    tell({
      sinceUs,
      loopDelayP99Ms: Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS),
      loopBusyRatio: performance.eventLoopUtilization(utilization, before).utilization,
      gcMs,
      handshakesMs: takeHandshakesMs(),
    });
    loop.reset();
    gcMs = 0;
    sinceUs = clock.nowUs();
  }

  return () => {
    cancel();
    observe();
    loop.disable();
    gc.disconnect();
  };
}
