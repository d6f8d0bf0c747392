import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { BenchError, fileProblem } from '../errors.js';

/** A file that grows by whole lines, new and readable by its owner only. */
export interface FileWriter {
  readonly path: string;
  /**
   * Hands whole lines to the operating system before it returns: they survive the end of this process. On an error the
   * file is cut back to its last whole line and BenchError('output') thrown; nothing is written after that.
   */
  write(lines: string | Uint8Array): void;
  /** Asks for what was written to reach the disk, so that it survives the end of the machine. */
  sync(): void;
  close(): void;
}

/** Creates a file; throws BenchError('output') when that cannot be done, also when it exists. */
export function fileWriter(path: string): FileWriter {
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o600);
  } catch (error) {
    throw new BenchError('output', `Cannot create ${path}: ${fileProblem(error)}`, { cause: error });
  }
  let wholeBytes = 0;
  let failed = false;

  return {
    path,
    write(lines) {
      if (failed || lines.length === 0) {
        return;
      }
      const bytes = typeof lines === 'string' ? Buffer.from(lines) : lines;
      try {
        // A full disk first shows as a short write.
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(fd, bytes, done);
        }
        wholeBytes += bytes.length;
      } catch (error) {
        failed = true;
        ftruncateSync(fd, wholeBytes);
        throw new BenchError('output', `Cannot write ${path}: ${fileProblem(error)}`, {
          cause: error,
          hint: `the file ends with its last whole line, after ${wholeBytes} bytes`,
        });
      }
    },
    sync() {
      // Its result is not waited for: a failing disk shows at the next write.
      fdatasync(fd, () => {});
    },
    close() {
      closeSync(fd);
    },
  };
}
