import type { Schedule } from './schedule.js';

/**
 * The part of a run that one worker has: every `workers`-th arrival or user, from the `worker`-th on. Index k of its
 * own is index `worker + k · workers` of the whole, so the union of all shards is the whole, whatever their number.
 */
export interface Shard {
  /** From 0. */
  readonly worker: number;
  readonly workers: number;
}

/** A run in one piece. */
export const WHOLE: Shard = { worker: 0, workers: 1 };

/** The index in the whole run of a worker's own index. */
export function wholeIndex({ worker, workers }: Shard, index: number): number {
  return worker + index * workers;
}

/** How many of `count` fall to a worker. */
export function shareOf({ worker, workers }: Shard, count: number): number {
  return Math.max(0, Math.ceil((count - worker) / workers));
}

/** The part of a schedule that a worker has. */
export function shardOf(schedule: Schedule, shard: Shard): Schedule {
  if (schedule.model === 'closed') {
    return { ...schedule, steps: schedule.steps.map(({ atUs, users }) => ({ atUs, users: shareOf(shard, users) })) };
  }
  const { arrivalsUs } = schedule;
  const own = Float64Array.from(
    { length: shareOf(shard, arrivalsUs.length) },
    (_, index) => arrivalsUs[wholeIndex(shard, index)] as number,
  );
  return { ...schedule, arrivalsUs: own };
}
