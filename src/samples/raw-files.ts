import type { Clock } from '../clock.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { COMMA, putWhole, putWord, type Word, word } from './digits.js';
import { fileWriter } from './file-writer.js';
import { OUTCOMES, SENT_CODES, WARMUP_CODE } from './outcomes.js';
import { rowsInto } from './row-buffer.js';
import type { SampleBlock } from './sample.js';
import type { Sink } from './sink.js';

const OUTCOME_WORDS = OUTCOMES.map((outcome) => word(`,${outcome}\n`));

/**
 * `raw_requests.csv`, the seed's file with one more column: no header, `start_ms,end_ms,latency_ms,outcome` in whole
 * epoch milliseconds, end = start + latency; every request that was sent, the warm-up's excepted. The start is the
 * intended one.
 */
export function rawRequestsSink(path: string, clock: Clock): Sink {
  const file = fileWriter(path);

  function putRow(bytes: DataView, from: number, block: SampleBlock, row: number): number {
    const outcome = block.outcome[row] as number;
    if (SENT_CODES[outcome] === 0 || block.phase[row] === WARMUP_CODE) {
      return from;
    }
    const intendedUs = block.intendedUs[row] as number;
    const startMs = Math.floor(clock.epochMsAt(intendedUs));
    const latencyMs = Math.floor(((block.endUs[row] as number) - intendedUs) / US_PER_MS);
    let at = putWhole(bytes, from, startMs);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, startMs + latencyMs);
    bytes.setUint8(at++, COMMA);
    at = putWhole(bytes, at, latencyMs);
    return putWord(bytes, at, OUTCOME_WORDS[outcome] as Word);
  }

  return rowsInto(file, putRow);
}

/** `raw_users.csv`, the seed's file: no header, `epoch_s,users`, seconds with microseconds, at each change. */
export function rawUsersSink(path: string, clock: Clock): Sink {
  const file = fileWriter(path);
  let lines = '';
  return {
    rows() {},
    users(atUs, users) {
      lines += `${((clock.epochMsAt(atUs) * US_PER_MS) / US_PER_S).toFixed(6)},${users}\n`;
    },
    flush() {
      file.write(lines);
      lines = '';
    },
    sync: () => file.sync(),
    close() {
      file.write(lines);
      file.close();
    },
  };
}
