import type { Phase } from './outcomes.js';

/** The times between the content chunks of one streamed answer, in order: more of them than a row has columns for. */
export interface ChunkGaps {
  readonly phase: Phase;
  /** End of the answer, µs of the run's clock. */
  readonly endUs: number;
  readonly gapsUs: readonly number[];
}
