import { describe, expect, it } from 'vitest';
import { loadDigitModel } from '../../../src/server/digit-model.js';
import type { Route } from '../../../src/server/http.js';
import { mnistOipModel } from '../../../src/server/oip.js';
import { statisticsRoutes } from '../../../src/server/oip-statistics.js';
import { totalsKeeper } from '../../../src/server/totals.js';

const model = mnistOipModel(loadDigitModel());

function get(path: string, keeper = totalsKeeper()) {
  const [route] = statisticsRoutes(model, keeper.totals) as readonly [Route & { readonly path: RegExp }];
  const match = new RegExp(`^(?:${route.path.source})$`).exec(path);
  if (!match) {
    return undefined;
  }
  const call = { method: 'GET', path, query: '', groups: match.slice(1), headers: {}, body: Buffer.alloc(0) };
  const { status, body } = route.answer(call);
  return { status, json: JSON.parse(body) };
}

describe("Triton's statistics", () => {
  it("tell of successes, failures, queue, service, batches and cache in Triton's names", () => {
    const keeper = totalsKeeper();
    keeper.batch(4, 5_000);
    keeper.request({ kind: 'served', items: 3, queuedUs: 700.5, serviceUs: 5_000 }, 5_700.5, 1_700_000_000_123.4);
    keeper.request({ kind: 'served', items: 1, queuedUs: 0, serviceUs: 5_000 }, 5_000, 1_700_000_000_124);
    keeper.batch(1, 6_000);
    keeper.request({ kind: 'served', items: 1, queuedUs: 0, serviceUs: 6_000 }, 6_000, 1_700_000_000_125);
    keeper.lookup(true, 2);
    keeper.request({ kind: 'hit' }, 10, 1_700_000_000_126);
    keeper.lookup(false, 3);
    keeper.request({ kind: 'wrong' }, 20, 1_700_000_000_127.6);
    keeper.request({ kind: 'full' }, 0, 1_700_000_000_127.6);
    expect(get('/v2/models/mnist/stats', keeper)).toEqual({
      status: 200,
      json: {
        model_stats: [
          {
            name: 'mnist',
            version: '1',
            last_inference: 1_700_000_000_128,
            inference_count: 5,
            execution_count: 2,
            inference_stats: {
              success: { count: 4, ns: 16_710_500 },
              fail: { count: 2, ns: 20_000 },
              queue: { count: 3, ns: 700_500 },
              compute_input: { count: 3, ns: 0 },
              compute_infer: { count: 3, ns: 16_000_000 },
              compute_output: { count: 3, ns: 0 },
              cache_hit: { count: 1, ns: 2_000 },
              cache_miss: { count: 1, ns: 3_000 },
            },
            response_stats: {},
            batch_stats: [
              {
                batch_size: 1,
                compute_input: { count: 1, ns: 0 },
                compute_infer: { count: 1, ns: 6_000_000 },
                compute_output: { count: 1, ns: 0 },
              },
              {
                batch_size: 4,
                compute_input: { count: 1, ns: 0 },
                compute_infer: { count: 1, ns: 5_000_000 },
                compute_output: { count: 1, ns: 0 },
              },
            ],
            memory_usage: [],
          },
        ],
      },
    });
  });

  it.each(['/v2/models/stats', '/v2/models/mnist/versions/1/stats'])('are at %s too', (path) => {
    expect(get(path)).toMatchObject({ status: 200, json: { model_stats: [{ name: 'mnist', inference_count: 0 }] } });
  });

  it('are not there of a model that is not', () => {
    expect(get('/v2/models/nope/stats')).toEqual({
      status: 404,
      json: { error: "Request for unknown model: 'nope' is not found" },
    });
    expect(get('/v2/models/mnist/versions/2/stats')?.status).toBe(404);
    expect(get('/v2/models/mnist/other/stats')).toBeUndefined();
  });
});
