import { z } from 'zod';
import type { DataOrder } from '../protocols/data-order.js';
import type { Counters } from '../reduce/server-share.js';
import type { RunFacts } from '../reports/report.js';
import type { HostFacts } from '../reports/results.js';
import { isOutcome, type Outcome } from '../samples/outcomes.js';
import type { ThresholdPlanData } from '../verdicts/threshold-plan.js';
import type { VerdictLimits } from '../verdicts/validity.js';

/** What a report needs of a run beside its rows and was known before it: the part `report` of `plan.json`. */
export interface PlannedRecord {
  readonly run: Omit<RunFacts, 'directory' | 'files'>;
  readonly endpoints: readonly string[];
  /** Which payload went out with a sequence number, and how many requests of the protocol's own go before each. */
  readonly order: DataOrder;
  readonly requests_before: number;
  /** The load from the run's start, its warm-up included. */
  readonly warmup_us: number;
  readonly duration_us: number;
  /** The user set the number of connections. */
  readonly capped_connections: boolean;
  readonly limits: VerdictLimits;
  /** What the run is held to. */
  readonly thresholds: ThresholdPlanData;
  readonly ceiling: { readonly ceiling_per_s: number; readonly calibrated_at: string } | null;
}

/** What only the run itself could know when it was over: `end.json`. A killed run has none. */
export interface EndRecord {
  readonly schema: 'infer-bench/end/1';
  /** Rows that went into `samples.csv`, and requests that the loop issued, counted apart from them. */
  readonly rows: number;
  readonly issued: number;
  /** The user ended it early. */
  readonly interrupted: boolean;
  /** What else stopped it, a sentence each. */
  readonly stops: readonly string[];
  /** The measured window, which an early end shortens. */
  readonly window_us: { readonly from_us: number; readonly to_us: number };
  /** Why worker threads ended before their loop did. */
  readonly lost_workers: readonly string[];
  /** The first text that explains each outcome. */
  readonly explained: Readonly<Record<string, string>>;
  /** CPU time of the process from the start of the load to the last row on disk. */
  readonly cpu_ms: number;
  /** The server's own counters before the first and after the last request; null where it offers none. */
  readonly server_counters: { readonly before: Counters; readonly after: Counters } | null;
}

const PLAN = z.object({
  schema: z.literal('infer-bench/plan/1'),
  started_epoch_us: z.number().int().nonnegative(),
  host: z
    .looseObject({
      platform: z.string(),
      arch: z.string(),
      node: z.string(),
      cpus: z.number(),
      cpu_model: z.string().nullable(),
      cores_available: z.number().optional(),
      memory_bytes: z.number(),
      kernel: z.string().optional(),
    })
    .optional(),
  report: z.object({
    run: z.looseObject({
      model: z.enum(['closed', 'open']),
      protocol: z.string(),
      pattern: z.string(),
      url: z.string(),
      seed: z.number(),
      payloads: z.number().int().positive(),
      workers: z.number().int().positive(),
    }),
    endpoints: z.array(z.string()).min(1).max(256),
    order: z.looseObject({ kind: z.enum(['unique', 'shuffle', 'repeat', 'zipf']) }),
    requests_before: z.number().int().nonnegative(),
    warmup_us: z.number().nonnegative(),
    duration_us: z.number().nonnegative(),
    capped_connections: z.boolean(),
    thresholds: z.object({
      expressions: z.array(z.string()),
      slos: z.array(z.string()),
      min_samples: z.number().int().nonnegative(),
      no_data: z.enum(['fail', 'pass']),
    }),
    limits: z.object({ max_local_errors: z.number(), max_cache_hit_ratio: z.number().nullable() }),
    ceiling: z.object({ ceiling_per_s: z.number(), calibrated_at: z.string() }).nullable(),
  }),
});

const COUNTED = z.object({ count: z.number(), ns: z.number() });

const COUNTERS = z.object({
  inferences: z.number(),
  executions: z.number(),
  success: COUNTED,
  fail: COUNTED,
  queue: COUNTED,
  computeInput: COUNTED,
  computeInfer: COUNTED,
  computeOutput: COUNTED,
  cacheHit: COUNTED,
  cacheMiss: COUNTED,
});

const END = z.object({
  schema: z.literal('infer-bench/end/1'),
  rows: z.number().int().nonnegative(),
  issued: z.number().int().nonnegative(),
  interrupted: z.boolean(),
  stops: z.array(z.string()),
  window_us: z.object({ from_us: z.number(), to_us: z.number() }),
  lost_workers: z.array(z.string()),
  explained: z.record(z.string(), z.string()),
  cpu_ms: z.number(),
  server_counters: z.object({ before: COUNTERS, after: COUNTERS }).nullable(),
});

/** What a file of a run directory says, or why it does not. */
export type Read<T> = T | { readonly problem: string };

/** Reads the text of a `plan.json`. */
export function readPlan(text: string): Read<{
  readonly startedEpochUs: number;
  readonly host: HostFacts | null;
  readonly planned: PlannedRecord;
}> {
  const plan = readJson(PLAN, text);
  return 'problem' in plan
    ? plan
    : {
        startedEpochUs: plan.started_epoch_us,
        host: plan.host ?? null,
        planned: plan.report as unknown as PlannedRecord,
      };
}

/** Reads the text of an `end.json`. */
export function readEnd(text: string): Read<EndRecord> {
  return readJson(END, text);
}

/** The texts of an end by outcome; words that are none are left out. */
export function explainedOf({ explained }: Pick<EndRecord, 'explained'>): ReadonlyMap<Outcome, string> {
  return new Map(Object.entries(explained).filter((entry): entry is [Outcome, string] => isOutcome(entry[0])));
}

function readJson<T>(schema: z.ZodType<T>, text: string): Read<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'it is no JSON' };
  }
  const read = schema.safeParse(value);
  if (read.success) {
    // As it was written, in its order, and not as the schema would put it.
    return value as T;
  }
  const [issue] = read.error.issues;
  return { problem: `${issue?.path.join('.') || 'it'}: ${issue?.message}` };
}
