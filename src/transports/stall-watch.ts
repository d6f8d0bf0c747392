import type { Clock } from '../clock.js';

/** Watches that a streamed answer goes on once it has begun. */
export interface StallWatch {
  /** A part of the answer came. */
  heard(): void;
  cancel(): void;
}

/** Calls `stalled` when `stallUs` have passed since the latest part; never without `stallUs`, nor before the first part. */
export function stallWatch(clock: Clock, stallUs: number | undefined, stalled: () => void): StallWatch {
  let cancel = () => {};
  return {
    heard() {
      if (stallUs !== undefined) {
        cancel();
        cancel = clock.at(clock.nowUs() + stallUs, stalled);
      }
    },
    cancel: () => cancel(),
  };
}
