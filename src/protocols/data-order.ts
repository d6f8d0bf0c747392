import { type IndexedRandom, indexedRandom } from '../random.js';

/** In which order the payloads of a run go out, as plain data. */
export type DataOrder =
  /** Each once before any comes again, in the one order that they were shuffled into. */
  | { readonly kind: 'unique' }
  /** The same, shuffled anew for each time round. */
  | { readonly kind: 'shuffle' }
  /** A share of the requests, `rate`, repeats one and the same payload; the rest has each other one once. */
  | { readonly kind: 'repeat'; readonly rate: number }
  /** The k-th payload as often as 1 / k^exponent. */
  | { readonly kind: 'zipf'; readonly exponent: number };

/** Which of `payloads` the n-th request has, from 0. */
export type PayloadIndex = (request: number) => number;

/**
 * The order as a function of the request's number alone: whoever sends it, and however many share the sending, it is
 * the same payload.
 */
export function payloadIndex(order: DataOrder, payloads: number, seed: number): PayloadIndex {
  const random = indexedRandom(seed, 'order');
  switch (order.kind) {
    case 'unique':
      return (request) => request % payloads;
    case 'shuffle':
      return (request) => random.shuffledPlace(request % payloads, payloads, Math.floor(request / payloads));
    case 'repeat':
      return repeated(order.rate, payloads, random);
    case 'zipf':
      return zipf(order.exponent, payloads, random);
  }
}

/** In each so many requests the share of repeats is met, to a request. */
const BLOCK = 1000;

/**
 * Payload 0 for a share of the requests, the others in turn for the rest, both shuffled among each other. Source: the
 * cache rate of the mlapi benchmark, where a fixed request goes out with this probability and a new one otherwise; here
 * the share is met within each thousand requests in place of on the average.
 */
function repeated(rate: number, payloads: number, random: IndexedRandom): PayloadIndex {
  const others = payloads - 1;
  const newBefore = (block: number) => Math.round(block * BLOCK * (1 - rate));
  return (request) => {
    const block = Math.floor(request / BLOCK);
    const place = random.shuffledPlace(request % BLOCK, BLOCK, block);
    const number = newBefore(block) + place;
    return others === 0 || number >= newBefore(block + 1) ? 0 : 1 + (number % others);
  };
}

/** Zipf's law by the inverse of its cumulated shares. */
function zipf(exponent: number, payloads: number, random: IndexedRandom): PayloadIndex {
  const cumulated = new Float64Array(payloads);
  let sum = 0;
  for (let rank = 0; rank < payloads; rank++) {
    sum += (rank + 1) ** -exponent;
    cumulated[rank] = sum;
  }
  return (request) => {
    const wanted = random.unitAt(request) * sum;
    let [low, high] = [0, payloads - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] as number) > wanted) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
}

/** The share of the first so many requests whose payload one before them had; null without a request. */
export function repeatedRatio(index: PayloadIndex, payloads: number, requests: number): number | null {
  const seen = new Uint8Array(payloads);
  let distinct = 0;
  for (let request = 0; request < requests; request++) {
    const payload = index(request);
    distinct += 1 - (seen[payload] as number);
    seen[payload] = 1;
  }
  return requests === 0 ? null : 1 - distinct / requests;
}
