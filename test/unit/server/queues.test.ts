import { describe, expect, it } from 'vitest';
import {
  type BatchServer,
  batchCapacity,
  batchCycle,
  md1Mean,
  md1Quantile,
  md1WaitShare,
  mm1Mean,
  mm1Quantile,
  replayBatches,
  replayFifo,
} from '../../../bench/harness/queue-theory.js';
import { quantile } from '../../../bench/harness/statistics.js';
import { exponential, random } from '../../../src/random.js';
import { agenda } from '../../../src/server/agenda.js';
import { type ServiceTime, serviceTimes } from '../../../src/server/service-time.js';
import { slots } from '../../../src/server/slots.js';
import { handClock } from '../../support/clock.js';

const SERVICE_US = 5_000;
const LOADS = [0.3, 0.6, 0.85] as const;
const COUNT = 300_000;
/** Requests before the queue has forgotten that it began empty. */
const START = 10_000;

function poisson(perUs: number, count: number, seed: number): Float64Array {
  const source = random(seed, 'arrivals');
  let atUs = 0;
  return Float64Array.from({ length: count }, () => {
    atUs += exponential(source) / perUs;
    return atUs;
  });
}

/** Response times of the server's own queue, which is looked at only when a request comes. */
function serve(arrivalsUs: Float64Array, serviceUs: (items: number) => number, maxBatch = 1): Float64Array {
  const clock = handClock();
  const events = agenda(clock);
  const endUs = (startUs: number, workUs: number) => startUs + workUs;
  const queueLimit = Number.POSITIVE_INFINITY;
  const own = slots(events, { concurrency: 1, queueLimit, maxBatch, batchTimeoutUs: 0, serviceUs, endUs });
  const responsesUs = new Float64Array(arrivalsUs.length);
  for (const [index, atUs] of arrivalsUs.entries()) {
    clock.set(atUs);
    events.happens(() =>
      own.add(1, () => {
        responsesUs[index] = events.nowUs() - atUs;
      }),
    );
  }
  clock.set(Number.MAX_VALUE);
  events.happens(() => {});
  return responsesUs;
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
const largestDifference = (one: Float64Array, other: Float64Array) =>
  one.reduce((most, value, index) => Math.max(most, Math.abs(value - (other[index] as number))), 0);

describe('theory', () => {
  it('knows the published values', () => {
    const queue = { load: 0.5, service: 1 };
    expect([mm1Mean(queue), md1Mean(queue)]).toEqual([2, 1.5]);
    expect(mm1Quantile(queue, 0.95)).toBeCloseTo(5.991, 3);
    // An idle server is found as often as it is idle; within one service time e^ρu times as often.
    expect(md1WaitShare(queue, 0)).toBeCloseTo(0.5, 12);
    expect(md1WaitShare(queue, 0.5)).toBeCloseTo(0.5 * Math.exp(0.25), 12);
    expect(md1WaitShare(queue, 15)).toBeCloseTo(1, 6);
    expect(batchCapacity({ base: 5, perItem: 2, max: 8 })).toBeCloseTo(8 / 21, 12);
  });
});

describe.each(LOADS)('one slot at a load of %d', (load) => {
  const arrivalsUs = poisson(load / SERVICE_US, COUNT, 3);
  const queue = { load, service: SERVICE_US };
  const fixed: ServiceTime = { kind: 'linear', baseUs: SERVICE_US, perItemUs: 0 };
  const drawn: ServiceTime = { kind: 'exponential', meanUs: SERVICE_US };

  it.each([
    ['M/D/1', fixed, md1Mean(queue), md1Quantile(queue, 0.95)],
    ['M/M/1', drawn, mm1Mean(queue), mm1Quantile(queue, 0.95)],
  ])('is %s: as its replay for each request, as theory within 5 %%', (_name, model, meanUs, p95Us) => {
    const responsesUs = serve(arrivalsUs, serviceTimes(model, random(5, 'service')));
    const next = serviceTimes(model, random(5, 'service'));
    expect(
      largestDifference(
        responsesUs,
        replayFifo(arrivalsUs, () => next(1)),
      ),
    ).toBeLessThan(0.01);
    const settled = responsesUs.subarray(START);
    expect(Math.abs(mean(settled) / meanUs - 1)).toBeLessThan(0.05);
    expect(Math.abs(quantile(settled, 0.95) / p95Us - 1)).toBeLessThan(0.05);
  });
});

describe('a server of batches', () => {
  const server: BatchServer = { base: 5_000, perItem: 2_000, max: 8 };
  const model: ServiceTime = { kind: 'linear', baseUs: server.base, perItemUs: server.perItem };

  it.each(LOADS)('is as its replay for each request at a load of %d', (load) => {
    const arrivalsUs = poisson(load * batchCapacity(server), 50_000, 3);
    const responsesUs = serve(arrivalsUs, serviceTimes(model, random(5, 'service')), server.max);
    expect(largestDifference(responsesUs, replayBatches(arrivalsUs, server))).toBeLessThan(0.01);
  });

  it.each([1, 2, 3, 4, 8, 16])('answers each of %d users who send again at once as theory says', (users) => {
    const clock = handClock();
    const events = agenda(clock);
    const own = slots(events, {
      concurrency: 1,
      queueLimit: Number.POSITIVE_INFINITY,
      maxBatch: server.max,
      batchTimeoutUs: 0,
      serviceUs: serviceTimes(model, random(1, 'service')),
      endUs: (startUs, workUs) => startUs + workUs,
    });
    const responsesUs: number[] = [];
    const send = () => {
      const sentUs = events.nowUs();
      own.add(1, () => {
        responsesUs.push(events.nowUs() - sentUs);
        send();
      });
    };
    events.happens(() => {
      for (let user = 0; user < users; user++) {
        send();
      }
    });
    clock.set(10_000_000);
    events.happens(() => {});
    const settled = responsesUs.slice(responsesUs.length / 2);
    expect(settled.length).toBeGreaterThan(100);
    expect(settled.reduce((sum, us) => sum + us, 0) / settled.length).toBeCloseTo(batchCycle(server, users), 6);
  });
});
