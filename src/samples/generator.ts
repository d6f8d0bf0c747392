import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import type { Clock } from '../clock.js';
import { US_PER_S } from '../units.js';
import { fileWriter } from './file-writer.js';

/** The state of the generator itself in one second: what is slow here must not be blamed on the server. */
export interface GeneratorSecond {
  readonly epochS: number;
  /** How late the event loop came round, 99th percentile. */
  readonly loopDelayP99Ms: number;
  /** CPU time of this process over the second; 1 is a whole core. */
  readonly cpuRatio: number;
  /** Time in garbage collection. */
  readonly gcMs: number;
  /** Open file descriptors; null where the system does not tell. */
  readonly openFds: number | null;
  /** Connections made since the last second. */
  readonly handshakes: number;
  readonly handshakeP99Ms: number | null;
}

export interface GeneratorMonitor {
  /** Ends the watching, writes what is left and gives the seconds that were recorded. */
  close(): readonly GeneratorSecond[];
}

export interface GeneratorOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Durations in ms of the connections made since it was last asked. */
  readonly takeHandshakesMs: () => readonly number[];
}

const HEADER = 'epoch_s,loop_delay_p99_ms,cpu_ratio,gc_ms,open_fds,handshakes,handshake_p99_ms\n';
/** The monitor's own timer: what it measures includes this interval. */
const RESOLUTION_MS = 10;

/** Watches this process from the run's start on and writes `generator.csv`, a line a second. */
export function generatorMonitor({ path, clock, takeHandshakesMs }: GeneratorOptions): GeneratorMonitor {
  const file = fileWriter(path);
  file.write(HEADER);
  const seconds: GeneratorSecond[] = [];
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let gcMs = 0;
  const gc = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMs += duration;
    }
  });
  gc.observe({ entryTypes: ['gc'] });
  loop.enable();
  let cpu = process.cpuUsage();
  let sinceUs = clock.nowUs();
  let cancel = clock.at(US_PER_S, tick);

  function tick(): void {
    observe();
    cancel = clock.at((Math.floor(clock.nowUs() / US_PER_S) + 1) * US_PER_S, tick);
  }

  function observe(): void {
    const nowUs = clock.nowUs();
    const used = process.cpuUsage(cpu);
    const handshakesMs = [...takeHandshakesMs()].sort((a, b) => a - b);
    const second: GeneratorSecond = {
      epochS: Math.floor(clock.epochMsAt(sinceUs) / 1000),
      loopDelayP99Ms: Math.max(0, loop.percentile(99) / 1e6 - RESOLUTION_MS),
      cpuRatio: (used.user + used.system) / Math.max(1, nowUs - sinceUs),
      gcMs,
      openFds: countOpenFds(),
      handshakes: handshakesMs.length,
      handshakeP99Ms: handshakesMs[Math.ceil(0.99 * handshakesMs.length) - 1] ?? null,
    };
    seconds.push(second);
    file.write(generatorLine(second));
    loop.reset();
    cpu = process.cpuUsage();
    gcMs = 0;
    sinceUs = nowUs;
  }

  return {
    close() {
      cancel();
      observe();
      loop.disable();
      gc.disconnect();
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
