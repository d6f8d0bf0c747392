import { readdirSync } from 'node:fs';
import { type Clock, wallOffsetMs } from '../clock.js';
import { US_PER_S } from '../units.js';
import { fileWriter } from './file-writer.js';
import { readTable } from './table.js';

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
  /** The wall clock − the run's monotonic one at its end: how it changes is drift, or a step. null in files of older versions. */
  readonly wallOffsetMs: number | null;
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

/** The columns of `generator.csv` in order; features append to the end. */
const COLUMNS = [
  'epoch_s',
  'loop_delay_p99_ms',
  'cpu_ratio',
  'gc_ms',
  'open_fds',
  'handshakes',
  'handshake_p99_ms',
  'loop_busy_ratio',
  'wall_offset_ms',
];

/** Puts what the threads tell together with what is known of the whole process. A second is written once all are past it. */
export function generatorFile(path: string, clock: Clock, workers: number): GeneratorFile {
  const file = fileWriter(path);
  file.write(`${COLUMNS.join()}\n`);
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
      loopDelayP99Ms: rounded(Math.max(0, ...told.map(({ loopDelayP99Ms }) => loopDelayP99Ms))),
      loopBusyRatio: rounded(Math.max(0, ...told.map(({ loopBusyRatio }) => loopBusyRatio))),
      cpuRatio: rounded((used.user + used.system) / Math.max(1, nowUs - cpuSinceUs)),
      gcMs: rounded(told.reduce((sum, { gcMs }) => sum + gcMs, 0)),
      openFds: countOpenFds(),
      handshakes: handshakesMs.length,
      handshakeP99Ms: roundedOrNull(handshakesMs[Math.ceil(0.99 * handshakesMs.length) - 1]),
      wallOffsetMs: rounded(wallOffsetMs(clock)),
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
    second.loopBusyRatio.toFixed(3),
    second.wallOffsetMs?.toFixed(3) ?? '',
  ];
  return `${cells.join(',')}\n`;
}

/** To the three decimals of the file: what is reduced from the file is then what was reduced while it was written. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function roundedOrNull(value: number | undefined): number | null {
  return value === undefined ? null : rounded(value);
}

/** Reads a `generator.csv`; a torn last line is dropped, and a file that is not there has no second. */
export function readGenerator(path: string): readonly GeneratorSecond[] {
  return readTable(path).map((cell) => ({
    epochS: Number(cell('epoch_s')),
    loopDelayP99Ms: Number(cell('loop_delay_p99_ms')),
    loopBusyRatio: Number(cell('loop_busy_ratio')),
    cpuRatio: Number(cell('cpu_ratio')),
    gcMs: Number(cell('gc_ms')),
    openFds: numberOrNull(cell('open_fds')),
    handshakes: Number(cell('handshakes')),
    handshakeP99Ms: numberOrNull(cell('handshake_p99_ms')),
    wallOffsetMs: numberOrNull(cell('wall_offset_ms')),
  }));
}

function numberOrNull(cell: string): number | null {
  return cell === '' ? null : Number(cell);
}

function countOpenFds(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Not Linux.
    return null;
  }
}
