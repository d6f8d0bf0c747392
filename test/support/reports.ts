import { repeats } from '../../src/reduce/repeats.js';
import { totals } from '../../src/reduce/summary.js';
import { type Headroom, type Report, reportOf } from '../../src/reports/report.js';
import type { Sample } from '../../src/samples/sample.js';
import { confidenceOf } from '../../src/verdicts/confidence.js';
import { judge } from '../../src/verdicts/validity.js';
import { soundFacts } from './facts.js';
import { blockOf } from './samples.js';

/** The report of a run with these samples. */
export function reportOn(
  samples: readonly Sample[],
  explained: readonly (readonly [Sample['outcome'], string])[] = [],
  calibration: Headroom | null = null,
  endpoints: readonly string[] = [],
): Report {
  const whole = totals(() => ({ fromUs: 0, toUs: 10e6 }), endpoints);
  whole.rows(blockOf(samples));
  for (const [outcome, text] of explained) {
    whole.explain(outcome, text);
  }
  const again = repeats(1600, (seq) => seq % 1600);
  again.rows(blockOf(samples));
  const sums = whole.finish();
  return reportOf({
    run: {
      directory: 'runs/2026-11-21T09-12-33Z-sentiment-double-wave/',
      files: [
        'plan.json',
        'spec.yaml',
        'raw_requests.csv',
        'raw_users.csv',
        'samples.csv',
        'per_second.csv',
        'summary.json',
      ],
      started_at: '2026-11-21T09:12:33.000Z',
      url: 'http://127.0.0.1:8000',
      embedded_server: false,
      protocol: 'sentiment',
      endpoint: 'sentiment',
      pattern: 'double-wave',
      model: 'closed',
      users_max: 60,
      rate_max_per_s: null,
      pacing: null,
      spacing: null,
      connections: 60,
      insecure: false,
      warmup_s: 0,
      duration_s: 10,
      think_time_ms: 300,
      timeout_ms: 10_000,
      batch: 1,
      seed: 1,
      check: 'shape',
      dataset: 'tweets',
      workers: 1,
      data_order: 'unique',
      repeat_rate_ratio: null,
      payloads: 1600,
      payload_bytes: 96_000,
      payload_encode_ms: 12,
    },
    totals: sums,
    repeats: again.finish(),
    generator: {
      loop_delay_p99_ms: 0.4,
      loop_busy_ratio: 0.2,
      cpu_ratio: 0.2,
      cpu_ms: 640,
      gc_ms: 12,
      open_fds_max: 80,
      handshakes_n: 0,
      handshake_p99_ms: null,
    },
    serverSide: null,
    verdict: judge(sums, soundFacts(samples.length)),
    calibration,
    thresholds: [],
    little: null,
    confidence: confidenceOf(whole.histograms().latency),
  });
}
