import type { GeneratorSecond } from '../samples/generator.js';

/** How the generator itself fared over a run. */
export interface GeneratorTotals {
  /** Of its worst second; null when it was not watched. */
  readonly loop_delay_p99_ms: number | null;
  /** Mean share of its time that the busiest thread that sends did not wait for events. */
  readonly loop_busy_ratio: number | null;
  /** Mean CPU time of the process over time; 1 is a whole core. */
  readonly cpu_ratio: number | null;
  /** CPU time of the process from the start of the load to the last row on disk; null for a run that was killed. */
  readonly cpu_ms: number | null;
  readonly gc_ms: number;
  readonly open_fds_max: number | null;
  /** Connections made after the start. */
  readonly handshakes_n: number;
  /** Of its worst second. */
  readonly handshake_p99_ms: number | null;
}

/** Folds the seconds of `generator.csv`; `cpuMs` is the CPU time of the whole run, null when it is not known. */
export function generatorTotals(seconds: readonly GeneratorSecond[], cpuMs: number | null): GeneratorTotals {
  const most = (values: readonly (number | null)[]) =>
    values.reduce((high, value) => (high === null || (value !== null && value > high) ? value : high), null);
  const mean = (values: readonly number[]) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    loop_delay_p99_ms: rounded(most(seconds.map(({ loopDelayP99Ms }) => loopDelayP99Ms))),
    loop_busy_ratio: rounded(mean(seconds.map(({ loopBusyRatio }) => loopBusyRatio))),
    cpu_ratio: rounded(mean(seconds.map(({ cpuRatio }) => cpuRatio))),
    cpu_ms: cpuMs === null ? null : Math.round(cpuMs),
    gc_ms: rounded(seconds.reduce((sum, { gcMs }) => sum + gcMs, 0)) as number,
    open_fds_max: most(seconds.map(({ openFds }) => openFds)),
    handshakes_n: seconds.reduce((sum, { handshakes }) => sum + handshakes, 0),
    handshake_p99_ms: rounded(most(seconds.map(({ handshakeP99Ms }) => handshakeP99Ms))),
  };
}

/** To the three decimals that the file has. */
function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
