import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { systemClock, wallMs } from '../clock.js';
import type { Io } from '../io.js';
import { PROTOCOLS } from '../protocols/index.js';
import type { ProtocolKind } from '../protocols/protocol.js';
import { boundBy, type Calibration, type LaneCalibration, type RatePoint } from '../reports/calibration.js';
import { systemLimits, withinLimits } from '../spec/limits.js';
import { calibratedMachine } from '../spec/machine.js';
import { rigOf } from '../spec/rig.js';
import { readRunSpec } from '../spec/run-spec.js';
import { reach } from '../transports/reach.js';
import { groupDigits, US_PER_MS, US_PER_S } from '../units.js';
import { searchCeiling } from './ceiling.js';
import { type EmbeddedServer, startEmbeddedServer } from './embedded-server.js';
import { latencyError } from './latency-error.js';
import { measure } from './measure.js';
import { createRunDirectory } from './run-directory.js';
import { pacingLateness, timerLateness } from './timer-error.js';

const LAG_LIMIT_MS = 1;
const MIN_SENT_RATIO = 0.99;
/** A rate fails when it fails so often: a moment in which others had the cores is not this program's limit. */
const TRIES = 2;
const RATES = { startPerS: 4_000, lowestPerS: 1_000, highestPerS: 1_000_000, precisionRatio: 0.1 } as const;
const QUIET_PER_S = 200;
const PACING_PER_S = 1_000;
const TIMER_WAITS_MS = [1, 10, 100] as const;
const WARMUP_US = US_PER_S / 4;
/** Far more than a rate that holds has in flight: one that does not shall not open thousands of connections. */
const MAX_IN_FLIGHT = 1_000;
/** Beside the load itself a step takes so long at most. */
const STEP_GRACE_US = US_PER_S;

