import { availableParallelism } from 'node:os';
import { stringify } from 'yaml';
import { type SystemClock, systemClock } from '../clock.js';
import { type Load, loadHere } from '../engine/load.js';
import { lostRows } from '../engine/lost-rows.js';
import { choosePacing, type Pacing } from '../engine/pacer.js';
import { loadInWorkers } from '../engine/workers.js';
import type { Io } from '../io.js';
import { highestLevel } from '../patterns/pattern.js';
import { payloadAt, requestAt } from '../protocols/payloads.js';
import { generatorTotals } from '../reduce/generator-totals.js';
import { perSecond } from '../reduce/per-second.js';
import { repeats } from '../reduce/repeats.js';
import { totals } from '../reduce/summary.js';
import { tally } from '../reduce/tally.js';
import { histogramsHlog } from '../reports/histograms-hlog.js';
import { json } from '../reports/json.js';
import { perSecondCsv } from '../reports/per-second-csv.js';
import { type Headroom, type Report, type RunFacts, reportOf } from '../reports/report.js';
import { generatorFile } from '../samples/generator.js';
import { rawRequestsSink, rawUsersSink } from '../samples/raw-files.js';
import { recordWriter } from '../samples/record-writer.js';
import type { SampleBlock } from '../samples/sample.js';
import { samplesSink } from '../samples/samples-file.js';
import type { Sink } from '../samples/sink.js';
import { usersWantedAt } from '../schedule/users.js';
import { planOf } from '../spec/plan.js';
import type { Rig } from '../spec/rig.js';
import type { RunSpec } from '../spec/run-spec.js';
import { loopTools, type ThreadPlan, threadPlans } from '../spec/thread-plan.js';
import { safeText } from '../text.js';
import type { Target } from '../transports/transport.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { judge } from '../verdicts/validity.js';
import { showProgress } from './progress.js';
import type { RunDirectory } from './run-directory.js';

/** Between the making of the clock and the start of the load, for what has to be on disk before it. */
const START_IN_US = 50 * US_PER_MS;
const WORKER_PROGRAM = new URL('../worker.js', import.meta.url);

export interface MeasureOptions {
  readonly io: Io;
  readonly spec: RunSpec;
  readonly rig: Rig;
  readonly target: Target;
  /** The URL as shown to the user. */
  readonly url: string;
  readonly embedded: boolean;
  readonly directory: RunDirectory;
  /** What this machine was found to keep for such a run; undefined when it was not calibrated. */
  readonly ceiling: Pick<Headroom, 'ceiling_per_s' | 'calibrated_at'> | undefined;
  /** Who else takes the rows. */
  readonly watchers?: readonly Sink[];
  /** Ends the sending early. */
  readonly stop: AbortSignal;
  readonly quiet: boolean;
}

/**
 * The measurement itself: sends the load, records every request while it does, and reduces the records to the
 * report. All files of the run directory are complete when it returns. Throws BenchError('output') when they are not.
 */
export async function measure(options: MeasureOptions): Promise<Report> {
  const { io, spec, rig, target, directory } = options;
  const { schedule } = rig;
  const { endpoints } = rig.protocol;
  const pacing = pacingOf(spec, rig);
  const clock = systemClock();
  const load = await loadOf(threadPlans({ spec, rig, target, pacing }), rig, clock);
  try {
    await load.open();
    clock.startIn(START_IN_US);
    const anchor = clock.anchor();
    const plan = planOf({ spec, rig, target, embedded: options.embedded, pacing, anchor });
    directory.write('plan', `${JSON.stringify(plan, null, 2)}\n`);
    directory.write('spec', stringify(spec.asked));

    // Sending ends with the pattern, when the user asks for it, or when the records cannot be kept.
    const broken = new AbortController();
    const stop = AbortSignal.any([options.stop, broken.signal]);
    const window = { fromUs: schedule.warmupUs, toUs: schedule.durationUs };
    stop.addEventListener('abort', () => {
      window.toUs = Math.min(window.toUs, Math.max(window.fromUs, clock.nowUs()));
    });

    const live = tally();
    const bySecond = perSecond(anchor.startedEpochUs, endpoints.length);
    const whole = totals(() => window, endpoints);
    const repeated = repeats(rig.pool.requests.length, (seq) => payloadAt(rig.turns, seq));
    const roll = rollCall(rig);
    const records = recordWriter(
      [
        rawRequestsSink(directory.path('rawRequests'), clock),
        rawUsersSink(directory.path('rawUsers'), clock),
        samplesSink(directory.path('samples'), endpoints),
        { ...whole, close() {} },
        { ...bySecond, close() {} },
        { ...repeated, close() {} },
        ...(options.quiet ? [] : [live]),
        ...(options.watchers ?? []),
        roll,
      ],
      clock,
      () => broken.abort(),
    );
    const generator = generatorFile(directory.path('generator'), clock, rig.workers);
    const hideProgress = options.quiet
      ? () => {}
      : await showProgress(io, clock, () => {
          const nowUs = clock.nowUs();
          return {
            ...live.snapshot(nowUs),
            elapsedUs: nowUs,
            durationUs: schedule.durationUs,
            wanted: stop.aborted ? 0 : wantedAt(options, nowUs),
            model: schedule.model,
            draining: stop.aborted || nowUs >= schedule.durationUs,
          };
        });

    const cpuBefore = process.cpuUsage();
    const end = await load.run(anchor, stop, {
      take: records.take,
      failed: (outcome, detail) => whole.explain(outcome, safeText(detail)),
      gaps(answer) {
        whole.gaps(answer);
        bySecond.gaps(answer);
      },
      watched: generator.take,
    });
    hideProgress();
    const generatorSeconds = generator.close();
    await load.close();
    if (end.lostWorkers.length > 0) {
      for (const block of roll.missing(end.stoppedUs, clock.nowUs())) {
        records.take(block, []);
      }
    }
    records.close();
    const cpu = process.cpuUsage(cpuBefore);
    const generated = generatorTotals(generatorSeconds, (cpu.user + cpu.system) / US_PER_MS);

    const sums = whole.finish();
    const seconds = bySecond.finish();
    const busiest = seconds.reduce((most, { sent }) => Math.max(most, sent), 0);
    const headroom = headroomOf(options, busiest);
    const verdict = judge(sums, {
      issued: schedule.model === 'open' ? schedule.arrivalsUs.length : end.planned,
      rows: roll.count(),
      interrupted: options.stop.aborted,
      model: schedule.model,
      cappedConnections: rig.connections.shared !== undefined,
      lostWorkers: end.lostWorkers,
      headroomRatio: headroom?.headroom_ratio ?? null,
      loopDelayP99Ms: generated.loop_delay_p99_ms,
      // A thread that spins is busy by design.
      loopBusyRatio: pacing === 'precise' ? null : generated.loop_busy_ratio,
    });
    const facts = runFacts(options, pacing, clock.epochMsAt(0));
    const report = reportOf({
      run: facts,
      totals: sums,
      generator: generated,
      repeats: repeated.finish(),
      calibration: headroom,
      verdict,
    });
    directory.write('perSecond', perSecondCsv(seconds));
    const startedEpochS = Math.floor(anchor.startedEpochUs / US_PER_S);
    directory.write('histograms', histogramsHlog(startedEpochS, endpoints, bySecond.histograms()));
    directory.write('summary', json(report));
    return report;
  } finally {
    await load.close();
  }
}

