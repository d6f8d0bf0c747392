import type { Clock } from '../clock.js';
import { US_PER_MS } from '../units.js';
import { type SampleBlock, sampleBlock } from './sample.js';

/** Rows wait here at most this long, so that a killed process loses no more. */
const HAND_OVER_EVERY_US = 100 * US_PER_MS;

/** The number of active users from a moment on. */
export interface UserChange {
  readonly atUs: number;
  readonly users: number;
}

/** Takes the rows of a loop as it runs, and hands them on in blocks. */
export interface Recorder {
  /**
   * A block with room for one more row, which the caller fills at its `length` and then counts. Good until the next
   * call: a row is never an object on its way.
   */
  room(): SampleBlock;
  users(atUs: number, users: number): void;
  /** Hands over what is left. */
  close(): void;
}

/**
 * Takes rows in order of completion and what users came and went since the last call, up to the moment `untilUs`.
 * Returns the block to be filled next: the same, or another where the rows stay with who took them.
 */
export type HandOver = (block: SampleBlock, changes: readonly UserChange[], untilUs: number) => SampleBlock;

/** A recorder that hands over blocks of so many rows, and what there is every 100 ms. */
export function recorder(clock: Clock, blockRows: number, handOver: HandOver): Recorder {
  let block = sampleBlock(blockRows);
  let changes: UserChange[] = [];
  let cancelTick = clock.at(0, tick);

  function tick(): void {
    hand();
    cancelTick = clock.at(clock.nowUs() + HAND_OVER_EVERY_US, tick);
  }

  function hand(): void {
    block = handOver(block, changes, clock.nowUs());
    block.length = 0;
    changes = [];
  }

  return {
    room() {
      if (block.length === block.capacity) {
        hand();
      }
      return block;
    },
    users(atUs, users) {
      // Whole microseconds, as in the file: who reads it puts the change into the same second.
      changes.push({ atUs: Math.floor(atUs), users });
    },
    close() {
      cancelTick();
      hand();
    },
  };
}
