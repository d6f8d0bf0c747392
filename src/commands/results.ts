import { generatorTotals } from '../reduce/generator-totals.js';
import type { RunSums } from '../reduce/run-folds.js';
import { serverShare } from '../reduce/server-share.js';
import { type Headroom, reportOf } from '../reports/report.js';
import type { HostFacts, Results } from '../reports/results.js';
import type { GeneratorSecond } from '../samples/generator.js';
import type { EndRecord, PlannedRecord } from '../spec/run-record.js';
import { US_PER_MS } from '../units.js';
import { confidenceOf } from '../verdicts/confidence.js';
import { littleOf } from '../verdicts/little.js';
import type { ThresholdFold } from '../verdicts/thresholds.js';
import { judge } from '../verdicts/validity.js';

/** A run reduced and what is known of it beside its rows, live and from files the same. */
export interface Recorded {
  readonly planned: PlannedRecord;
  readonly host: HostFacts | null;
  /** Undefined for a run that was killed. */
  readonly end: EndRecord | undefined;
  readonly generator: readonly GeneratorSecond[];
  readonly sums: RunSums;
  /** The rows held against the thresholds. */
  readonly held: Pick<ThresholdFold, 'finish' | 'goodput'>;
  readonly directory: { readonly shown: string; readonly files: readonly string[] };
}

/** Judges a run and puts its results together: the one way to them. */
export function resultsOf({ planned, host, end, generator, sums, held, directory }: Recorded): Results {
  const { run, ceiling } = planned;
  const { totals, seconds } = sums;
  const generated = generatorTotals(generator, end?.cpu_ms ?? null);
  const busiestPerS = seconds.reduce((most, { sent }) => Math.max(most, sent), 0);
  const headroom: Headroom | null = ceiling
    ? { ...ceiling, headroom_ratio: busiestPerS === 0 ? null : ceiling.ceiling_per_s / busiestPerS }
    : null;
  const thresholds = held.finish();
  const little = littleOf({
    totals,
    ended: sums.ended,
    model: run.model,
    usersMean: sums.usersMean,
    usersMax: run.users_max ?? 0,
    thinkUs: ((run.think_time_ms ?? 0) * US_PER_MS) / (planned.requests_before + 1),
  });
  const verdict = judge(totals, {
    issued: end?.issued ?? sums.rows,
    rows: sums.rows,
    ended: end === undefined ? 'killed' : end.interrupted ? 'stopped' : 'done',
    model: run.model,
    cappedConnections: planned.capped_connections,
    lostWorkers: end?.lost_workers ?? [],
    headroomRatio: headroom?.headroom_ratio ?? null,
    loopDelayP99Ms: generated.loop_delay_p99_ms,
    // A thread that spins is busy by design.
    loopBusyRatio: run.pacing === 'precise' ? null : generated.loop_busy_ratio,
    seconds,
    generator,
    little,
    steady: run.model === 'open' && run.pattern === 'constant',
    repeatsWanted: run.data_order === 'repeat' || run.data_order === 'zipf',
    thresholds,
    limits: planned.limits,
  });
  const counters = end?.server_counters;
  const serverSide = counters
    ? (serverShare(counters.before, counters.after, totals.service_time.mean_ms) ?? null)
    : null;
  return {
    report: reportOf({
      run: { directory: directory.shown, files: directory.files, ...run },
      totals,
      generator: generated,
      repeats: sums.repeats,
      calibration: headroom,
      serverSide,
      verdict,
      little,
      thresholds,
      goodput: held.goodput(),
      stops: end?.stops ?? [],
      confidence: confidenceOf(sums.latency),
    }),
    host,
    endpoints: planned.endpoints,
    seconds,
    generator,
    latency: sums.latency,
    serviceTime: sums.serviceTime,
    lag: sums.lag,
    byEndpoint: sums.byEndpoint,
    secondHistograms: sums.secondHistograms,
  };
}
