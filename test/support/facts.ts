import type { RunFacts } from '../../src/verdicts/validity.js';

/** What a run in which nothing went wrong knows beside its samples, of so many rows. */
export function soundFacts(rows: number): RunFacts {
  return {
    issued: rows,
    rows,
    ended: 'done',
    model: 'closed',
    cappedConnections: false,
    loopDelayP99Ms: 0,
    loopBusyRatio: 0.2,
    headroomRatio: null,
    lostWorkers: [],
    seconds: [],
    generator: [],
    little: null,
    steady: false,
    repeatsWanted: false,
    thresholds: [],
    limits: { max_local_errors: 0, max_cache_hit_ratio: null },
  };
}
