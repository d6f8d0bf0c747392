import { US_PER_S } from '../units.js';

/** How often, and how long in all. */
export interface Duration {
  readonly count: number;
  readonly us: number;
}

/** Counts of values that are at most each bound, as Prometheus has them. */
export interface Histogram {
  readonly bounds: readonly number[];
  /** `[bounds]`, cumulative. */
  readonly atMost: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** What a service did since it began; all of it only grows. */
export interface ServiceTotals {
  /** Answered as asked, from the receipt to the answer; hits of the cache included. */
  readonly success: Duration;
  /** All others: wrong requests, refusals of a full queue, faults on request. */
  readonly fail: Duration;
  /** What successes that were computed waited for a slot. */
  readonly queue: Duration;
  /** The service time of each such success: that of its whole batch. */
  readonly service: Duration;
  readonly cacheHit: Duration;
  readonly cacheMiss: Duration;
  /** Items of the computed successes. */
  readonly items: number;
  /** Services by their number of items. */
  readonly batches: ReadonlyMap<number, Duration>;
  readonly full: number;
  readonly errors: number;
  readonly resets: number;
  /** Epoch ms of the last request; 0 before the first. */
  readonly lastEpochMs: number;
  /** Seconds, per request and per batch. */
  readonly queueS: Histogram;
  readonly serviceS: Histogram;
  readonly batchItems: Histogram;
}

/** What the totals hear of one request. */
export type Ended =
  | { readonly kind: 'served'; readonly items: number; readonly queuedUs: number; readonly serviceUs: number }
  | { readonly kind: 'hit' | 'wrong' | 'full' | 'error' | 'reset' };

export interface TotalsKeeper {
  readonly totals: ServiceTotals;
  /** A request that took `us` from its receipt to its answer. */
  request(ended: Ended, us: number, epochMs: number): void;
  batch(items: number, serviceUs: number): void;
  /** A look into the cache. */
  lookup(isHit: boolean, us: number): void;
}

const TIME_BOUNDS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

type Mutable<Shape> = { -readonly [Name in keyof Shape]: Mutable<Shape[Name]> };

/** Nothing so far. */
export function totalsKeeper(): TotalsKeeper {
  const batches = new Map<number, Mutable<Duration>>();
  const queueS = histogram(TIME_BOUNDS_S);
  const serviceS = histogram(TIME_BOUNDS_S);
  const batchItems = histogram(BATCH_BOUNDS);
  const totals = {
    success: none(),
    fail: none(),
    queue: none(),
    service: none(),
    cacheHit: none(),
    cacheMiss: none(),
    items: 0,
    batches,
    full: 0,
    errors: 0,
    resets: 0,
    lastEpochMs: 0,
    queueS,
    serviceS,
    batchItems,
  };
  return {
    totals,
    request(ended, us, epochMs) {
      totals.lastEpochMs = epochMs;
      switch (ended.kind) {
        case 'served':
          add(totals.success, us);
          add(totals.queue, ended.queuedUs);
          add(totals.service, ended.serviceUs);
          observe(queueS, ended.queuedUs / US_PER_S);
          totals.items += ended.items;
          return;
        case 'hit':
          add(totals.success, us);
          return;
        case 'wrong':
          break;
        case 'full':
          totals.full += 1;
          break;
        case 'error':
          totals.errors += 1;
          break;
        case 'reset':
          totals.resets += 1;
      }
      add(totals.fail, us);
    },
    batch(items, serviceUs) {
      const known = batches.get(items) ?? none();
      batches.set(items, known);
      add(known, serviceUs);
      observe(serviceS, serviceUs / US_PER_S);
      observe(batchItems, items);
    },
    lookup(isHit, us) {
      add(isHit ? totals.cacheHit : totals.cacheMiss, us);
    },
  };
}

function none(): Mutable<Duration> {
  return { count: 0, us: 0 };
}

function add(duration: Mutable<Duration>, us: number): void {
  duration.count += 1;
  duration.us += us;
}

function histogram(bounds: readonly number[]): Mutable<Histogram> {
  return { bounds: [...bounds], atMost: bounds.map(() => 0), count: 0, sum: 0 };
}

function observe(target: Mutable<Histogram>, value: number): void {
  target.count += 1;
  target.sum += value;
  for (let index = target.bounds.length - 1; index >= 0 && value <= (target.bounds[index] as number); index--) {
    target.atMost[index] = (target.atMost[index] as number) + 1;
  }
}
