/** What queueing theory says of one server with Poisson arrivals, and the same queues in virtual time. Times in one unit. */

/** Load (arrivals × service time, below 1) and mean service time. */
export interface Queue {
  readonly load: number;
  readonly service: number;
}

/** Mean response time of M/M/1: s / (1 − ρ). */
export function mm1Mean({ load, service }: Queue): number {
  return service / (1 - load);
}

/** Response time of M/M/1 that a share of requests stays below: exponential, −ln(1 − p) · s / (1 − ρ). */
export function mm1Quantile({ load, service }: Queue, share: number): number {
  return (-Math.log(1 - share) * service) / (1 - load);
}

/** Mean response time of M/D/1: s + ρs / (2(1 − ρ)). Source: Pollaczek and Khinchine. */
export function md1Mean({ load, service }: Queue): number {
  return service + (load * service) / (2 * (1 - load));
}

/**
 * Share of requests that wait at most `wait` in M/D/1. Source: Erlang 1909; with u = wait / s
 *
 *     P(W ≤ wait) = (1 − ρ) Σ_{k=0}^{⌊u⌋} (ρ(k − u))^k / k! · e^(−ρ(k − u))
 *
 * Terms of both signs grow with u: good to nine digits up to u = 20 or so.
 */
export function md1WaitShare({ load, service }: Queue, wait: number): number {
  const u = wait / service;
  let sum = 0;
  let factorial = 1;
  for (let k = 0; k <= u; k++) {
    factorial *= Math.max(1, k);
    sum += ((load * (k - u)) ** k / factorial) * Math.exp(-load * (k - u));
  }
  return (1 - load) * sum;
}

/** Response time of M/D/1 that a share of requests stays below. */
export function md1Quantile(queue: Queue, share: number): number {
  let [low, high] = [0, 20 * queue.service];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    [low, high] = md1WaitShare(queue, middle) < share ? [middle, high] : [low, middle];
  }
  return high + queue.service;
}

/** A server that serves what waits together: a batch of b items takes base + perItem · b, at most `max` items. */
export interface BatchServer {
  readonly base: number;
  readonly perItem: number;
  readonly max: number;
}

/** The most that it serves per time. */
export function batchCapacity({ base, perItem, max }: BatchServer): number {
  return max / (base + perItem * max);
}

/**
 * From one answer to the next of each of `users` who send again at once: a request waits for the batch in progress, so
 * that two batches make a cycle. For 2 ≤ users ≤ 2 · max; for one user base + perItem.
 */
export function batchCycle({ base, perItem }: BatchServer, users: number): number {
  return users === 1 ? base + perItem : 2 * base + perItem * users;
}

/** Response times of one server, first come first served, by Lindley's recursion. `service(n)` is that of the n-th. */
export function replayFifo(arrivals: ArrayLike<number>, service: (index: number) => number): Float64Array {
  let free = Number.NEGATIVE_INFINITY;
  return Float64Array.from({ length: arrivals.length }, (_, index) => {
    const arrival = arrivals[index] as number;
    free = Math.max(free, arrival) + service(index);
    return free - arrival;
  });
}

/** Response times of a batch server that begins with whatever waits when it is free. */
export function replayBatches(arrivals: ArrayLike<number>, { base, perItem, max }: BatchServer): Float64Array {
  const responses = new Float64Array(arrivals.length);
  let free = Number.NEGATIVE_INFINITY;
  for (let first = 0; first < arrivals.length; ) {
    const start = Math.max(free, arrivals[first] as number);
    let end = first + 1;
    while (end < arrivals.length && end - first < max && (arrivals[end] as number) <= start) {
      end += 1;
    }
    free = start + base + perItem * (end - first);
    for (; first < end; first++) {
      responses[first] = free - (arrivals[first] as number);
    }
  }
  return responses;
}
