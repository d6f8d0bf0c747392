import { stringify } from 'yaml';
import { systemClock } from '../clock.js';
import { runClosedLoop } from '../engine/closed-loop.js';
import type { Io } from '../io.js';
import { perSecond } from '../reduce/per-second.js';
import { totals } from '../reduce/summary.js';
import { tally } from '../reduce/tally.js';
import { json } from '../reports/json.js';
import { perSecondCsv } from '../reports/per-second-csv.js';
import { type Report, type RunFacts, reportOf } from '../reports/report.js';
import { rawRequestsSink, rawUsersSink } from '../samples/raw-files.js';
import { recorder } from '../samples/recorder.js';
import { type Sample, sampleAt } from '../samples/sample.js';
import { samplesSink } from '../samples/samples-file.js';
import type { Sink } from '../samples/sink.js';
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
  const createTransport = await TRANSPORTS[rig.protocol.via]();

  const clock = systemClock(START_IN_US);
  const plan = planOf({ spec, rig, target, embedded: options.embedded, anchor: clock.anchor });
  directory.write('plan', `${JSON.stringify(plan, null, 2)}\n`);
  directory.write('spec', stringify(spec.asked));

  // Sending ends with the pattern, when the user asks for it, or when the records cannot be kept.
  const broken = new AbortController();
  const stop = AbortSignal.any([options.stop, broken.signal]);
  let windowUs = schedule.durationUs;
  stop.addEventListener('abort', () => {
    windowUs = Math.min(windowUs, Math.max(0, clock.nowUs()));
  });

  const live = tally();
  const bySecond = perSecond(clock.anchor.startedEpochUs);
  const whole = totals(() => windowUs);
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
  const transport = createTransport({
    target,
    clock,
    headers: spec.headers,
    requestIds: settings['truth-log'] !== undefined,
  });
  const hideProgress = options.quiet
    ? () => {}
    : await showProgress(io, clock, () => {
        const nowUs = clock.nowUs();
        return {
          ...live.snapshot(nowUs),
          elapsedUs: nowUs,
          durationUs: schedule.durationUs,
          usersWanted: stop.aborted ? 0 : usersWantedAt(schedule, nowUs),
          draining: stop.aborted || nowUs >= schedule.durationUs,
        };
      });

  const end = await runClosedLoop({
    schedule,
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
    failed: (outcome, detail) => whole.explain(outcome, safeText(detail)),
  });
  hideProgress();
  await transport.close();
  records.close();

  const sums = whole.finish();
  const verdict = judge(sums, { issued: end.planned, rows: folds.rowCount(), interrupted: options.stop.aborted });
  const report = reportOf(runFacts(options, clock.epochMsAt(0)), sums, verdict);
  directory.write('perSecond', perSecondCsv(bySecond.finish()));
  directory.write('summary', json(report));
  return report;
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

function runFacts({ spec, rig, url, embedded, directory }: MeasureOptions, startedEpochMs: number): RunFacts {
  const { settings } = spec;
  return {
    directory: directory.shown,
    files: directory.files,
    started_at: new Date(startedEpochMs).toISOString(),
    url,
    embedded_server: embedded,
    protocol: settings.protocol,
    endpoint: spec.protocolKind.endpoint,
    pattern: settings.pattern,
    model: rig.schedule.model,
    users_max: Math.max(0, ...rig.schedule.steps.map(({ users }) => users)),
    duration_s: rig.schedule.durationUs / US_PER_S,
    think_time_ms: rig.schedule.thinkTimeUs / US_PER_MS,
    timeout_ms: settings.timeout / US_PER_MS,
    batch: settings['batch-size'],
    seed: settings.seed,
    check: settings.check,
    dataset: spec.datasetName,
    payloads: rig.pool.count,
  };
}
