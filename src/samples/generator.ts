import { readdirSync } from 'node:fs';
import type { Clock } from '../clock.js';
import { US_PER_S } from '../units.js';
import { fileWriter } from './file-writer.js';

/** The state of the generator itself in one second: what is slow here must not be blamed on the server. */
export interface GeneratorSecond {
  readonly epochS: number;
  /** How late the event loop came round, 99th percentile; the worst of all threads that send. */
  readonly loopDelayP99Ms: number;
  /** Share of the second in which the busiest thread that sends was not waiting for events. */
  readonly loopBusyRatio: number;
  /** CPU time of this process over the second; 1 is a whole core. */
  readonly cpuRatio: number;
  /** Time in garbage collection, all threads together. */
  readonly gcMs: number;
  /** Open file descriptors; null where the system does not tell. */
  readonly openFds: number | null;
  /** Connections made since the last second. */
  readonly handshakes: number;
  readonly handshakeP99Ms: number | null;
}

/** What one thread that sends tells about itself, about once a second. */
export interface ThreadSecond {
  /** When the time began that this is about, µs from the run's start. */
  readonly sinceUs: number;
  readonly loopDelayP99Ms: number;
  readonly loopBusyRatio: number;
  readonly gcMs: number;
  /** Durations of the connections made in it. */
  readonly handshakesMs: readonly number[];
}

/** `generator.csv`: a line a second. */
export interface GeneratorFile {
  take(worker: number, second: ThreadSecond): void;
  /** Writes what is left and gives the seconds that were recorded. */
  close(): readonly GeneratorSecond[];
}

const HEADER = 'epoch_s,loop_delay_p99_ms,cpu_ratio,gc_ms,open_fds,handshakes,handshake_p99_ms\n';

/** Puts what the threads tell together with what is known of the whole process. A second is written once all are past it. */
export function generatorFile(path: string, clock: Clock, workers: number): GeneratorFile {
  const file = fileWriter(path);
  file.write(HEADER);
  const seconds: GeneratorSecond[] = [];
  const open = new Map<number, ThreadSecond[]>();
  const reached = new Array<number>(workers).fill(Number.NEGATIVE_INFINITY);
  let cpu = process.cpuUsage();
  let cpuSinceUs = clock.nowUs();

  function write(second: number, told: readonly ThreadSecond[]): void {
    const nowUs = clock.nowUs();
    const used = process.cpuUsage(cpu);
    const handshakesMs = told.flatMap(({ handshakesMs: one }) => one).sort((a, b) => a - b);
    const line: GeneratorSecond = {
      epochS: Math.floor(clock.epochMsAt(second * US_PER_S) / 1000),
      loopDelayP99Ms: Math.max(0, ...told.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
      loopBusyRatio: Math.max(0, ...told.map(({ loopBusyRatio }) => loopBusyRatio)),
      cpuRatio: (used.user + used.system) / Math.max(1, nowUs - cpuSinceUs),
      gcMs: told.reduce((sum, { gcMs }) => sum + gcMs, 0),
      openFds: countOpenFds(),
      handshakes: handshakesMs.length,
      handshakeP99Ms: handshakesMs[Math.ceil(0.99 * handshakesMs.length) - 1] ?? null,
    };
    seconds.push(line);
    file.write(generatorLine(line));
    cpu = process.cpuUsage();
    cpuSinceUs = nowUs;
  }

  function writeUpTo(last: number): void {
    for (const second of [...open.keys()].filter((key) => key <= last).sort((a, b) => a - b)) {
      write(second, open.get(second) as ThreadSecond[]);
      open.delete(second);
    }
  }

  return {
    take(worker, told) {
      const second = Math.floor(told.sinceUs / US_PER_S);
      open.set(second, [...(open.get(second) ?? []), told]);
      reached[worker] = second;
      writeUpTo(Math.min(...reached));
    },
    close() {
      writeUpTo(Number.POSITIVE_INFINITY);
      file.close();
      return seconds;
    },
  };
}

function generatorLine(second: GeneratorSecond): string {
  const cells = [
    second.epochS,
    second.loopDelayP99Ms.toFixed(3),
    second.cpuRatio.toFixed(3),
    second.gcMs.toFixed(3),
    second.openFds ?? '',
    second.handshakes,
    second.handshakeP99Ms?.toFixed(3) ?? '',
  ];
  return `${cells.join(',')}\n`;
}

function countOpenFds(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Not Linux.
    return null;
  }
}
