import { availableParallelism } from 'node:os';
import { stringify } from 'yaml';
import { systemClock } from '../clock.js';
import { runClosedLoop } from '../engine/closed-loop.js';
import { runOpenLoop } from '../engine/open-loop.js';
import { choosePacing, type Pacing } from '../engine/pacer.js';
import type { Io } from '../io.js';
import type { LoadPattern } from '../patterns/pattern.js';
import { perSecond } from '../reduce/per-second.js';
import { totals } from '../reduce/summary.js';
import { tally } from '../reduce/tally.js';
import { json } from '../reports/json.js';
import { perSecondCsv } from '../reports/per-second-csv.js';
import { type Report, type RunFacts, reportOf } from '../reports/report.js';
import { generatorMonitor } from '../samples/generator.js';
import type { Outcome } from '../samples/outcomes.js';
import { rawRequestsSink, rawUsersSink } from '../samples/raw-files.js';
import { recorder } from '../samples/recorder.js';
import { type Sample, sampleAt } from '../samples/sample.js';
import { samplesSink } from '../samples/samples-file.js';
import type { Sink } from '../samples/sink.js';
import type { Schedule } from '../schedule/schedule.js';
import { usersWantedAt } from '../schedule/users.js';
import { planOf } from '../spec/plan.js';
import type { Rig } from '../spec/rig.js';
import type { RunSpec } from '../spec/run-spec.js';
import { safeText } from '../text.js';
import { TRANSPORTS } from '../transports/index.js';
import type { Target } from '../transports/transport.js';
import { US_PER_MS, US_PER_S } from '../units.js';
import { judge } from '../verdicts/validity.js';
import { showProgress } from './progress.js';
import type { RunDirectory } from './run-directory.js';

/** Between the making of the clock and the start of the load, for what has to be on disk before it. */
const START_IN_US = 50 * US_PER_MS;

export interface MeasureOptions {
  readonly io: Io;
  readonly spec: RunSpec;
  readonly rig: Rig;
  readonly target: Target;
  /** The URL as shown to the user. */
  readonly url: string;
  readonly embedded: boolean;
  readonly directory: RunDirectory;
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
  const { settings } = spec;
  const { schedule } = rig;
  const pacing = pacingOf(spec, schedule);
  const createTransport = await TRANSPORTS[rig.protocol.via][settings.transport]();
  const clock = systemClock();
  const transport = createTransport({
    target,
    clock,
    headers: spec.headers,
    requestIds: settings['truth-log'] !== undefined,
    maxConnections: rig.connections.most,
    fresh: rig.connections.fresh,
    ...spec.tls,
  });
  try {
    await transport.open(rig.connections.atStart);
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
    const bySecond = perSecond(anchor.startedEpochUs);
    const whole = totals(() => window);
    const folds = foldSink((sample) => {
      whole.add(sample);
      bySecond.add(sample);
    }, bySecond.users);
    const records = recorder(
      [
        rawRequestsSink(directory.path('rawRequests'), clock),
        rawUsersSink(directory.path('rawUsers'), clock),
        samplesSink(directory.path('samples'), spec.protocolKind.endpoint),
        folds,
        live,
      ],
      clock,
      () => broken.abort(),
    );
    const generator = generatorMonitor({
      path: directory.path('generator'),
      clock,
      takeHandshakesMs: () => transport.handshakes.takeMs(),
    });
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

    const common = {
      clock,
      transport,
      protocol: rig.protocol,
      request: rig.pool.at,
      check: settings.check === 'shape',
      timeoutUs: settings.timeout,
      drainUs: settings.drain,
      stop,
      record: records.record,
      users: records.users,
      failed: (outcome: Outcome, detail: string) => whole.explain(outcome, safeText(detail)),
    };
    const end =
      schedule.model === 'closed'
        ? await runClosedLoop({ ...common, schedule, connections: rig.connections.shared })
        : await runOpenLoop({
            ...common,
            schedule,
            pacing: pacing as Pacing,
            maxInFlight: settings['max-in-flight'],
          });
    hideProgress();
    const seconds = generator.close();
    await transport.close();
    records.close();

    const sums = whole.finish();
    const verdict = judge(sums, {
      issued: end.planned,
      rows: folds.rowCount(),
      interrupted: options.stop.aborted,
      model: schedule.model,
      cappedConnections: rig.connections.shared !== undefined,
      loopDelayP99Ms: seconds.reduce((most, { loopDelayP99Ms }) => Math.max(most, loopDelayP99Ms), 0),
    });
    const report = reportOf(runFacts(options, pacing, clock.epochMsAt(0)), sums, verdict);
    directory.write('perSecond', perSecondCsv(bySecond.finish()));
    directory.write('summary', json(report));
    return report;
  } finally {
    await transport.close();
  }
}

function pacingOf({ settings }: RunSpec, schedule: Schedule): Pacing | undefined {
  if (schedule.model === 'closed') {
    return undefined;
  }
  return settings.pacing === 'auto' ? choosePacing(schedule.arrivalsUs, availableParallelism()) : settings.pacing;
}

function wantedAt({ spec, rig }: MeasureOptions, nowUs: number): number {
  const { schedule } = rig;
  if (schedule.model === 'closed') {
    return usersWantedAt(schedule, nowUs);
  }
  return nowUs < schedule.durationUs ? Math.round(spec.curve.levelAt(Math.max(0, nowUs - schedule.warmupUs))) : 0;
}

/** A sink that hands rows on one by one and counts them. */
function foldSink(add: (sample: Sample) => void, users: NonNullable<Sink['users']>): Sink & { rowCount(): number } {
  let rows = 0;
  return {
    rows(block) {
      for (let row = 0; row < block.length; row++) {
        add(sampleAt(block, row));
      }
      rows += block.length;
    },
    users,
    close() {},
    rowCount: () => rows,
  };
}

function runFacts(
  { spec, rig, url, embedded, directory }: MeasureOptions,
  pacing: Pacing | undefined,
  startedEpochMs: number,
): RunFacts {
  const { settings } = spec;
  const { schedule } = rig;
  const closed = schedule.model === 'closed' ? schedule : undefined;
  return {
    directory: directory.shown,
    files: directory.files,
    started_at: new Date(startedEpochMs).toISOString(),
    url,
    embedded_server: embedded,
    protocol: settings.protocol,
    endpoint: spec.protocolKind.endpoint,
    pattern: settings.pattern,
    model: schedule.model,
    users_max: closed ? Math.max(0, ...closed.steps.map(({ users }) => users)) : null,
    rate_max_per_s: closed ? null : highestLevel(spec.curve),
    pacing: pacing ?? null,
    spacing: closed ? null : settings.spacing.kind,
    connections: rig.connections.most,
    warmup_s: schedule.warmupUs / US_PER_S,
    duration_s: (schedule.durationUs - schedule.warmupUs) / US_PER_S,
    think_time_ms: closed ? closed.thinkTimeUs / US_PER_MS : null,
    timeout_ms: settings.timeout / US_PER_MS,
    batch: settings['batch-size'],
    seed: settings.seed,
    check: settings.check,
    dataset: spec.datasetName,
    payloads: rig.pool.count,
  };
}

/** The highest level of a curve, looked up a thousand times. */
function highestLevel(curve: LoadPattern): number {
  return Array.from({ length: 1000 }, (_, step) => curve.levelAt((step / 1000) * curve.durationUs)).reduce((a, b) =>
    Math.max(a, b),
  );
}