export interface CalibrateOptions {
  readonly io: Io;
  /** For the runs' files; the caller's to remove. */
  readonly directory: string;
  readonly protocols: readonly string[];
  readonly transport: string;
  /** As typed: a number or `auto`. */
  readonly workers: string;
  readonly stepUs: number;
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

/** Thrown inside, when the user asked to stop. */
class Stopped extends Error {}

/** Measures this machine; undefined when it was stopped. */
export async function calibrateMachine(options: CalibrateOptions): Promise<Calibration | undefined> {
  const { stepUs, protocols, say } = options;
  const startedEpochMs = wallMs();
  const clock = systemClock();
  const watch = cpuWatch();
  let allServersMs = 0;
  try {
    say('timers');
    const timers: Calibration['timers'][number][] = [];
    for (const waitMs of TIMER_WAITS_MS) {
      timers.push({ wait_ms: waitMs, ...(await timerLateness(clock, waitMs * US_PER_MS, stepUs)) });
    }
    const pacing = await pacingLateness(clock, 'precise', PACING_PER_S, stepUs);
    const lanes: LaneCalibration[] = [];
    for (const protocol of protocols) {
      const { lane, serversMs } = await calibrateLane(options, protocol);
      lanes.push(lane);
      allServersMs += serversMs;
    }
    return {
      schema: 'infer-bench/calibration/1',
      calibrated_at: new Date(startedEpochMs).toISOString(),
      machine: { ...calibratedMachine() },
      step_s: stepUs / US_PER_S,
      lag_limit_ms: LAG_LIMIT_MS,
      timers,
      pacing: { rate_per_s: PACING_PER_S, ...pacing },
      other_cpu_cores: watch(allServersMs),
      lanes,
    };
  } catch (error) {
    if (error instanceof Stopped) {
      return undefined;
    }
    throw error;
  }
}

interface Step {
  readonly ratePerS: number;
  readonly durationUs: number;
  readonly pacing?: 'frugal';
  readonly truthLog?: string;
}

/** One protocol: the ceiling, what a request costs, and how far the latency is from the server's own record. */
async function calibrateLane(options: CalibrateOptions, protocol: string) {
  const { stepUs, say } = options;
  const kind = PROTOCOLS[protocol] as ProtocolKind;
  const points: RatePoint[] = [];
  const figures = { cpuUs: null as number | null, serversMs: 0, workers: 1 };

  const ceilingPerS = await withServer(undefined, async (server) => {
    // The first load compiles the code: its figures are thrown away.
    await step(server, { ratePerS: RATES.startPerS, durationUs: stepUs });
    const found = await searchCeiling({ ...RATES, holds: (ratePerS, coarse) => holds(server, ratePerS, coarse) });
    if (found !== null) {
      // Spinning would count as the cost of requests.
      const { report } = await step(server, {
        ratePerS: Math.max(1, Math.round(found / 2)),
        durationUs: stepUs,
        pacing: 'frugal',
      });
      const { sent, warmup } = report.counts;
      figures.cpuUs = ((report.generator.cpu_ms as number) * US_PER_MS) / (sent + warmup);
    }
    return found;
  });

  const truthLog = join(options.directory, `truth-${protocol}.csv`);
  const directory = await withServer(truthLog, async (server) => {
    return (await step(server, { ratePerS: QUIET_PER_S, durationUs: 2 * stepUs, truthLog })).directory;
  });
  const read = (path: string) => readFileSync(path, 'utf8');
  const { started_monotonic_ns: startedNs } = JSON.parse(read(directory.path('plan'))) as Record<string, string>;
  const error = latencyError({
    samples: read(directory.path('samples')),
    startedMonotonicNs: BigInt(startedNs as string),
    truth: read(truthLog),
  });

  const lane: LaneCalibration = {
    protocol,
    transport: options.transport,
    workers: figures.workers,
    calibrated_at: new Date(wallMs()).toISOString(),
    ceiling_per_s: ceilingPerS,
    bound_by: boundBy(points, ceilingPerS),
    cpu_us_per_request: figures.cpuUs,
    latency_error: error,
    points,
  };
  return { lane, serversMs: figures.serversMs };

  /** With a server of its own, which has ended and written its log when this is done. */
  async function withServer<Result>(log: string | undefined, use: (server: EmbeddedServer) => Promise<Result>) {
    const server = await startEmbeddedServer({
      kind: kind.server as string,
      via: kind.via,
      truthLog: log,
      fixedAnswer: true,
      cwd: options.directory,
    });
    try {
      const result = await use(server);
      figures.serversMs += cpuMsOf(server.pid) ?? Number.NaN;
      await server.close();
      return result;
    } finally {
      server.kill();
    }
  }

  async function holds(server: EmbeddedServer, ratePerS: number, coarse: boolean): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      const point = await pointAt(server, ratePerS, coarse ? stepUs / 2 : stepUs);
      points.push(point);
      const lag = point.lag_p99_ms === null ? 'nothing was sent' : `lag p99 ${point.lag_p99_ms} ms`;
      say(`${protocol}: ${groupDigits(ratePerS)}/s ${point.holds ? 'holds' : 'does not hold'}, ${lag}`);
      if (point.holds) {
        return true;
      }
    }
    return false;
  }

  async function pointAt(server: EmbeddedServer, ratePerS: number, durationUs: number): Promise<RatePoint> {
    const watch = cpuWatch();
    const serverBeforeMs = cpuMsOf(server.pid) ?? Number.NaN;
    const { report } = await step(server, { ratePerS, durationUs });
    const serverMs = (cpuMsOf(server.pid) ?? Number.NaN) - serverBeforeMs;
    const { planned, sent, failed: failures, abandoned } = report.counts;
    const lagMs = report.lag.p99_ms ?? null;
    const sentRatio = planned === 0 ? 0 : sent / planned;
    const failedN = failures + abandoned;
    return {
      rate_per_s: ratePerS,
      lag_p99_ms: lagMs,
      sent_ratio: sentRatio,
      failed_n: failedN,
      server_busy_ratio: Number.isNaN(serverMs) ? null : (serverMs * US_PER_MS) / (WARMUP_US + durationUs),
      other_cpu_cores: watch(serverMs),
      holds: lagMs !== null && lagMs < LAG_LIMIT_MS && sentRatio >= MIN_SENT_RATIO && failedN === 0,
    };
  }

  /** A run as `run` makes it, with all its files. */
  async function step(server: EmbeddedServer, { ratePerS, durationUs, pacing = undefined, truthLog: log }: Step) {
    const { io, directory: cwd, transport, workers } = options;
    const words = {
      protocol,
      transport,
      workers,
      rate: String(ratePerS),
      duration: `${Math.round(durationUs / US_PER_MS)}ms`,
      warmup: `${WARMUP_US / US_PER_MS}ms`,
      timeout: '2s',
      drain: '1s',
      'max-in-flight': String(MAX_IN_FLIGHT),
      ...(pacing && { pacing }),
      ...(log && { 'truth-log': log }),
    };
    const given = new Map(Object.entries(words).map(([name, word]) => [name, [word]]));
    const spec = withinLimits(
      readRunSpec({ operands: [server.endpoint.url], given, problems: [], cwd }),
      systemLimits(),
    );
    const clock = systemClock();
    const rig = await rigOf(spec, cwd, clock);
    figures.workers = rig.workers;
    const target = await reach(server.endpoint);
    const late = new AbortController();
    const giveUp = clock.at(clock.nowUs() + WARMUP_US + 2 * durationUs + STEP_GRACE_US, () => late.abort());
    try {
      const { results, directory } = await measure({
        io,
        spec,
        rig,
        target,
        url: server.endpoint.url,
        embedded: false,
        makeDirectory: () => createRunDirectory({ path: 'run', cwd, force: true }),
        ceiling: undefined,
        stop: AbortSignal.any([options.stop, late.signal]),
        quiet: true,
      });
      if (options.stop.aborted) {
        throw new Stopped();
      }
      return { report: results.report, directory };
    } finally {
      giveUp();
    }
  }
}

/**
 * Watches the CPU time of other programs from now on: given what our servers took meanwhile, in ms, tells how many
 * cores others used on average; null where the system does not tell.
 */
function cpuWatch(): (serversMs: number) => number | null {
  const clock = systemClock();
  const [machineMs, ownMs] = [machineCpuMs(), ownCpuMs()];
  return (serversMs) => {
    const othersMs = machineCpuMs() - machineMs - (ownCpuMs() - ownMs) - serversMs;
    return Number.isNaN(othersMs) ? null : Math.max(0, (othersMs * US_PER_MS) / clock.nowUs());
  };
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}

/** CPU time of everything on this machine; NaN where the system does not tell. */
function machineCpuMs(): number {
  const all = cpus();
  return all.length === 0
    ? Number.NaN
    : all.reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

/** What Linux counts CPU time of processes in, on every machine. */
const MS_PER_TICK = 10;

/** CPU time of another process; undefined where the system does not tell. */
function cpuMsOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may hold anything; user and system time are the 14th and 15th of all fields.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    // Not Linux, or the process has ended.
    return undefined;
  }
}
