import type { FileWriter } from './file-writer.js';
import type { SampleBlock } from './sample.js';
import type { Sink } from './sink.js';

/** What a file takes in one write: above this, the cost of a system call no longer shows. */
const BUFFER_BYTES = 131_072;
/** No row has more: some twenty numbers of at most 16 digits, and words. */
const MAX_ROW_BYTES = 1_024;

/** Writes the row of a block at an offset of the bytes, nothing where the file leaves it out; returns the offset after it. */
type PutRow = (bytes: DataView, at: number, block: SampleBlock, row: number) => number;

/** The part of a sink that puts rows into a file. */
type FileSink = Required<Pick<Sink, 'rows' | 'flush' | 'sync' | 'close'>>;

/**
 * Rows of blocks into a file through one buffer that is used again and again: formatting a row makes neither a string nor
 * an object. What does not fill the buffer waits in it for `flush`.
 */
export function rowsInto(file: FileWriter, putRow: PutRow): FileSink {
  const bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  function flush(): void {
    const filled = at;
    at = 0;
    file.write(bytes.subarray(0, filled));
  }

  return {
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        if (at > BUFFER_BYTES - MAX_ROW_BYTES) {
          flush();
        }
        at = putRow(view, at, block, row);
      }
    },
    flush,
    sync: () => file.sync(),
    close() {
      flush();
      file.close();
    },
  };
}
