import type { Clock } from '../clock.js';
import type { BenchError } from '../errors.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import type { UserChange } from './recorder.js';
import type { SampleBlock } from './sample.js';
import type { Sink } from './sink.js';

/** So often what was formatted is handed to the system: at every hand-over that comes by the clock, and not at each block. */
const FLUSH_EVERY_US = 50 * US_PER_MS;
/** So often what was written is asked to reach the disk. */
const SYNC_EVERY_US = 5 * US_PER_S;

/** The one place that all rows of a run go through, whatever the number of threads that made them. */
export interface RecordWriter {
  /** Hands rows and changes to all sinks, and what they hold to the operating system when that is due. */
  take(block: SampleBlock, changes: readonly UserChange[]): void;
  /** Closes all sinks. Throws the first error of a sink, also one that came earlier. */
  close(): void;
}

/**
 * Writes to all sinks. The first error of one goes to `onFailure`, which should stop the run; after it nothing more is
 * written.
 */
export function recordWriter(
  sinks: readonly Sink[],
  clock: Clock,
  onFailure: (error: BenchError) => void,
): RecordWriter {
  let failure: BenchError | undefined;
  let flushedUs = Number.NEGATIVE_INFINITY;
  let syncedUs = 0;

  function guard(work: () => void): void {
    if (failure) {
      return;
    }
    try {
      work();
    } catch (error) {
      failure = error as BenchError;
      onFailure(failure);
    }
  }

  return {
    take(block, changes) {
      guard(() => {
        for (const sink of sinks) {
          for (const { atUs, users } of changes) {
            sink.users?.(atUs, users);
          }
          sink.rows(block);
        }
        const nowUs = clock.nowUs();
        if (nowUs - flushedUs >= FLUSH_EVERY_US) {
          flushedUs = nowUs;
          for (const sink of sinks) {
            sink.flush?.();
          }
        }
        if (nowUs - syncedUs >= SYNC_EVERY_US) {
          syncedUs = nowUs;
          for (const sink of sinks) {
            sink.sync?.();
          }
        }
      });
    },
    close() {
      for (const sink of sinks) {
        guard(() => sink.close());
      }
      if (failure) {
        throw failure;
      }
    },
  };
}
