import type { Agenda } from './agenda.js';

/** How requests are served: in slots, first come, first served. */
export interface SlotsOptions {
  /** Services at the same time; Infinity: every request is served as it comes. */
  readonly concurrency: number;
  /** Requests that may wait for a slot; Infinity: all. */
  readonly queueLimit: number;
  /** Items that are served together; 1: each request alone. A request of more is served alone. */
  readonly maxBatch: number;
  /** How long a free slot waits for a batch to fill, µs, from the arrival of its first request. */
  readonly batchTimeoutUs: number;
  /** The service time of a batch of so many items, µs. */
  serviceUs(items: number): number;
  /** When work that begins is done. */
  endUs(startUs: number, workUs: number): number;
}

/** What was done for a request; times in µs. */
export interface Served {
  readonly queuedUs: number;
  /** Of the whole batch; stalls included. */
  readonly serviceUs: number;
  /** Items of the whole batch. */
  readonly batchItems: number;
  /** The first request of a batch tells of the batch. */
  readonly isFirst: boolean;
}

export interface Slots {
  /** Whether one more request may come. */
  hasRoom(): boolean;
  /** Queues a request that came at the agenda's now; calls back when its service ends. */
  add(items: number, done: (served: Served) => void): void;
  /** Requests that wait for a slot, or for their batch to fill. */
  waiting(): number;
  /** Requests in service. */
  inService(): number;
}

interface Job {
  /** At least 1. */
  readonly items: number;
  readonly arrivedUs: number;
  readonly done: (served: Served) => void;
}

/** Slots with nothing in them. Times come from the agenda alone. */
export function slots(agenda: Agenda, options: SlotsOptions): Slots {
  const { concurrency, queueLimit, maxBatch, batchTimeoutUs } = options;
  const queue: Job[] = [];
  let queuedItems = 0;
  let busy = 0;
  let inService = 0;

  /** A batch that can grow no more, or that its first request has waited for long enough. */
  function isReady(): boolean {
    const [first] = queue;
    return first !== undefined && (queuedItems >= maxBatch || agenda.nowUs() >= first.arrivedUs + batchTimeoutUs);
  }

  function nextBatch(): readonly Job[] {
    const batch: Job[] = [];
    let items = 0;
    for (let next = queue[0]; next && (items === 0 || items + next.items <= maxBatch); next = queue[0]) {
      queue.shift();
      batch.push(next);
      items += next.items;
    }
    queuedItems -= items;
    return batch;
  }

  function fill(): void {
    while (busy < concurrency && isReady()) {
      serve(nextBatch());
    }
  }

  function serve(batch: readonly Job[]): void {
    const startUs = agenda.nowUs();
    const batchItems = batch.reduce((sum, { items }) => sum + items, 0);
    const endUs = options.endUs(startUs, options.serviceUs(batchItems));
    busy += 1;
    inService += batch.length;
    agenda.at(endUs, () => {
      busy -= 1;
      inService -= batch.length;
      // What waits is taken before the answers bring more, as it would be from a client that is some way off.
      fill();
      for (const [index, { arrivedUs, done }] of batch.entries()) {
        done({ queuedUs: startUs - arrivedUs, serviceUs: endUs - startUs, batchItems, isFirst: index === 0 });
      }
    });
  }

  return {
    // With a free slot, what waits is a batch that fills: it is no queue.
    hasRoom: () => busy < concurrency || queue.length < queueLimit,
    add(items, done) {
      const job = { items: Math.max(1, items), arrivedUs: agenda.nowUs(), done };
      queue.push(job);
      queuedItems += job.items;
      fill();
      if (maxBatch > 1 && batchTimeoutUs > 0) {
        agenda.at(job.arrivedUs + batchTimeoutUs, fill);
      }
    },
    waiting: () => queue.length,
    inService: () => inService,
  };
}
