/** How many rows travel together. */
const BLOCK_ROWS = 8192;

/**
 * Sent requests as columns, in the time unit of the file they came from: a row is never an object on the way from a
 * file to its reduction. Only the first `count` rows hold something.
 */
export interface RequestBlock {
  count: number;
  /** When the request was due or sent (see `RawOptions.start`), and when it ended. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly latency: Float64Array;
  /** 1 for a success or where the file does not tell, 0 for a failure. */
  readonly ok: Uint8Array;
  /** The line of the file, from 1. */
  readonly line: Float64Array;
}

/** An empty block; it is filled, handed on and filled again. */
export function requestBlock(rows = BLOCK_ROWS): RequestBlock {
  return {
    count: 0,
    start: new Float64Array(rows),
    end: new Float64Array(rows),
    latency: new Float64Array(rows),
    ok: new Uint8Array(rows),
    line: new Float64Array(rows),
  };
}
