import type { Call, Route } from './http.js';
import type { OipModel } from './oip.js';
import { oipProblem } from './oip-rest.js';
import { httpStatusOf } from './outcome.js';
import type { Duration, ServiceTotals } from './totals.js';

/** A duration as Triton tells it. */
interface NsDuration {
  readonly count: number;
  readonly ns: number;
}

const NS_PER_US = 1_000;

function ns({ count, us }: Duration): NsDuration {
  return { count, ns: Math.round(us * NS_PER_US) };
}

/** So many times, none of which took time of its own. */
function noTime(count: number): NsDuration {
  return { count, ns: 0 };
}

/**
 * The statistics of the one model since the server began, with Triton's names: the service time is `compute_infer`,
 * which includes reading and writing; hits of the cache are successes and in nothing else of it.
 */
export function modelStatistics({ name, version }: OipModel, totals: ServiceTotals): object {
  const { success, fail, queue, service, cacheHit, cacheMiss, batches } = totals;
  return {
    name,
    version,
    last_inference: Math.round(totals.lastEpochMs),
    inference_count: totals.items,
    execution_count: totals.batchItems.count,
    inference_stats: {
      success: ns(success),
      fail: ns(fail),
      queue: ns(queue),
      compute_input: noTime(service.count),
      compute_infer: ns(service),
      compute_output: noTime(service.count),
      cache_hit: ns(cacheHit),
      cache_miss: ns(cacheMiss),
    },
    response_stats: {},
    batch_stats: [...batches]
      .sort(([one], [other]) => one - other)
      .map(([batch_size, duration]) => ({
        batch_size,
        compute_input: noTime(duration.count),
        compute_infer: ns(duration),
        compute_output: noTime(duration.count),
      })),
    memory_usage: [],
  };
}

/** Triton's statistics extension over REST: of all models, or of one. */
export function statisticsRoutes(model: OipModel, totals: ServiceTotals): readonly Route[] {
  function answer({ groups: [name = model.name, version = ''] }: Call) {
    const missing = model.miss(name, version);
    return missing
      ? { status: httpStatusOf(missing.code), body: oipProblem(missing.message) }
      : { status: 200, body: JSON.stringify({ model_stats: [modelStatistics(model, totals)] }) };
  }
  const endpoint = '/v2/models/{model}/stats';
  return [{ method: 'GET', path: /\/v2\/models(?:\/([^/]+)(?:\/versions\/([^/]+))?)?\/stats/, endpoint, answer }];
}
