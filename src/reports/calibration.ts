import { formatMs, groupDigits } from '../units.js';
import { plainTable, wrap } from './layout.js';

/** How late something was that had a due time; null where nothing was recorded. */
export interface Lateness {
  readonly n: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
}

/** Measured latency beyond the server's own record of it. */
export interface LatencyError extends Lateness {
  /** Answered requests that the server has no line of: 0, or something is wrong. */
  readonly unmatched_n: number;
  /** Requests for which start ≤ received ≤ sent ≤ end does not hold: 0, or a clock is wrong. */
  readonly out_of_order_n: number;
}

/** One try at a rate. */
export interface RatePoint {
  readonly rate_per_s: number;
  readonly lag_p99_ms: number | null;
  /** Sent / planned. */
  readonly sent_ratio: number;
  readonly failed_n: number;
  /** CPU time of the server / time of the load; null where the system does not tell. */
  readonly server_busy_ratio: number | null;
  /** Cores that other programs used meanwhile; null where the system does not tell. */
  readonly other_cpu_cores: number | null;
  readonly holds: boolean;
}

/** What one way of sending can do on a machine. */
export interface LaneCalibration {
  readonly protocol: string;
  readonly transport: string;
  readonly workers: number;
  readonly calibrated_at: string;
  /** null: lag was too high at the lowest rate. */
  readonly ceiling_per_s: number | null;
  /** What was at its end above the ceiling, or that other programs had the cores; null where the system does not tell. */
  readonly bound_by: 'client' | 'server' | 'others' | null;
  /** CPU time of this process per request at half the ceiling, everything recorded; null without a ceiling. */
  readonly cpu_us_per_request: number | null;
  readonly latency_error: LatencyError;
  readonly points: readonly RatePoint[];
}

/** What `calibrate` prints; with `--json` it is this object. */
export interface Calibration {
  readonly schema: 'infer-bench/calibration/1';
  readonly calibrated_at: string;
  readonly machine: Readonly<Record<string, string | number | null>>;
  readonly step_s: number;
  readonly lag_limit_ms: number;
  /** `Clock.at`, by the length of the wait. */
  readonly timers: readonly (Lateness & { readonly wait_ms: number })[];
  /** Precise pacing at one rate. */
  readonly pacing: Lateness & { readonly rate_per_s: number };
  /** Cores that other programs used meanwhile, on average; null where the system does not tell. */
  readonly other_cpu_cores: number | null;
  readonly lanes: readonly LaneCalibration[];
}

/** A server that is on a core for more of the time is at its end. */
const SERVER_BUSY_RATIO = 0.9;
/** More than this used by others makes the figures worse than the machine is. */
const QUIET_CORES = 0.15;

/** What kept a rate from holding: the lowest one above the ceiling that failed tells. */
export function boundBy(points: readonly RatePoint[], ceilingPerS: number | null): LaneCalibration['bound_by'] {
  const [nearest] = points
    .filter((point) => !point.holds && point.rate_per_s > (ceilingPerS ?? 0))
    .sort((a, b) => a.rate_per_s - b.rate_per_s);
  if (!nearest || nearest.server_busy_ratio === null || nearest.other_cpu_cores === null) {
    return null;
  }
  if (nearest.server_busy_ratio > SERVER_BUSY_RATIO) {
    return 'server';
  }
  return nearest.other_cpu_cores > QUIET_CORES ? 'others' : 'client';
}

/** A calibration for people: 80 columns. */
export function calibrationText(calibration: Calibration): string {
  const { machine, lanes, timers, pacing, step_s: stepS, lag_limit_ms: lagMs } = calibration;
  const [{ transport, workers } = { transport: '', workers: 0 }] = lanes;
  const head = [
    String(machine.cpu_model ?? 'unknown CPU').slice(0, 80),
    `${machine.cpus} cores, ${machine.platform} ${machine.arch}, Node ${machine.node}`,
    `transport ${transport}, workers ${workers}, steps of ${stepS} s, everything recorded as by run`,
  ];

  const table = plainTable(['protocol', 'ceiling/s', 'bound by', 'CPU us', 'error p50', 'p99', 'max ms'], 1);
  for (const { protocol, ceiling_per_s: perS, bound_by, cpu_us_per_request: cpuUs, latency_error: error } of lanes) {
    table.push([
      protocol,
      perS === null ? '-' : groupDigits(perS),
      bound_by ?? '-',
      cpuUs === null ? '-' : cpuUs.toFixed(1),
      ...[error.p50_ms, error.p99_ms, error.max_ms].map(formatMs),
    ]);
  }

  const late = plainTable(['ms late', 'n', 'p50', 'p99', 'max'], 1);
  const row = (name: string, { n, p50_ms, p99_ms, max_ms }: Lateness) =>
    late.push([name, groupDigits(n), ...[p50_ms, p99_ms, max_ms].map(formatMs)]);
  for (const timer of timers) {
    row(`timer of ${timer.wait_ms} ms`, timer);
  }
  row(`precise pacing, ${groupDigits(pacing.rate_per_s)}/s`, pacing);

  const meaning = [
    `ceiling  highest rate at which the 99th percentile of lag stays under ${lagMs} ms`,
    'CPU      time of this process per request at half the ceiling',
    'error    measured service time beyond what the server logged: this program and',
    '         the way through the kernel',
  ];
  return `${[head.join('\n'), table.toString(), late.toString(), meaning.join('\n'), ...notes(calibration).map((note) => wrap(note, ''))].join('\n\n')}\n`;
}

function notes({ lanes, other_cpu_cores: others, lag_limit_ms: lagMs }: Calibration): readonly string[] {
  const named = (which: (lane: LaneCalibration) => boolean) =>
    lanes
      .filter(which)
      .map(({ protocol }) => protocol)
      .join(', ');
  const unkept = named(({ ceiling_per_s: perS }) => perS === null);
  const serverBound = named(({ bound_by: bound }) => bound === 'server');
  const wrong = named(({ latency_error: error }) => error.unmatched_n + error.out_of_order_n > 0);
  return [
    ...(others !== null && others > QUIET_CORES
      ? [`Other programs used ${others.toFixed(1)} cores meanwhile: a quiet machine does better.`]
      : []),
    ...(unkept ? [`Lag was above ${lagMs} ms at every rate, nothing is kept: ${unkept}.`] : []),
    ...(serverBound ? [`The server was at its end first, this client can do more: ${serverBound}.`] : []),
    ...(wrong ? [`The records of client and server contradict each other, please report it: ${wrong}.`] : []),
  ];
}
