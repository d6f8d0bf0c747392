import type { FileWriter } from './file-writer.js';
import type { SampleBlock } from './sample.js';

/** What a file takes in one write: above this, the cost of a system call no longer shows. */
const BUFFER_BYTES = 131_072;
/** No row has more: some twenty numbers of at most 16 digits, and words. */
const MAX_ROW_BYTES = 1_024;

/** Writes the row of a block at an offset of the bytes, nothing where the file leaves it out; returns the offset after it. */
type PutRow = (bytes: DataView, at: number, block: SampleBlock, row: number) => number;

/**
 * Rows of blocks into a file through one buffer that is used again and again: formatting a row makes neither a string
 * nor an object. All rows of a block are in the file when the call returns.
 */
export function rowsInto(file: FileWriter, putRow: PutRow): (block: SampleBlock) => void {
  const bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (block) => {
    let at = 0;
    for (let row = 0; row < block.length; row++) {
      if (at > BUFFER_BYTES - MAX_ROW_BYTES) {
        file.write(bytes.subarray(0, at));
        at = 0;
      }
      at = putRow(view, at, block, row);
    }
    file.write(bytes.subarray(0, at));
  };
}
