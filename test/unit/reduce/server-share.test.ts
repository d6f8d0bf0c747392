import { describe, expect, it } from 'vitest';
import { type Counters, serverShare } from '../../../src/reduce/server-share.js';

const time = (count: number, ms: number) => ({ count, ns: ms * 1e6 });

const BEFORE: Counters = {
  inferences: 1000,
  executions: 500,
  success: time(100, 9000),
  fail: time(1, 1),
  queue: time(100, 100),
  computeInput: time(100, 10),
  computeInfer: time(100, 500),
  computeOutput: time(100, 5),
  cacheHit: time(3, 1),
  cacheMiss: time(4, 1),
};
/** 20 requests more: 40 ms of queue, 10 of input, 200 of infer, 10 of output, 6 and 4 of the cache. */
const AFTER: Counters = {
  inferences: 1080,
  executions: 510,
  success: time(120, 9900),
  fail: time(3, 2),
  queue: time(120, 140),
  computeInput: time(120, 20),
  computeInfer: time(120, 700),
  computeOutput: time(120, 15),
  cacheHit: time(9, 7),
  cacheMiss: time(18, 5),
};

describe("the server's side of a run", () => {
  it('is the difference of two readings', () => {
    expect(serverShare(BEFORE, AFTER, 20)).toEqual({
      success_n: 20,
      fail_n: 2,
      inferences_n: 80,
      executions_n: 10,
      batch_mean: 8,
      queue_mean_ms: 2,
      compute_input_mean_ms: 0.5,
      compute_infer_mean_ms: 10,
      compute_output_mean_ms: 0.5,
      cache_hits_n: 6,
      cache_misses_n: 14,
      cache_mean_ms: 0.5,
      // 20 − (2 + 0.5 + 10 + 0.5 + 0.5)
      rest_mean_ms: 6.5,
    });
  });

  it('leaves no rest below 0', () => {
    expect(serverShare(BEFORE, AFTER, 5)?.rest_mean_ms).toBe(0);
    expect(serverShare(BEFORE, AFTER, null)?.rest_mean_ms).toBeNull();
  });

  it('has no means without requests, never 0', () => {
    expect(serverShare(BEFORE, BEFORE, null)).toMatchObject({
      success_n: 0,
      batch_mean: null,
      queue_mean_ms: null,
      cache_mean_ms: null,
      rest_mean_ms: null,
    });
  });

  it('is nothing where the server was started anew', () => {
    expect(serverShare(AFTER, BEFORE, 1)).toBeUndefined();
  });
});
