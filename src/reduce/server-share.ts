/** What a server has counted since it started, as far as the reduction needs it. */
export interface Counters {
  readonly inferences: number;
  readonly executions: number;
  readonly success: CountedTime;
  readonly fail: CountedTime;
  readonly queue: CountedTime;
  readonly computeInput: CountedTime;
  readonly computeInfer: CountedTime;
  readonly computeOutput: CountedTime;
  readonly cacheHit: CountedTime;
  readonly cacheMiss: CountedTime;
}

interface CountedTime {
  readonly count: number;
  readonly ns: number;
}

/** The server's own side of a run: the difference of two readings of its counters. Means are over its successful requests; null when there was none. */
export interface ServerShare {
  readonly success_n: number;
  readonly fail_n: number;
  readonly inferences_n: number;
  readonly executions_n: number;
  /** Items that the server put into one execution. */
  readonly batch_mean: number | null;
  readonly queue_mean_ms: number | null;
  readonly compute_input_mean_ms: number | null;
  readonly compute_infer_mean_ms: number | null;
  readonly compute_output_mean_ms: number | null;
  readonly cache_hits_n: number;
  readonly cache_misses_n: number;
  readonly cache_mean_ms: number | null;
  /** The client's mean service time less all of these: network, and what the server does not count. At least 0. */
  readonly rest_mean_ms: number | null;
}

const NS_PER_MS = 1e6;

/** The difference of the counters before and after a run; undefined when the server was started anew between them. */
export function serverShare(before: Counters, after: Counters, serviceMeanMs: number | null): ServerShare | undefined {
  const count = (name: keyof Omit<Counters, 'inferences' | 'executions'>) => after[name].count - before[name].count;
  const successN = count('success');
  if (successN < 0 || after.inferences < before.inferences) {
    return undefined;
  }
  const meanMs = (...names: (keyof Omit<Counters, 'inferences' | 'executions'>)[]) =>
    successN === 0
      ? null
      : names.reduce((sum, name) => sum + after[name].ns - before[name].ns, 0) / successN / NS_PER_MS;
  const executions = after.executions - before.executions;
  const inferences = after.inferences - before.inferences;
  const known = meanMs('queue', 'computeInput', 'computeInfer', 'computeOutput', 'cacheHit', 'cacheMiss');
  return {
    success_n: successN,
    fail_n: count('fail'),
    inferences_n: inferences,
    executions_n: executions,
    batch_mean: executions === 0 ? null : inferences / executions,
    queue_mean_ms: meanMs('queue'),
    compute_input_mean_ms: meanMs('computeInput'),
    compute_infer_mean_ms: meanMs('computeInfer'),
    compute_output_mean_ms: meanMs('computeOutput'),
    cache_hits_n: count('cacheHit'),
    cache_misses_n: count('cacheMiss'),
    cache_mean_ms: meanMs('cacheHit', 'cacheMiss'),
    rest_mean_ms: known === null || serviceMeanMs === null ? null : Math.max(0, serviceMeanMs - known),
  };
}
