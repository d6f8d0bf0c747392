import type { ClockAnchor } from '../clock.js';
import type { ErrorKind } from '../errors.js';
import type { ChunkGaps } from '../samples/chunk-gaps.js';
import type { ThreadSecond } from '../samples/generator.js';
import type { Outcome } from '../samples/outcomes.js';
import type { UserChange } from '../samples/recorder.js';
import type { LoopEnd } from './loop.js';

/** All that crosses to a worker after its plan. */
export type ToWorker =
  /** Open the connections of the start. */
  | { readonly kind: 'open' }
  /** The run starts where the anchor says. */
  | { readonly kind: 'run'; readonly anchor: ClockAnchor }
  /** Send no more, drain. */
  | { readonly kind: 'stop' }
  /** A block whose rows were taken, to be filled again. */
  | { readonly kind: 'block'; readonly buffer: ArrayBuffer; readonly capacity: number }
  /** Close all connections and end. */
  | { readonly kind: 'close' };

/** All that comes back from a worker. */
export type FromWorker =
  | { readonly kind: 'opened' }
  | {
      readonly kind: 'failed';
      readonly error: { readonly kind: ErrorKind; readonly message: string; readonly hint: string | undefined };
    }
  /** A block's rows, its buffer moved and not copied. */
  | {
      readonly kind: 'rows';
      readonly buffer: ArrayBuffer;
      readonly capacity: number;
      readonly length: number;
      readonly changes: readonly UserChange[];
      readonly untilUs: number;
    }
  | { readonly kind: 'explained'; readonly outcome: Outcome; readonly detail: string }
  | { readonly kind: 'gaps'; readonly answer: ChunkGaps }
  | { readonly kind: 'watched'; readonly second: ThreadSecond }
  | { readonly kind: 'ended'; readonly end: LoopEnd };
