import { duration } from '../flags.js';
import { type LoadPattern, level, pattern } from './pattern.js';

export interface StepOptions {
  /** Added at the start and again after each `stepTimeUs`. */
  readonly stepLevel: number;
  readonly stepTimeUs: number;
  readonly durationUs: number;
}

/**
 * A staircase: (floor(t / stepTime) + 1) · stepLevel. Source: Locust's step-load example, but for its end: the run is
 * over at t >= T, where Locust's strict comparison lets one more step appear.
 */
export function step({ stepLevel, stepTimeUs, durationUs }: StepOptions): LoadPattern {
  return { durationUs, levelAt: (elapsedUs) => (Math.floor(elapsedUs / stepTimeUs) + 1) * stepLevel };
}

export const stepKind = pattern({
  summary: 'a staircase',
  levels: {
    stepLevel: level({
      users: 'step-users',
      rate: 'step-rate',
      where: 'added at the start and with each step',
      default: '10',
    }),
  },
  flags: { 'step-time': duration({ help: 'length of a step', default: '30s', minUs: 1_000 }) },
  build: ({ levels, own, durationUs }) => step({ ...levels, stepTimeUs: own['step-time'], durationUs }),
});
