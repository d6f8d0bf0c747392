import type { FlagValues, Given } from '../flags.js';
import { type ThresholdPlan, thresholdPlan } from '../verdicts/threshold-plan.js';
import type { RUN_FLAGS } from './run-flags.js';

/** What the run is held to. What does not fit together is added to `problems`. */
export function readThresholds(
  settings: FlagValues<typeof RUN_FLAGS>,
  given: Given,
  problems: string[],
  nameOf: (name: string) => string,
): ThresholdPlan {
  const before = problems.length;
  if (given.has('abort-after') && !settings.abort) {
    problems.push(`${nameOf('abort-after')} has no effect without --abort`);
  }
  if (settings.abort && !given.has('threshold') && !settings['fail-on-error']) {
    problems.push(`${nameOf('abort')} has no effect without --threshold`);
  }
  if (before === 0 && settings.check === 'none' && settings.threshold.some(({ metric }) => metric === 'correct_rate')) {
    problems.push(`${nameOf('threshold')} cannot ask for correct_rate with --check none, which reads no answer`);
  }
  return thresholdPlan(settings);
}
