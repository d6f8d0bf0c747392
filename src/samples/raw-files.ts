import type { Clock } from '../clock.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { fileWriter } from './file-writer.js';
import { wasSent } from './outcomes.js';
import { type Sample, sampleAt } from './sample.js';
import type { Sink } from './sink.js';

/**
 * `raw_requests.csv`, the seed's file with one more column: no header, `start_ms,end_ms,latency_ms,outcome` in whole
 * epoch milliseconds, end = start + latency; every request that was sent, the warm-up's excepted. The start is the
 * intended one.
 */
export function rawRequestsSink(path: string, clock: Clock): Sink {
  const file = fileWriter(path);
  return {
    rows(block) {
      let lines = '';
      for (let row = 0; row < block.length; row++) {
        const sample = sampleAt(block, row);
        if (wasSent(sample.outcome) && sample.phase !== 'warmup') {
          lines += rawRequestLine(sample, clock);
        }
      }
      file.write(lines);
    },
    flush: () => file.sync(),
    close: () => file.close(),
  };
}

function rawRequestLine({ intendedUs, endUs, outcome }: Sample, clock: Clock): string {
  const startMs = Math.floor(clock.epochMsAt(intendedUs));
  const latencyMs = Math.floor(((endUs as number) - intendedUs) / US_PER_MS);
  return `${startMs},${startMs + latencyMs},${latencyMs},${outcome}\n`;
}

/** `raw_users.csv`, the seed's file: no header, `epoch_s,users`, seconds with microseconds, at each change. */
export function rawUsersSink(path: string, clock: Clock): Sink {
  const file = fileWriter(path);
  let lines = '';
  return {
    rows() {
      file.write(lines);
      lines = '';
    },
    users(atUs, users) {
      lines += `${((clock.epochMsAt(atUs) * US_PER_MS) / US_PER_S).toFixed(6)},${users}\n`;
    },
    flush: () => file.sync(),
    close() {
      file.write(lines);
      file.close();
    },
  };
}