/** Counts the rows, and knows which of an open schedule's requests have none, where a worker can be lost. */
function rollCall({ schedule, workers, turns }: Rig) {
  const seen = schedule.model === 'open' && workers > 1 ? new Uint8Array(schedule.arrivalsUs.length) : undefined;
  let rows = 0;
  return {
    rows(block: SampleBlock) {
      rows += block.length;
      for (let row = 0; seen && row < block.length; row++) {
        seen[block.seq[row] as number] = 1;
      }
    },
    close() {},
    count: () => rows,
    missing: (stoppedUs: number, nowUs: number) =>
      schedule.model === 'open' && seen
        ? lostRows(schedule, seen, { stoppedUs, nowUs, requestOf: (seq) => requestAt(turns, seq) })
        : [],
  };
}

/** One loop in this thread, or one in each of several. */
async function loadOf(plans: readonly ThreadPlan[], rig: Rig, clock: SystemClock): Promise<Load> {
  const [only, ...others] = plans as [ThreadPlan, ...ThreadPlan[]];
  return others.length > 0
    ? loadInWorkers(WORKER_PROGRAM, plans)
    : loadHere(only.loop, await loopTools(only, clock, rig.protocol), only.connections.atStart);
}

function pacingOf({ settings }: RunSpec, { schedule, workers }: Rig): Pacing | undefined {
  if (schedule.model === 'closed') {
    return undefined;
  }
  return settings.pacing === 'auto'
    ? choosePacing(schedule.arrivalsUs, availableParallelism(), workers)
    : settings.pacing;
}

function headroomOf({ ceiling }: MeasureOptions, busiestPerS: number): Headroom | null {
  return ceiling
    ? { ...ceiling, headroom_ratio: busiestPerS === 0 ? null : ceiling.ceiling_per_s / busiestPerS }
    : null;
}

function wantedAt({ spec, rig }: MeasureOptions, nowUs: number): number {
  const { schedule } = rig;
  if (schedule.model === 'closed') {
    return usersWantedAt(schedule, nowUs);
  }
  return nowUs < schedule.durationUs ? Math.round(spec.curve.levelAt(Math.max(0, nowUs - schedule.warmupUs))) : 0;
}

function runFacts(
  { spec, rig, url, embedded, directory }: MeasureOptions,
  pacing: Pacing | undefined,
  startedEpochMs: number,
): RunFacts {
  const { settings } = spec;
  const { schedule, pool } = rig;
  const closed = schedule.model === 'closed' ? schedule : undefined;
  return {
    directory: directory.shown,
    files: directory.files,
    started_at: new Date(startedEpochMs).toISOString(),
    url,
    embedded_server: embedded,
    protocol: settings.protocol,
    endpoint: rig.protocol.endpoints[0] as string,
    pattern: settings.pattern,
    model: schedule.model,
    users_max: closed ? Math.max(0, ...closed.steps.map(({ users }) => users)) : null,
    rate_max_per_s: closed ? null : highestLevel(spec.curve),
    pacing: pacing ?? null,
    spacing: closed ? null : settings.spacing.kind,
    connections: rig.connections.most,
    insecure: settings.insecure,
    workers: rig.workers,
    warmup_s: schedule.warmupUs / US_PER_S,
    duration_s: (schedule.durationUs - schedule.warmupUs) / US_PER_S,
    think_time_ms: closed ? closed.thinkTimeUs / US_PER_MS : null,
    timeout_ms: settings.timeout / US_PER_MS,
    batch: settings['batch-size'],
    seed: settings.seed,
    check: settings.check,
    dataset: spec.datasetName,
    data_order: spec.order.kind,
    repeat_rate_ratio: spec.order.kind === 'repeat' ? spec.order.rate : null,
    payloads: pool.requests.length,
    payload_bytes: pool.bytes,
    payload_encode_ms: rig.encodeMs,
  };
}
