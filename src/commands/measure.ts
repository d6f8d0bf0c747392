import { availableParallelism } from 'node:os';
import { stringify } from 'yaml';
import { type SystemClock, systemClock } from '../clock.js';
import { type Load, loadHere } from '../engine/load.js';
import { lostRows } from '../engine/lost-rows.js';
import { choosePacing, type Pacing } from '../engine/pacer.js';
import { loadInWorkers } from '../engine/workers.js';
import type { Io } from '../io.js';
import { highestLevel } from '../patterns/pattern.js';
import { errorText } from '../protocols/json.js';
import { payloadAt, requestAt } from '../protocols/payloads.js';
import { runFolds } from '../reduce/run-folds.js';
import type { Counters } from '../reduce/server-share.js';
import { tally } from '../reduce/tally.js';
import { json } from '../reports/json.js';
import type { Headroom } from '../reports/report.js';
import type { Results } from '../reports/results.js';
import { chunkGapsFile } from '../samples/chunk-gaps.js';
import { generatorFile } from '../samples/generator.js';
import type { Outcome } from '../samples/outcomes.js';
import { rawRequestsSink, rawUsersSink } from '../samples/raw-files.js';
import { recordWriter } from '../samples/record-writer.js';
import type { SampleBlock } from '../samples/sample.js';
import { samplesSink } from '../samples/samples-file.js';
import type { Sink } from '../samples/sink.js';
import { usersWantedAt } from '../schedule/users.js';
import { planOf } from '../spec/plan.js';
import type { Rig } from '../spec/rig.js';
import type { EndRecord, PlannedRecord } from '../spec/run-record.js';
import type { RunSpec } from '../spec/run-spec.js';
import { loopTools, type ThreadPlan, threadPlans } from '../spec/thread-plan.js';
import { safeText } from '../text.js';
import type { Target } from '../transports/transport.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { thresholdPlanData } from '../verdicts/threshold-plan.js';
import { thresholdFold } from '../verdicts/thresholds.js';
import { abortWatch } from './abort-watch.js';
import { showProgress } from './progress.js';
import { resultsOf } from './results.js';
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
  /** Makes it, once the connections are open: a server that cannot be had leaves no directory, and a run that is there. */
  readonly makeDirectory: () => RunDirectory;
  /** What this machine was found to keep for such a run; undefined when it was not calibrated. */
  readonly ceiling: Pick<Headroom, 'ceiling_per_s' | 'calibrated_at'> | undefined;
  /** Who else takes the rows. */
  readonly watchers?: readonly Sink[];
  /** Ends the sending early. */
  readonly stop: AbortSignal;
  readonly quiet: boolean;
  /** Reads the server's own counters; undefined where it offers none. */
  readonly counters?: (() => Promise<Counters | undefined>) | undefined;
}

export interface Measured {
  readonly directory: RunDirectory;
  readonly results: Results;
}

/**
 * The measurement itself: sends the load, records every request while it does, and reduces the records. All records of
 * the run directory are complete when it returns; reports are made of what it returns. Throws BenchError('output') when
 * they are not.
 */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { spec, rig, target } = options;
  const pacing = pacingOf(spec, rig);
  const clock = systemClock();
  const load = await loadOf(threadPlans({ spec, rig, target, pacing }), rig, clock);
  try {
    await load.open();
    const directory = options.makeDirectory();
    const countersBefore = await options.counters?.();
    clock.startIn(START_IN_US);
    const planned = plannedRecord(options, pacing, clock.epochMsAt(0));
    const plan = planOf({ spec, rig, target, embedded: options.embedded, pacing, anchor: clock.anchor() });
    directory.write('plan', json({ ...plan, report: planned }));
    directory.write('spec', stringify(spec.asked));
    const { end, ...recorded } = await record({ ...options, directory }, load, { clock, countersBefore });
    directory.write('end', json(end));
    return { directory, results: resultsOf({ planned, host: plan.host, end, ...recorded, directory }) };
  } finally {
    await load.close();
  }
}

