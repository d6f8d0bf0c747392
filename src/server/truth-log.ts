import { type FileHandle, open } from 'node:fs/promises';
import { BenchError, fileProblem } from '../errors.js';

/** One request to an inference route, as the server saw it; times are CLOCK_MONOTONIC nanoseconds. */
export interface TruthRow {
  /** The client's `x-request-id`: written as empty when absent or not 1 to 64 letters, digits, `_` or `-`. */
  readonly id: unknown;
  /** When the request's head reached the handler. */
  readonly receivedNs: bigint;
  /** Just before the answer was handed to the socket. */
  readonly sentNs: bigint;
  /** Items of the request; 0 when it could not be read. */
  readonly batch: number;
  /** HTTP status or gRPC code, or `RESET_STATUS`. */
  readonly status: number;
}

/** The status of a request whose connection was reset on request instead of an answer. */
export const RESET_STATUS = -1;

/** What the server did, written down by the server: the oracle for what a client claims to have measured. */
export interface TruthLog {
  record(row: TruthRow): void;
  /** Resolves when every row is on disk; throws BenchError('output') when one is not. */
  close(): Promise<void>;
}

/** The part of an open file that the log needs. */
export type LogFile = Pick<FileHandle, 'appendFile' | 'sync' | 'close'>;

/** The first line of a truth log. */
export const TRUTH_HEADER = 'id,recv_ns,send_ns,batch,status';

/** Rows wait in memory at most this long. */
const FLUSH_MS = 100;

/** Creates the file, header included; refuses one that exists. */
export async function createTruthLog(path: string, onFailure?: (error: BenchError) => void): Promise<TruthLog> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx');
  } catch (error) {
    throw new BenchError('usage', `Cannot create --truth-log ${path}: ${fileProblem(error)}`, {
      hint: 'give a new file in a directory that exists',
      cause: error,
    });
  }
  return truthLogInto(file, path, onFailure);
}

/** A log into an open, empty file. `onFailure` hears of the first failed write when it happens, not only at the end. */
export function truthLogInto(file: LogFile, path: string, onFailure?: (error: BenchError) => void): TruthLog {
  let waiting = `${TRUTH_HEADER}\n`;
  let timer: NodeJS.Timeout | undefined;
  let failure: BenchError | undefined;
  /** One write at a time, so that rows stay in order. */
  let writes = Promise.resolve();

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writes = writes.then(writeWaiting);
    return writes;
  }

  async function writeWaiting(): Promise<void> {
    const text = waiting;
    waiting = '';
    if (text !== '' && !failure) {
      await file.appendFile(text).catch(fail);
    }
  }

  function fail(error: unknown): void {
    if (!failure) {
      failure = new BenchError('output', `Cannot write --truth-log ${path}: ${fileProblem(error)}`, { cause: error });
      onFailure?.(failure);
    }
  }

  void flush();
  return {
    record({ id, receivedNs, sentNs, batch, status }) {
      waiting += `${cleanId(id)},${receivedNs},${sentNs},${batch},${status}\n`;
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    async close() {
      await flush();
      if (!failure) {
        await file.sync().catch(fail);
      }
      await file.close().catch(fail);
      if (failure) {
        throw failure;
      }
    },
  };
}

function cleanId(id: unknown): string {
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : '';
}
