import { expect, it } from 'vitest';
import { latencyError } from '../../../src/commands/latency-error.js';

const STARTED_NS = 5_000_000_000_000n;
const SAMPLES = 'seq,phase,start_us,end_us,outcome';
const TRUTH = 'id,recv_ns,send_ns,batch,status';

const ns = (us: number) => STARTED_NS + BigInt(Math.round(us * 1000));
const errorOf = (samples: readonly string[], truth: readonly string[]) =>
  latencyError({
    samples: `${[SAMPLES, ...samples].join('\n')}\n`,
    startedMonotonicNs: STARTED_NS,
    truth: `${[TRUTH, ...truth].join('\n')}\n`,
  });
const served = (id: number, receivedUs: number, sentUs: number) =>
  `${String(id).padStart(10, '0')},${ns(receivedUs)},${ns(sentUs)},0,200`;

it('is what the client measured beyond what the server logged, joined by id', () => {
  const samples = ['0,measure,1000,1500,ok', '1,measure,2000,2900,ok', '2,measure,3000,3200,ok'];
  // Served in 400, 100 and 100 µs.
  const truth = [served(2, 3050, 3150), served(0, 1050, 1450), served(1, 2700, 2800)];
  expect(errorOf(samples, truth)).toEqual({
    n: 3,
    p50_ms: 0.1,
    p99_ms: 0.8,
    max_ms: 0.8,
    unmatched_n: 0,
    out_of_order_n: 0,
  });
});

it('leaves out the warm-up and what was not answered', () => {
  const samples = ['0,warmup,1000,1500,ok', '1,measure,2000,2900,timeout_total', '2,measure,,,dropped'];
  expect(errorOf(samples, [served(0, 1050, 1450)])).toMatchObject({ n: 0, p50_ms: null, unmatched_n: 0 });
});

it.each([
  ['received before it was sent', served(0, 999, 1400)],
  ['answered before it was received', served(0, 1400, 1300)],
  ['answered after its end', served(0, 1100, 1501.5)],
])('counts a request that was %s', (_what, truth) => {
  expect(errorOf(['0,measure,1000,1500,ok'], [truth])).toMatchObject({ n: 1, out_of_order_n: 1 });
});

it('takes the end of a request as a whole microsecond that was cut off', () => {
  expect(errorOf(['0,measure,1000,1500,ok'], [served(0, 1000, 1500.9)])).toMatchObject({ out_of_order_n: 0 });
});

it('counts an answered request that the server has no line of', () => {
  expect(errorOf(['7,measure,1000,1500,ok'], [served(0, 1100, 1200)])).toMatchObject({ n: 0, unmatched_n: 1 });
});