/** Runs the load, writes every row of it and folds them as they come. */
async function record(
  options: MeasureOptions & Pick<Measured, 'directory'>,
  load: Load,
  { clock, countersBefore }: { readonly clock: SystemClock; readonly countersBefore: Counters | undefined },
) {
  const { io, spec, rig, directory } = options;
  const { schedule } = rig;
  const { endpoints } = rig.protocol;
  const anchor = clock.anchor();
  // Sending ends with the pattern, when the user asks for it, a threshold is lost, or the records cannot be kept.
  const broken = new AbortController();
  const lost = new AbortController();
  const stop = AbortSignal.any([options.stop, broken.signal, lost.signal]);
  const window = { fromUs: schedule.warmupUs, toUs: schedule.durationUs };
  stop.addEventListener('abort', () => {
    window.toUs = Math.min(window.toUs, Math.max(window.fromUs, clock.nowUs()));
  });

  const live = tally();
  const folds = runFolds({
    startedEpochUs: anchor.startedEpochUs,
    endpoints,
    measured: () => window,
    payloads: rig.pool.requests.length,
    payloadOf: (seq) => payloadAt(rig.turns, seq),
  });
  const held = thresholdFold(spec.thresholds, {
    endpoints,
    measured: () => window,
    startedEpochUs: anchor.startedEpochUs,
  });
  const chunkGaps = chunkGapsFile(directory.path('chunkGaps'));
  const roll = rollCall(rig);
  const records = recordWriter(
    [
      rawRequestsSink(directory.path('rawRequests'), clock),
      rawUsersSink(directory.path('rawUsers'), clock),
      samplesSink(directory.path('samples'), endpoints),
      { ...chunkGaps, rows() {} },
      { ...folds, close() {} },
      { rows: held.rows, close() {} },
      ...(options.quiet ? [] : [live]),
      ...(options.watchers ?? []),
      roll,
    ],
    clock,
    () => broken.abort(),
  );
  const generatorRows = generatorFile(directory.path('generator'), clock, rig.workers);
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

  const explained = new Map<Outcome, string>();
  const watch = abortWatch({ clock, settings: spec.settings, warmupUs: schedule.warmupUs, held, lost });
  const cpuBefore = process.cpuUsage();
  const loop = await load.run(anchor, stop, {
    take: records.take,
    failed(outcome, detail) {
      if (!explained.has(outcome)) {
        explained.set(outcome, safeText(errorText(detail) ?? detail));
      }
    },
    gaps(answer) {
      chunkGaps.gaps(answer);
      folds.gaps(answer);
      held.gaps(answer);
    },
    watched: generatorRows.take,
  });
  watch.end();
  hideProgress();
  const generator = generatorRows.close();
  await load.close();
  const countersAfter = countersBefore && (await options.counters?.());
  if (loop.lostWorkers.length > 0) {
    for (const block of roll.missing(loop.stoppedUs, clock.nowUs())) {
      records.take(block, []);
    }
  }
  records.close();
  const cpu = process.cpuUsage(cpuBefore);
  const sums = folds.finish(explained);
  const end: EndRecord = {
    schema: 'infer-bench/end/1',
    rows: sums.rows,
    issued: schedule.model === 'open' ? schedule.arrivalsUs.length : loop.planned,
    interrupted: options.stop.aborted,
    stops: watch.stops(),
    window_us: { from_us: window.fromUs, to_us: window.toUs },
    lost_workers: loop.lostWorkers,
    explained: Object.fromEntries(explained),
    cpu_ms: (cpu.user + cpu.system) / US_PER_MS,
    server_counters: countersBefore && countersAfter ? { before: countersBefore, after: countersAfter } : null,
  };
  return { end, generator, sums, held };
}

/** Knows which of an open schedule's requests have no row, where a worker can be lost. */
function rollCall({ schedule, workers, turns }: Rig) {
  const seen = schedule.model === 'open' && workers > 1 ? new Uint8Array(schedule.arrivalsUs.length) : undefined;
  return {
    rows(block: SampleBlock) {
      for (let row = 0; seen && row < block.length; row++) {
        seen[block.seq[row] as number] = 1;
      }
    },
    close() {},
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

function wantedAt({ spec, rig }: MeasureOptions, nowUs: number): number {
  const { schedule } = rig;
  if (schedule.model === 'closed') {
    return usersWantedAt(schedule, nowUs);
  }
  return nowUs < schedule.durationUs ? Math.round(spec.curve.levelAt(Math.max(0, nowUs - schedule.warmupUs))) : 0;
}

/** What reports say of the run that is in no row of it, as it is written before the first. */
function plannedRecord(
  { spec, rig, url, embedded, ceiling }: MeasureOptions,
  pacing: Pacing | undefined,
  startedEpochMs: number,
): PlannedRecord {
  const { settings } = spec;
  const { schedule, pool } = rig;
  const closed = schedule.model === 'closed' ? schedule : undefined;
  return {
    run: {
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
      dataset: rig.datasetName,
      data_order: spec.order.kind,
      repeat_rate_ratio: spec.order.kind === 'repeat' ? spec.order.rate : null,
      payloads: pool.requests.length,
      payload_bytes: pool.bytes,
      payload_encode_ms: rig.encodeMs,
    },
    endpoints: rig.protocol.endpoints,
    order: spec.order,
    requests_before: rig.turns.before.length,
    warmup_us: schedule.warmupUs,
    duration_us: schedule.durationUs,
    capped_connections: rig.connections.shared !== undefined,
    limits: {
      max_local_errors: settings['max-local-errors'],
      max_cache_hit_ratio: settings['max-cache-hit-rate'] ?? null,
    },
    thresholds: thresholdPlanData(spec.thresholds),
    ceiling: ceiling ?? null,
  };
}
