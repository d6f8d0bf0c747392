import type { Clock } from '../clock.js';
import { random } from '../random.js';
import { agenda } from './agenda.js';
import { type CacheLimits, responseCache } from './response-cache.js';
import { type ServiceTime, serviceTimes } from './service-time.js';
import { type Slots, slots } from './slots.js';
import { type Stall, workEndsUs } from './stalls.js';
import { type Ended, type ServiceTotals, totalsKeeper } from './totals.js';

/** How a server behaves between a request and its answer. */
export interface Behaviour {
  /** Of the service times and of the faults, each a stream of its own. */
  readonly seed: number;
  /** Absent: what the model itself takes. */
  readonly serviceTime?: ServiceTime | undefined;
  /** Services at the same time; Infinity: no limit. */
  readonly concurrency: number;
  /** Requests that may wait; Infinity: no limit. */
  readonly queueLimit: number;
  /** Items that are served together; 1: no batching. */
  readonly maxBatch: number;
  readonly batchTimeoutUs: number;
  readonly cache?: CacheLimits | undefined;
  readonly stall?: Stall | undefined;
  /** Share of requests that get an error, and whose connection is reset: 0 to 1, together at most 1. */
  readonly errorRatio: number;
  readonly resetRatio: number;
}

/** The model's own speed, no limit, no cache, no fault. */
export const PLAIN_BEHAVIOUR: Behaviour = {
  seed: 1,
  concurrency: Number.POSITIVE_INFINITY,
  queueLimit: Number.POSITIVE_INFINITY,
  maxBatch: 1,
  batchTimeoutUs: 0,
  errorRatio: 0,
  resetRatio: 0,
};

/** What an inference request asks of the service. */
export interface Work<Value> {
  /** The same for requests that must get the same answer: 16 or more hexadecimal digits. Asked for only with a cache. */
  key(): string;
  /** Lets the model work. */
  run(): {
    readonly value: Value;
    readonly items: number;
    /** Whether it is an answer, not the refusal of a wrong request. */
    readonly ok: boolean;
  };
}

/** What the cache has to do with an answer. */
export interface CacheState {
  readonly isHit: boolean;
  /** How much longer the answer holds, µs. */
  readonly leftUs: number;
  /** Names the request, and so its answer: 32 bits. */
  readonly tag: number;
}

/** How a request ends. */
export type End<Value> =
  | { readonly kind: 'answer'; readonly value: Value; readonly cache?: CacheState }
  /** Refused since the queue is full. */
  | { readonly kind: 'full' }
  /** Faults on request. */
  | { readonly kind: 'error' }
  | { readonly kind: 'reset' };

/** Calls back when the answer may leave: at once, or later. */
export type Serve<Value> = (work: Work<Value>, done: (end: End<Value>) => void) => void;

/** What inference requests pass through, for one model; entrances share its slots, not its cache. */
export interface Service {
  /** An entrance for answers of one form. */
  entrance<Value>(): Serve<Value>;
  readonly totals: ServiceTotals;
  readonly slots: Pick<Slots, 'waiting' | 'inService'>;
  /** Forgets requests that have no answer yet. */
  close(): void;
}

/**
 * The way of a request:
 *
 *     receipt ─▶ fault? ─▶ in the cache? ─▶ room? ─▶ model ─▶ queue, batch ─▶ service time ─▶ answer
 *                 │            │             │         └ a wrong request is refused without service
 *                 └────────────┴─────────────┴ answered at once, or when a stall ends
 *
 * The model works on receipt: its time is part of the service time where it does not have to wait for a slot.
 */
export function createService(clock: Clock, behaviour: Behaviour): Service {
  const { cache: limits, serviceTime, errorRatio, resetRatio } = behaviour;
  const events = agenda(clock);
  const keeper = totalsKeeper();
  const endUs = behaviour.stall ? workEndsUs(behaviour.stall) : (startUs: number, workUs: number) => startUs + workUs;
  const served = slots(events, {
    ...behaviour,
    endUs,
    serviceUs: serviceTime ? serviceTimes(serviceTime, random(behaviour.seed, 'service')) : () => 0,
  });
  const faults = random(behaviour.seed, 'faults');

  function drawFault(): 'error' | 'reset' | undefined {
    if (errorRatio + resetRatio === 0) {
      return undefined;
    }
    const unit = faults.unit();
    return unit < errorRatio ? 'error' : unit < errorRatio + resetRatio ? 'reset' : undefined;
  }

  function entrance<Value>(): Serve<Value> {
    const cache = limits && responseCache<Value>(limits);

    return (work, done) =>
      events.happens(() => {
        const receivedUs = events.nowUs();

        function finish(ended: Ended, end: End<Value>): void {
          const nowUs = events.nowUs();
          keeper.request(ended, nowUs - receivedUs, clock.epochMsAt(nowUs));
          done(end);
        }
        const finishUnserved = (kind: Exclude<Ended['kind'], 'served'>, end: End<Value>) =>
          events.at(endUs(receivedUs, 0), () => finish({ kind }, end));

        const fault = drawFault();
        if (fault) {
          finishUnserved(fault, { kind: fault });
          return;
        }
        const startedUs = clock.nowUs();
        const key = cache ? work.key() : '';
        const tag = Number.parseInt(key.slice(0, 8), 16);
        const found = cache?.get(key, receivedUs);
        if (cache) {
          keeper.lookup(found !== undefined, clock.nowUs() - startedUs);
        }
        if (found) {
          const state = { isHit: true, leftUs: found.expiresUs - receivedUs, tag };
          finishUnserved('hit', { kind: 'answer', value: found.value, cache: state });
          return;
        }
        if (!served.hasRoom()) {
          finishUnserved('full', { kind: 'full' });
          return;
        }
        const { value, items, ok } = work.run();
        if (!ok) {
          finishUnserved('wrong', { kind: 'answer', value });
          return;
        }
        const modelUs = clock.nowUs() - startedUs;
        served.add(items, ({ queuedUs, serviceUs, batchItems, isFirst }) => {
          cache?.set(key, value, events.nowUs());
          // Without a model of the service time it is what the model itself took.
          const tookUs = Math.max(serviceUs, modelUs);
          if (isFirst) {
            keeper.batch(batchItems, tookUs);
          }
          const state = limits && { isHit: false, leftUs: limits.ttlUs, tag };
          finish(
            { kind: 'served', items, queuedUs, serviceUs: tookUs },
            { kind: 'answer', value, ...(state && { cache: state }) },
          );
        });
      });
  }

  return { entrance, totals: keeper.totals, slots: served, close: events.close };
}
