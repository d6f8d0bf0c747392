import type { Dataset, Item } from '../datasets/dataset.js';
import type { Random } from '../random.js';
import { shuffledIndexes } from '../random.js';
import type { Protocol, WireRequest } from './protocol.js';

/** More bytes than this are not kept ready; what fits is sent again and again. */
const MAX_POOL_BYTES = 64 * 2 ** 20;

/** The requests of a run, encoded before its clock starts. */
export interface Payloads {
  /** Distinct requests, in their shuffled order. */
  readonly requests: readonly WireRequest[];
  /** Bytes of all paths and bodies in the pool. */
  readonly bytes: number;
}

export interface PayloadOptions {
  readonly protocol: Protocol;
  readonly dataset: Dataset;
  /** Items per request. */
  readonly batchSize: number;
  readonly random: Random;
}

/**
 * Encodes the dataset in a shuffled order, a batch of different items to a request. Items come twice in a batch only
 * when the dataset has fewer than the batch wants. Throws RangeError for items that the protocol cannot carry.
 */
export function payloads({ protocol, dataset, batchSize, random }: PayloadOptions): Payloads {
  const order = shuffledIndexes(dataset.size, random);
  const wanted = Math.ceil(dataset.size / batchSize);
  const pool: WireRequest[] = [];
  let bytes = 0;
  for (let batch = 0; batch < wanted && bytes < MAX_POOL_BYTES; batch++) {
    const items = Array.from({ length: batchSize }, (_, place): Item => {
      const index = (batch * batchSize + place) % dataset.size;
      return dataset.at(order[index] as number);
    });
    const request = protocol.encode(items);
    bytes += request.path.length + (request.body?.length ?? 0);
    pool.push(request);
  }
  return { requests: pool, bytes };
}

/** The request with a sequence number: the pool over and over. */
export function requestAt(requests: readonly WireRequest[], seq: number): WireRequest {
  return requests[seq % requests.length] as WireRequest;
}
