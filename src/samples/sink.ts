import type { SampleBlock } from './sample.js';

/** A place that samples go to. Throws BenchError('output') when it cannot take them. */
export interface Sink {
  /** The rows of a block, in order of completion; the block is reused afterwards. */
  rows(block: SampleBlock): void;
  /** The number of active users from a moment on. */
  users?(atUs: number, users: number): void;
  /** Hands everything taken so far to the operating system: it survives the end of this process. */
  flush?(): void;
  /** Asks for what was flushed to reach the disk: it survives the end of the machine. */
  sync?(): void;
  close(): void;
}
