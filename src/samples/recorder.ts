import type { Clock } from '../clock.js';
import type { BenchError } from '../errors.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { appendSample, type Sample, sampleBlock } from './sample.js';
import type { Sink } from './sink.js';

const BLOCK_ROWS = 4096;
/** Rows wait here at most this long, so that a killed process loses no more. */
const FLUSH_EVERY_US = 100 * US_PER_MS;
const SYNC_EVERY_US = 5 * US_PER_S;

/** Takes samples one by one and hands them to all sinks in blocks. */
export interface Recorder {
  record(sample: Sample): void;
  users(atUs: number, users: number): void;
  /** Hands over what is left and closes all sinks. Throws the first error of a sink, also one that came earlier. */
  close(): void;
}

/**
 * A recorder that flushes on its own. The first error of a sink goes to `onFailure`, which should stop the run; after
 * it nothing more is written.
 */
export function recorder(sinks: readonly Sink[], clock: Clock, onFailure: (error: BenchError) => void): Recorder {
  const block = sampleBlock(BLOCK_ROWS);
  let failure: BenchError | undefined;
  let syncedUs = 0;
  let cancelFlush = clock.at(0, tick);

  function tick(): void {
    const nowUs = clock.nowUs();
    guard(() => {
      handOver();
      if (nowUs - syncedUs >= SYNC_EVERY_US) {
        syncedUs = nowUs;
        for (const sink of sinks) {
          sink.flush?.();
        }
      }
    });
    cancelFlush = clock.at(nowUs + FLUSH_EVERY_US, tick);
  }

  function handOver(): void {
    for (const sink of sinks) {
      sink.rows(block);
    }
    block.length = 0;
  }

  function guard(work: () => void): void {
    if (failure) {
      block.length = 0;
      return;
    }
    try {
      work();
    } catch (error) {
      failure = error as BenchError;
      block.length = 0;
      onFailure(failure);
    }
  }

  return {
    record(sample) {
      if (block.length === block.capacity) {
        guard(handOver);
      }
      appendSample(block, sample);
    },
    users(atUs, users) {
      for (const sink of sinks) {
        sink.users?.(atUs, users);
      }
    },
    close() {
      cancelFlush();
      guard(handOver);
      for (const sink of sinks) {
        guard(() => sink.close());
      }
      if (failure) {
        throw failure;
      }
    },
  };
}
