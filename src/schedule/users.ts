import type { LoadPattern } from '../patterns/pattern.js';
import { US_PER_S } from '../units.js';

/** From `atUs` on there shall be `users`. */
export interface UserStep {
  readonly atUs: number;
  readonly users: number;
}

/** A closed run as events: users who each wait for their answer, think, and send again. */
export interface ClosedSchedule {
  readonly model: 'closed';
  /** In order of time, the first at 0. */
  readonly steps: readonly UserStep[];
  /** What is due before this is warm-up. */
  readonly warmupUs: number;
  /** The end of the load, the warm-up included. */
  readonly durationUs: number;
  readonly thinkTimeUs: number;
}

/** How often the number of users is looked up on the curve: once a second, as Locust does. */
const TICK_US = US_PER_S;

/**
 * The curve as whole users: looked up and rounded at each whole second, on an absolute grid, so that nothing that
 * happens in the run can shift or skip a change. Only changes are listed.
 */
export function userSteps(curve: LoadPattern): readonly UserStep[] {
  const steps: UserStep[] = [];
  for (let atUs = 0; atUs < curve.durationUs; atUs += TICK_US) {
    const users = Math.round(curve.levelAt(atUs));
    if (steps.at(-1)?.users !== users) {
      steps.push({ atUs, users });
    }
  }
  return steps;
}

/** The users wanted at a moment of the run; 0 before the first step and after the end. */
export function usersWantedAt(schedule: ClosedSchedule, atUs: number): number {
  if (atUs >= schedule.durationUs) {
    return 0;
  }
  return schedule.steps.findLast((step) => step.atUs <= atUs)?.users ?? 0;
}
