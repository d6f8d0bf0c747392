import { describe, expect, it } from 'vitest';
import { abortWatch } from '../../../src/commands/abort-watch.js';
import { parseThreshold } from '../../../src/verdicts/threshold-language.js';
import { thresholdPlan } from '../../../src/verdicts/threshold-plan.js';
import { thresholdFold } from '../../../src/verdicts/thresholds.js';
import { fakeClock } from '../../support/clock.js';
import { blockOf, sample } from '../../support/samples.js';

/** A run of 60 s after a warm-up of 5 s, whose requests take 1 s from the 20th second on; watched from its 10th. */
function watchedRun(abort: boolean) {
  const clock = fakeClock();
  const held = thresholdFold(
    thresholdPlan({
      threshold: [parseThreshold('p(95)<200')],
      slo: [],
      'min-samples': 20,
      'no-data': 'fail',
      'fail-on-error': false,
    }),
    { endpoints: ['a'], measured: () => ({ fromUs: 5e6, toUs: 65e6 }), startedEpochUs: 0 },
  );
  let looks = 0;
  const lost = new AbortController();
  const watch = abortWatch({
    clock,
    settings: { abort, 'abort-after': 10e6, timeout: 10e6 },
    warmupUs: 5e6,
    held: {
      lost(nowUs, settleUs) {
        looks++;
        return held.lost(nowUs, settleUs);
      },
    },
    lost,
  });
  for (let second = 5; second < 65; second++) {
    const tookUs = second < 25 ? 10_000 : 900_000;
    clock.runUntil(second * 1e6);
    held.rows(
      blockOf(Array.from({ length: 10 }, () => sample({ startUs: second * 1e6, endUs: second * 1e6 + tookUs }))),
    );
  }
  return { watch, lost, looks: () => looks };
}

describe('a run whose thresholds stop it', () => {
  it('is looked at each second from its given age on, until the first that is lost', () => {
    const { watch, lost, looks } = watchedRun(true);
    expect(lost.signal.aborted).toBe(true);
    // 200 fast requests in 20 s: of 210 the 10 slow ones are fewer than 5 %, of 220 the 20 are not.
    expect(watch.stops()).toEqual([
      'Stopped after 22.0 s by --abort, p(95)<200 is lost: p(95) of latency is 900 ms, wanted < 200 ms.',
    ]);
    expect(looks()).toBe(13);
    watch.end();
  });

  it('is left alone where nobody asked', () => {
    const { watch, lost, looks } = watchedRun(false);
    expect([lost.signal.aborted, watch.stops(), looks()]).toEqual([false, [], 0]);
    watch.end();
  });
});
